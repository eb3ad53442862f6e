"""A summary is the same whether it is made run by run or at once, and its figures are those of the whole table."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.summary.ledgers import HORIZON, HOUR, SETUP, START, ledgers, missed, row, table_of_rows
from trader.core.errors import BadData
from trader.core.evaluation.calibration import wilson
from trader.core.performance import annual_factor
from trader.jobs.figures import execution_of, performance_of
from trader.report.curves import equity_curves
from trader.report.summary.model import HIT_WINDOW, MOST_MARKS, RECENT_DAYS, Curves, MarkKind, Summary
from trader.report.summary.summarise import Stale, add_run, summarise
from trader.store.codec import from_json, to_json


def whole(rows, **changes):
    return summarise(table_of_rows(rows), setup=replace(SETUP, **changes), horizon=HORIZON)


def after(summary, each):
    return add_run(summary, each, setup=SETUP, horizon=HORIZON)


def ms(hour):
    return int((START + hour * HOUR).timestamp() * 1000)


def grown(rows):
    """The summary made run by run, each kept as JSON in between; where it may not go on it is made anew."""
    summary = None
    for place, each in enumerate(rows):
        try:
            summary = after(summary, each)
        except Stale:
            summary = whole(rows[: place + 1])
        summary = from_json(Summary, to_json(summary), key="summary.js", schema=1)
    return summary


@settings(max_examples=12, deadline=None)
@given(ledgers())
def test_made_run_by_run_and_made_at_once_it_is_the_same_bit_for_bit(rows):
    assert grown(rows) == whole(rows)


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(ledgers(most=60))
def test_of_many_longer_ledgers_it_is_the_same_too(rows):
    assert grown(rows) == whole(rows)


def test_old_days_keep_their_last_run_whether_they_grow_old_one_by_one_or_at_once():
    hours = (RECENT_DAYS + 3) * 24
    rows = [row(hour, close=100.0 + hour % 7) for hour in range(hours)]
    summary = whole(rows[:-80])
    for each in rows[-80:]:
        summary = after(summary, each)
    assert summary == whole(rows)
    last = [ms(hour) for hour in (3, 27, 51)]  # START is at 20:00, so the first day ends with hour 3
    recent = [ms(hour) for hour in range(hours - 1 - RECENT_DAYS * 24, hours)]
    assert summary.curves.time == tuple(last + recent)


def test_all_curves_have_a_value_a_point():
    curves = whole([row(hour) for hour in range(2000)]).curves
    assert {len(getattr(curves, each.name)) for each in fields(Curves)} == {len(curves.time)}


def test_a_run_that_is_in_it_and_an_older_one_change_nothing():
    rows = [row(hour) for hour in range(3)]
    summary = whole(rows)
    assert after(summary, rows[2]) is summary
    assert after(summary, row(0, close=7.0)) is summary


@pytest.mark.parametrize("late", [row(4), missed(5, klines=2)])
def test_a_run_after_others_that_it_lacks_is_refused(late):
    with pytest.raises(Stale, match="lacks 1 klines"):
        after(whole([row(0), row(1), row(2)]), late)


def test_an_absence_stands_for_the_klines_that_it_names():
    summary = after(whole([row(0), row(1)]), missed(4, klines=3))
    assert (summary.totals.missed, summary.now.open_time) == (3, START + 4 * HOUR)


@pytest.mark.parametrize("changes", [{"notional": 600.0}, {"fee_rate": 0.0}, {"mode": "dry-run"}])
def test_with_other_settings_it_does_not_go_on(changes):
    with pytest.raises(Stale, match="other settings"):
        add_run(whole([row(0)]), row(1), setup=replace(SETUP, **changes), horizon={})


def test_a_ledger_out_of_order_is_refused():
    with pytest.raises(BadData, match="out of order"):
        whole([row(1), row(0)])


def test_an_empty_ledger_has_no_summary():
    assert whole([]) is None


CONSISTENT = {
    "exposure": st.sampled_from([-1.0, -0.37, 0.0, 0.0, 1 / 3, 1.0]),
    "settled_net": st.floats(-0.05, 0.05),
    "settled_gross": st.floats(-0.05, 0.05),
    "settled_klines": st.integers(1, 3),
    "outcome": st.sampled_from(["decided", "decided", "filled"]),
}


@settings(max_examples=30, deadline=None)
@given(ledgers(changes=CONSISTENT))
def test_its_totals_are_the_figures_of_the_table(rows):
    totals, table = whole(rows).totals, table_of_rows(rows)
    figures = performance_of(table, interval="1h")
    exact = (figures.klines, figures.net, figures.gross, figures.max_drawdown, figures.round_trips)
    assert (totals.klines, totals.net, totals.gross, totals.max_drawdown, totals.round_trips) == exact
    hit_rate = totals.hits / totals.exposed if totals.exposed else math.nan
    assert hit_rate == pytest.approx(figures.hit_rate, rel=1e-15, nan_ok=True)
    assert totals.turnover == pytest.approx(figures.turnover, rel=1e-12)
    assert totals.growth - 1 == pytest.approx(figures.compounded, rel=1e-9, abs=1e-12)
    assert (totals.runs, totals.missed) == (len(rows), sum(each["missed"] for each in rows))


def test_the_sharpe_ratio_follows_from_the_totals():
    rng = np.random.default_rng(3)
    rows = [row(hour, settled_net=float(net)) for hour, net in enumerate(rng.normal(1e-4, 0.01, 500))]
    totals = whole(rows).totals
    mean = totals.net / totals.settled
    spread = math.sqrt((totals.net_squares - totals.settled * mean**2) / (totals.settled - 1))
    sharpe = performance_of(table_of_rows(rows), interval="1h").sharpe
    assert mean / spread * annual_factor("1h") == pytest.approx(sharpe, rel=1e-9)


def test_its_curves_are_the_equity_curves_of_the_table():
    rng = np.random.default_rng(4)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))
    rows = [
        row(
            hour,
            close=float(close),
            paper_net=float(rng.normal()),
            paper_gross=float(rng.normal()),
            execution_equity=float(rng.normal(0, 100)),
            exposure=float(rng.choice([-1.0, 0.0, 0.5])),
        )
        for hour, close in enumerate(closes)
    ]
    rows[7] |= {"close": None, "execution_equity": None, "outcome": "missed", "missed": 1}
    curves, same = whole(rows).curves, equity_curves(table_of_rows(rows).to_pandas(), interval="1h", notional=500.0)
    for name, scale in (("net", 100), ("gross", 100), ("hold", 100), ("execution", 100 / 500), ("exposure", 1)):
        kept = np.array([math.nan if value is None else value for value in getattr(curves, name)])
        np.testing.assert_allclose(scale * kept, getattr(same, name), atol=1e-4, err_msg=name)
    assert np.isnan(same.hold[7])
    assert tuple(np.array(curves.time) + 3_600_000) == tuple(same.closed)


def test_hold_begins_with_the_first_close_that_is_known():
    summary = whole([missed(0), row(1, close=50.0), row(2, close=55.0)])
    assert (summary.first, summary.first_close) == (START, 50.0)
    assert summary.curves.hold == (None, 0.0, 0.1)


def test_off_target_is_what_the_execution_figures_call_it():
    rows = [row(hour, target=1.0, position=position) for hour, position in enumerate((1.0, 0.96, 0.94, 1.06, 1.04))]
    table = table_of_rows(rows)
    assert whole(rows).totals.off_target == execution_of(table, notional=500.0).off_target.total() == 2
    assert whole(rows[:3]).now.off_target
    assert not whole(rows[:2]).now.off_target


def test_a_hand_computed_hour_of_each_cause_is_decomposed():
    """Wanted 5 units and holds 4 at 100; at 110 the paper book made 10 % and the execution book 40 less a sale's."""
    rows = [
        row(0, close=100.0, exposure=1.0, target=5.0, position=4.0, fees=0.4),
        row(
            1,
            close=110.0,
            paper_gross=0.1,
            paper_net=0.099,
            target=0.0,
            position=0.0,
            fees=0.9,
            basis=2.0,
            shortfall=0.5,
            execution_equity=36.6,
        ),
    ]
    causes = whole(rows).totals.decomposition
    expected = (0.1 * 500 - 5 * 10, 1 * 10, 2.0, 0.5, 0.9 - 0.5)
    got = (causes.rebalancing, causes.unfilled, causes.basis, causes.shortfall, causes.fees)
    assert got == pytest.approx(expected)
    assert causes.total == pytest.approx(0.099 * 500 - (40 - 2.0 - 0.5 - 0.9))


