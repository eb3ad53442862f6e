"""What the charts of the operation show."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.charts.samples import summary
from trader.report.charts import operation
from trader.report.charts.description import Line, Points


def parts(chart, kind):
    return {part.name: part for panel in chart.panels for part in panel.parts if isinstance(part, kind)}


def test_the_five_causes_sum_to_the_line_of_all_together():
    chart = operation.execution(summary(100))
    lines = parts(chart, Line)
    whole = lines.pop("All together")
    assert list(lines) == ["Rebalancing", "Unfilled", "Basis", "Shortfall", "Fees"]
    assert np.allclose(sum(line.y for line in lines.values()), whole.y)
    drawn = summary(100).curves
    assert np.allclose(whole.y, 500 * np.array(drawn.net) - np.array(drawn.execution))


def test_causes_differ_in_print_too():
    lines = parts(operation.execution(summary(100)), Line).values()
    assert len({(line.color, line.dash) for line in lines}) == 6
    assert len({line.dash for line in lines}) == 3


def test_a_bot_without_an_execution_book_has_nothing_to_explain():
    drawn = summary(10).curves
    chart = operation.execution(summary(10, curves=replace(drawn, execution=(None,) * 10)))
    assert chart.empty == "There is no execution book yet."


def test_latency_tells_median_and_95_per_cent():
    drawn = summary(100).curves
    seconds = tuple(float(second) for second in range(1, 101))
    chart = operation.latency(summary(100, curves=replace(drawn, seconds=seconds, order_seconds=(None,) * 100)))
    assert list(parts(chart, Points)) == ["To commit"]
    assert parts(chart, Points)["To commit"].value == "median 50.5 s, 95 % under 95 s"
    assert "shown: 100 timed runs, 0 with a time to the order" in chart.subtitle


def test_seconds_of_zero_are_no_reason_to_fail_on_a_logarithmic_axis():
    drawn = summary(3).curves
    chart = operation.latency(summary(3, curves=replace(drawn, seconds=(0.0, 2.0, 8.0), order_seconds=(None,) * 3)))
    axis = chart.panels[0].y
    assert axis.low == pytest.approx(2 / 1.4)
    assert axis.ticks == ((3.0, "3 s"), (10.0, "10 s"))


def test_untimed_runs_are_said_to_be_untimed():
    drawn = summary(3).curves
    chart = operation.latency(summary(3, curves=replace(drawn, seconds=(None,) * 3, order_seconds=(None,) * 3)))
    assert (chart.panels, chart.empty) == ((), "No run has been timed yet.")
