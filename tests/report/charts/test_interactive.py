"""The pages: plotly takes every figure, no number gets lost, and no text becomes part of the page."""

import html
import json
import re

import pytest

from tests.report.charts.samples import NASTY, importance, summary
from trader.report.charts import draw_html
from trader.report.charts.description import (
    Axis,
    Bars,
    Chart,
    Coordinate,
    Flags,
    Line,
    Panel,
    Parallel,
    Points,
    Sign,
    floats,
)
from trader.report.charts.draw import describe
from trader.report.charts.interactive import to_html
from trader.report.charts.interactive_figure import figure_of


def shown(chart):
    return figure_of(chart)["data"]


def test_the_numbers_on_the_page_are_those_of_the_summary():
    drawn = summary(60).curves
    curves = {trace["name"].split("  ")[0]: trace for trace in shown(describe("equity", summary(60)))}
    assert curves["Paper net"]["y"] == pytest.approx([100 * net for net in drawn.net], rel=1e-6)
    assert curves["Paper net"]["x"] == [moment + 3_600_000 for moment in drawn.time]


def test_what_is_missing_is_null():
    traces = shown(describe("exposure", summary(60)))
    assert traces[0]["y"][5] is None
    assert "NaN" not in json.dumps(traces)


def test_panels_below_each_other_share_their_time_and_those_beside_their_names():
    below = figure_of(describe("exposure", summary(60)))
    assert {trace["xaxis"] for trace in below["data"]} == {"x"}
    assert {trace["yaxis"] for trace in below["data"]} == {"y", "y2", "y3"}
    tops = [below["layout"][f"yaxis{number}"]["domain"] for number in ("", "2", "3")]
    assert tops[0][1] == pytest.approx(1)
    assert tops[0][0] > tops[1][1] > tops[1][0] > tops[2][1]
    assert tops[2][0] == pytest.approx(0)
    beside = figure_of(describe("importance", summary(60), importance=importance()))
    assert beside["layout"]["yaxis2"]["matches"] == "y"


def test_an_interval_is_given_as_what_lies_above_and_below():
    part = Points(name="p", x=floats((1,)), y=floats((5,)), low=floats((3,)), high=floats((9,)), color="#000000")
    chart = Chart(name="c", title="", subtitle=(), panels=(Panel(parts=(part,), x=Axis(), y=Axis()),))
    (trace,) = shown(chart)
    assert (trace["error_y"]["array"], trace["error_y"]["arrayminus"]) == ([4], [2])


def nasty_chart() -> Chart:
    one = floats((1.0, 2.0))
    parts = (
        Line(name=NASTY, value=NASTY, x=one, y=one, color="#000000"),
        Points(name=NASTY, value=NASTY, x=one, y=one, color="#000000", notes=(NASTY, NASTY)),
        Bars(name=NASTY, at=one, value=one, width=1, color="#000000", notes=(NASTY, NASTY)),
        Flags(name=NASTY, x=one, notes=(NASTY, NASTY), color="#000000", sign=Sign.DOWN),
    )
    axis = Axis(label=NASTY, ticks=((1.0, NASTY),))
    return Chart(name="nasty", title=NASTY, subtitle=(NASTY,), panels=(Panel(parts=parts, x=axis, y=axis),))


def test_no_text_becomes_part_of_the_page():
    page = to_html(nasty_chart(), plotly_js="plotly.js")
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert html.escape(NASTY) in re.findall(r"<h1>(.*?)</h1>", page)


def test_plotly_gets_no_tags_either():
    told = json.dumps(figure_of(nasty_chart()))
    assert "<b>" not in told
    assert "<script" not in told
    assert told.count("&lt;script&gt;") == 3 + 5 + 4 + 4 + 4  # of line, points, bars and flags, and along the axes


def test_uprights_are_escaped_and_one_value_has_a_range():
    upright = Coordinate(name=NASTY, values=floats((2.0,)), ticks=((2.0, NASTY),))
    panel = Panel(parts=(Parallel(coordinates=(upright,)),), x=Axis(), y=Axis())
    (trace,) = shown(Chart(name="c", title="", subtitle=(), panels=(panel,)))
    (dimension,) = trace["dimensions"]
    assert dimension["label"] == dimension["ticktext"][0] == html.escape(NASTY, quote=False)
    assert dimension["range"] == [1.5, 2.5]


def test_what_people_wrote_beside_a_mark_is_text():
    page = draw_html("equity", summary(200))
    assert "alert(" in page
    assert "<script>alert" not in page


def test_plotly_comes_from_its_network_at_the_version_and_digest_that_are_installed():
    page = draw_html("drawdown", summary(60))
    sources = re.findall(r'(?:src|href)="(.*?)"', page)
    assert sources == ["https://cdn.plot.ly/plotly-" + sources[0].split("plotly-")[1]]
    assert re.search(r'integrity="sha256-[A-Za-z0-9+/]{43}="', page)
    assert "plot.ly" not in page.replace(sources[0], "")


def test_plotly_may_be_inside_the_page():
    page = to_html(describe("drawdown", summary(60)), plotly_js="")
    assert not re.search(r'<script[^>]+src="', page)
    assert len(page) > 1_000_000


def test_the_same_chart_is_the_same_page():
    assert draw_html("equity", summary(60)) == draw_html("equity", summary(60))