def test_after_a_reset_the_position_that_was_wiped_earns_nothing():
    rows = [
        row(0, close=100.0, exposure=1.0, target=5.0, position=5.0),
        row(1, close=110.0, paper_gross=0.1, paper_net=0.1, target=5.0, position=5.0, epoch=2, new_epoch="reset"),
    ]
    causes = whole(rows).totals.decomposition
    assert (causes.unfilled, causes.total) == (50.0, 50.0)


def test_the_hit_rate_is_over_the_newest_exposed_runs_that_are_scorable():
    gross = {hour: 0.01 if hour > 11 or hour % 2 else -0.01 for hour in range(HIT_WINDOW + 12)}
    rows = [row(hour, exposure=1.0, settled_gross=earned) for hour, earned in gross.items()]
    summary = whole([*rows, row(HIT_WINDOW + 12, exposure=0.0, settled_gross=-1.0, outcome="filled")])
    assert summary.recent == (1,) * HIT_WINDOW
    assert (summary.totals.exposed, summary.totals.hits) == (HIT_WINDOW + 11, HIT_WINDOW + 6)
    few = whole(rows[:5]).curves
    assert few.hit_rate == (None, 1.0, 0.5, 0.6667, 0.5)
    assert (few.hit_low[-1], few.hit_high[-1]) == pytest.approx(wilson(2, 4), abs=1e-4)


