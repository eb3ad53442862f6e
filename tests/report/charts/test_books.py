"""What the charts of the books show: the summary's numbers, in the units that their axes say."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.charts.samples import HOUR_MS, at, now, summary
from trader.report.charts import books
from trader.report.charts.description import Bars, Flags, Line, Spans
from trader.report.charts.heading import worth
from trader.report.summary.model import Curves, Mark, MarkKind, Totals

TWO = Curves(
    time=(1_704_067_200_000, 1_704_070_800_000),
    net=(0.0, 0.019),
    gross=(0.0, 0.02),
    hold=(0.0, -0.01),
    drawdown=(0.0, 0.003),
    execution=(0.0, 5.0),
    close=(40_000.0, None),
    exposure=(1.0, -1.0),
    p_up=(0.6, None),
)


def small(**changes):
    return summary(2, **{"curves": TWO, "marks": (), **changes})


def lines(chart) -> dict[str, Line]:
    return {part.name: part for panel in chart.panels for part in panel.parts if isinstance(part, Line)}


def test_equity_is_per_cent_of_the_notional_at_the_close_of_the_kline():
    found = lines(books.equity(small()))
    assert found["Paper net"].y.tolist() == pytest.approx([0.0, 1.9])
    assert found["Paper gross"].y.tolist() == pytest.approx([0.0, 2.0])
    assert found["Hold"].y.tolist() == pytest.approx([0.0, -1.0])
    assert found["Execution"].y.tolist() == pytest.approx([0.0, 1.0])  # 5 of 500
    assert found["Paper net"].x.tolist() == [moment + HOUR_MS for moment in TWO.time]
    assert found["Paper net"].value == "+1.90 %"


def test_what_has_no_value_leaves_a_gap_and_says_so():
    found = lines(books.equity(small(curves=replace(TWO, execution=(None, None)))))
    assert np.isnan(found["Execution"].y).all()
    assert found["Execution"].value == "no value"


def test_drawdown_is_below_zero_and_the_deepest_is_that_of_all_runs():
    chart = books.drawdown(small(totals=Totals(runs=2, max_drawdown=0.0123)))
    assert lines(chart)["Below its peak"].y.tolist() == pytest.approx([0.0, -0.3])
    assert [part.name for part in chart.panels[0].parts if part.name.startswith("Deepest")] == ["Deepest \u22121.23 %"]
    assert chart.panels[0].y.low < -1.23


def test_a_book_that_never_fell_has_no_negative_zero():
    chart = books.drawdown(small(curves=replace(TWO, drawdown=(0.0, 0.0)), totals=Totals(runs=2)))
    words = [part.name + getattr(part, "value", "") for part in chart.panels[0].parts]
    assert "Deepest 0.00 %" in words
    assert "Below its peaknow 0.00 %" in words


def test_price_probability_and_exposure_are_on_one_time_axis():
    chart = books.exposure(small())
    found = lines(chart)
    assert found["Close"].y.tolist()[:1] == [40_000.0]
    assert np.isnan(found["Close"].y[1])
    assert np.isnan(found["p(up)"].y[1])
    assert found["Exposure"].y.tolist() == [1.0, -1.0]
    assert len({panel.x for panel in chart.panels}) == 1


def test_the_histogram_puts_each_bin_where_the_summary_counted_it():
    counts = [0] * 102
    counts[51], counts[50], counts[0], counts[101] = 5, 3, 1, 2  # [0, 0.1 %), [-0.1 %, 0), below -5 %, 5 % or more
    chart = books.returns(summary(50, returns=tuple(counts)))
    bars = {part.name: part for part in chart.panels[0].parts if isinstance(part, Bars)}
    assert dict(zip(bars["won"].at.round(3).tolist(), bars["won"].value.tolist(), strict=True)) == {0.05: 5, 5.05: 2}
    assert dict(zip(bars["lost"].at.round(3).tolist(), bars["lost"].value.tolist(), strict=True)) == {
        -0.05: 3,
        -5.05: 1,
    }
    assert bars["lost"].notes == ("below \u22125.0 %", "\u22120.1 % to 0.0 %")
    assert bars["won"].notes == ("0.0 % to +0.1 %", "+5.0 % or more")
    assert "11 klines, 36.4 % of them lost" in chart.subtitle[2]


def test_without_a_settled_position_the_histogram_says_so():
    chart = books.returns(summary(50, returns=(0,) * 102))
    assert (chart.panels, chart.empty) == ((), "No exposed kline is settled yet.")


def test_a_halt_is_shaded_until_trading_goes_on_and_an_open_one_until_now():
    marks = tuple(
        Mark(at=at(hour), kind=kind, text="")
        for hour, kind in ((2, MarkKind.HALT), (5, MarkKind.RESUME), (8, MarkKind.HALT))
    )
    (spans,) = [part for part in books.halts(summary(11, marks=marks)) if isinstance(part, Spans)]
    hours = [tuple((edge - at(0).timestamp() * 1000) / HOUR_MS for edge in edges) for edges in spans.edges]
    assert hours == [(3, 6), (9, 11)]
    assert spans.name == "Halted (2\u00d7)"


def test_every_kind_of_mark_has_a_row_of_its_own_with_what_was_said():
    flags = [part for part in books.equity(summary(200)).panels[0].parts if isinstance(part, Flags)]
    assert [part.name for part in flags] == [
        "New champion (2)",
        "Training (4)",
        "Loss limit (1)",
        "New account (1)",
        "Absence (2)",
    ]
    assert "script" in flags[0].notes[0]
    assert len({part.color for part in flags}) == 5


def test_costs_span_and_round_trips_stand_over_every_chart_of_the_books():
    for draw in (books.equity, books.drawdown, books.exposure, books.returns):
        subtitle = "\n".join(draw(summary(50)).subtitle)
        assert "BTCUSDT 1h, paper, fee 10 bp, slippage 0 bp a side, notional 500" in subtitle
        assert "2024-01-01 00:00 to 2024-01-03 01:00 UTC, 50 runs" in subtitle
        assert "1 round trip" in subtitle
        assert "NO EVIDENCE" in subtitle


def test_costs_that_were_others_for_a_while_are_the_charged_ones():
    paid = Totals(runs=2, round_trips=30, turnover=4.0, gross=0.03, net=0.028)
    assert (
        "charged 5.0 bp a side on average; the settings now say fee 10 bp"
        in books.equity(small(totals=paid)).subtitle[0]
    )
    as_set = replace(paid, net=0.026)
    assert "paper, fee 10 bp, slippage 0 bp a side, notional" in books.equity(small(totals=as_set)).subtitle[0]


def test_a_table_of_returns_is_told_its_costs_and_what_they_are_worth():
    assert worth(small(totals=Totals(klines=5, round_trips=2))) == (
        "All runs: fee 10 bp, slippage 0 bp a side; 5 klines settled, 2 round trips;"
        " fewer than 30 round trips: NO EVIDENCE"
    )


def test_enough_round_trips_are_not_called_no_evidence():
    chart = books.equity(small(totals=Totals(runs=2, round_trips=30)))
    assert "NO EVIDENCE" not in "\n".join(chart.subtitle)


@pytest.mark.parametrize(("points", "says"), [(0, "No completed runs yet"), (1, "One run so far")])
def test_without_a_settled_run_there_is_no_curve(points, says):
    for draw in (books.equity, books.drawdown, books.exposure):
        chart = draw(summary(points, now=now(0)))
        assert chart.panels == ()
        assert says in chart.empty


def test_the_time_axis_owns_up_to_the_runs_that_are_left_out():
    assert books.equity(summary(50)).panels[0].x.label == "UTC, close of the kline"
    assert "the last run of each day" in books.equity(summary(1500)).panels[0].x.label
