"""What the charts of the predictions show."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.charts.samples import importance, summary
from trader.core.evaluation.calibration import wilson
from trader.ml.importance import ColumnImportance, Importance
from trader.report.charts import prediction
from trader.report.charts.description import Band, Bars, Level, Line, Points
from trader.report.summary.model import CalibrationBins, Curves, Totals


def parts(chart, kind):
    return [part for panel in chart.panels for part in panel.parts if isinstance(part, kind)]


def test_the_hit_rate_is_drawn_with_its_interval_and_against_a_coin():
    chart = prediction.hit_rate(summary(400))
    (line,), (band,) = parts(chart, Line), parts(chart, Band)
    known = np.isfinite(line.y)
    assert (band.low[known] <= line.y[known]).all()
    assert (band.high[known] >= line.y[known]).all()
    assert [level.at for level in parts(chart, Level)] == [50]
    assert not known[0]


def test_the_share_of_all_hits_is_over_the_exposed_klines():
    chart = prediction.hit_rate(summary(100, totals=Totals(runs=100, hits=30, exposed=80, round_trips=40)))
    assert "all: 80 exposed klines, 37.5 % right, 40 round trips" in chart.subtitle


def test_the_first_klines_do_not_set_the_scale():
    axis = prediction.hit_rate(summary(2500)).panels[0].y
    assert 20 < axis.low < 40
    assert 60 < axis.high < 80


def test_without_a_scored_kline_there_is_no_hit_rate():
    drawn = summary(50).curves
    nothing = (None,) * 50
    chart = prediction.hit_rate(summary(50, curves=replace(drawn, hit_rate=nothing, hit_low=nothing, hit_high=nothing)))
    assert chart.empty == "No kline with a position has been scored yet."


BINS = CalibrationBins(
    count=(0, 0, 0, 0, 40, 100, 10, 0, 0, 0),
    p_sum=(0, 0, 0, 0, 18.0, 54.0, 6.5, 0, 0, 0),
    ups=(0, 0, 0, 0, 10, 60, 7, 0, 0, 0),
    brier=36.0,
)


def test_each_bin_stands_at_its_mean_with_what_came_and_its_wilson_interval():
    chart = prediction.calibration(summary(50, calibration=BINS))
    many, few = parts(chart, Points)
    assert many.x.tolist() == pytest.approx([45.0, 54.0])
    assert many.y.tolist() == pytest.approx([25.0, 60.0])
    assert [many.low[0], many.high[0]] == pytest.approx([100 * edge for edge in wilson(10, 40)])
    assert (few.x.tolist(), few.y.tolist()) == (pytest.approx([65.0]), pytest.approx([70.0]))
    assert few.name == "Fewer than 30 predictions"
    assert few.notes == ("10 predictions",)


def test_the_counts_stand_below_and_the_brier_score_above():
    chart = prediction.calibration(summary(50, calibration=BINS))
    (bars,) = parts(chart, Bars)
    assert dict(zip(bars.at.tolist(), bars.value.tolist(), strict=True)) == {45.0: 40, 55.0: 100, 65.0: 10}
    assert "150 scored predictions, Brier 0.2400 (0.25: always 0.5)" in chart.subtitle


def test_without_a_scored_prediction_there_is_no_calibration():
    assert (
        prediction.calibration(summary(50, calibration=CalibrationBins())).empty == "No prediction has been scored yet."
    )


def test_the_column_that_is_missed_most_is_uppermost():
    columns = (
        ColumnImportance(name="a", gain=0.7, log_loss=-0.001, net=0.0),
        ColumnImportance(name="b", gain=0.1, log_loss=0.002, net=0.0),
        ColumnImportance(name="c", gain=0.2, log_loss=None, net=0.0),
    )
    chart = prediction.importance(summary(50), Importance(columns=columns, folds=12, hours=8640))
    assert [name for _, name in chart.panels[0].y.ticks] == ["a", "c", "b"]  # from the bottom up
    gain, loss = parts(chart, Bars)
    assert gain.value.tolist() == pytest.approx([70.0, 20.0, 10.0])
    assert loss.value[[0, 2]].tolist() == pytest.approx([-1.0, 2.0])
    assert np.isnan(loss.value[1])
    assert "8,640 unseen klines of 12 folds; below 0: better without it" in chart.subtitle


def test_a_model_without_a_report_has_no_importance():
    assert "no training report" in prediction.importance(summary(50), None).empty
    assert prediction.importance(summary(50), importance()).empty == ""


def test_nothing_at_all_is_said_to_be_nothing():
    chart = prediction.hit_rate(summary(0, curves=Curves()))
    assert (chart.panels, chart.empty[:17]) == ((), "No completed runs")