def test_an_absence_settles_nothing_and_is_neither_a_hit_nor_a_miss():
    rows = [
        row(0, exposure=1.0),
        row(1, exposure=1.0, settled_gross=0.01),
        missed(4, klines=3, exposure=1.0),
        row(5, exposure=1.0, settled_gross=0.02, settled_klines=4),
        row(6, exposure=0.0, settled_gross=-0.01),
    ]
    totals = whole(rows).totals
    assert (totals.hits, totals.exposed) == (2, 3)
    assert performance_of(table_of_rows(rows), interval="1h").hit_rate == pytest.approx(2 / 3)


def test_returns_of_exposed_hours_are_counted_in_tenths_of_a_per_cent_and_open_at_the_ends():
    nets = {-0.2: 0, -0.0505: 0, -0.0495: 1, -0.0005: 50, 0.0: 51, 0.0005: 51, 0.0015: 52, 0.0495: 100, 0.06: 101}
    rows = [row(0, exposure=1.0)]
    rows += [row(hour, exposure=1.0, settled_net=net) for hour, net in enumerate(nets, 1)]
    last = len(rows)
    rows += [missed(last, exposure=1.0), row(last + 1, exposure=0.0), row(last + 2, settled_net=0.03)]
    returns = whole(rows).returns  # neither what settled nothing nor what was not exposed
    expected = np.bincount([*nets.values(), 51], minlength=102)
    assert returns == tuple(expected)


def test_a_prediction_is_scored_by_the_close_its_models_horizon_later():
    rows = [
        row(0, model_id="b", p_up=0.62, close=100.0),
        row(1, model_id="a", p_up=0.35, close=90.0),
        row(2, model_id="a", p_up=1.0, close=90.0),
        row(3, model_id="a", p_up=None, close=101.0),
    ]
    bins = whole(rows).calibration
    assert bins.count == (0, 0, 0, 1, 0, 0, 1, 0, 0, 1)
    assert bins.ups == (0, 0, 0, 0, 0, 0, 1, 0, 0, 1)  # 90 is not higher than 90
    assert bins.brier == pytest.approx(0.35**2 + 0.38**2)
    assert bins.pending == ()
    assert whole(rows[:2]).calibration.pending == ((ms(0), 0.62, 100.0, 3), (ms(1), 0.35, 90.0, 1))


def test_a_filled_kline_on_the_way_and_a_close_that_was_not_seen_spoil_a_prediction():
    filled = [row(0, model_id="b"), row(1, p_up=None, outcome="filled"), row(2, p_up=None), row(3, p_up=None)]
    unseen = [row(0), missed(1), row(2, p_up=None)]
    passed = [row(0, model_id="b"), missed(2, klines=2), row(3, p_up=None, close=101.0)]
    assert [sum(whole(rows).calibration.count) for rows in (filled, unseen, passed)] == [0, 0, 1]


def test_marks_say_what_has_changed_and_when():
    training = {"training": 8, "training_outcome": "promoted", "trained_model": "b"}
    rows = [
        row(0, training=7),
        row(1, model_id="b", **training),
        missed(3, klines=2),
        row(4, model_id="b", halted=True, halt="lost <i>too much</i>", limit_reached=1, **training),
        row(5, model_id="b", halted=True, halt="lost <i>too much</i>", **training),
        row(6, model_id="b", **training),
        row(7, model_id="b", limit_reached=1, **training),
        row(8, model_id="b", control="halt", epoch=2, new_epoch="the account was reset", **training),
    ]
    marks = [(round((mark.at - START) / HOUR), mark.kind, mark.text) for mark in whole(rows).marks]
    assert marks == [
        (1, MarkKind.TRAINING, "training promoted: b"),
        (1, MarkKind.PROMOTION, "b decides"),
        (3, MarkKind.ABSENCE, "2 missed"),
        (4, MarkKind.HALT, "lost <i>too much</i>"),
        (6, MarkKind.RESUME, "trading goes on"),
        (7, MarkKind.LIMIT, "a loss limit was reached"),
        (8, MarkKind.HALT, "the operator said halt"),
        (8, MarkKind.EPOCH, "the account was reset"),
    ]


def test_only_the_newest_marks_are_kept():
    rows = [row(hour, limit_reached=1) for hour in range(MOST_MARKS + 5)]
    marks = whole(rows).marks
    assert (len(marks), marks[0].at) == (MOST_MARKS, START + 5 * HOUR)


def test_missing_hours_are_gaps_that_join_and_are_forgotten():
    rows = [row(0), missed(1), missed(3, klines=2), row(4), missed(5), row(6)]
    assert whole(rows).gaps == ((ms(1), ms(3)), (ms(5), ms(5)))
    assert whole([*rows, missed(6 + 90 * 24, klines=90 * 24)]).gaps == ((ms(7), ms(6 + 90 * 24)),)


def test_what_a_ledger_with_a_hole_lacks_is_a_gap_and_a_mark():
    summary = whole([row(0), row(3)])
    assert summary.gaps == ((ms(1), ms(2)),)
    assert [(mark.kind, mark.text) for mark in summary.marks] == [
        (MarkKind.ABSENCE, "the ledger has nothing of 2 klines before this one")
    ]
    assert (summary.totals.runs, summary.totals.missed) == (2, 0)


def test_a_missed_hour_leaves_model_books_and_switch_as_they_were():
    standing = {"target": 2.0, "position": 1.5, "training": 7, "training_outcome": "rejected", "control": "reduce"}
    now = whole([row(0, **standing), missed(1, target=2.0, position=1.5)]).now
    assert (now.outcome, now.p_up, now.close, now.model_id, now.control) == ("missed", None, None, "a", "reduce")
    assert (now.training, now.training_outcome, now.target, now.position) == (7, "rejected", 2.0, 1.5)


def test_runs_are_counted_by_month_and_by_reason():
    summary = whole([row(27), row(28, reason="inside-band"), row(29, reason="inside-band")])
    assert summary.months == {"2024-01": 1, "2024-02": 2}
    assert summary.reasons == {"long-signal": 1, "inside-band": 2}


@pytest.mark.parametrize(("notional", "execution"), [(500.0, 1.2346), (0.01, 1.23456789), (2e6, 1.0)])
def test_quote_units_are_rounded_to_about_a_millionth_of_the_notional(notional, execution):
    assert whole([row(0, execution_equity=1.23456789012)], notional=notional).curves.execution == (execution,)
