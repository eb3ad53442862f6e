"""The pages in a real Chromium: everything is drawn, nothing fails, and no text of a person runs."""

import os
import shutil

import pytest
from plotly.offline import get_plotlyjs

from tests.report.charts.samples import importance, summary
from tests.report.charts.studies import study
from tests.report.charts.test_interactive import nasty_chart
from trader.report.charts import CHARTS
from trader.report.charts.draw import describe
from trader.report.charts.interactive import to_html
from trader.report.charts.interactive_figure import figure_of
from trader.report.charts.search import STUDY_CHARTS
from trader.report.charts.study_charts import describe_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("TRADER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: install Debian's, or name one in TRADER_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--enable-unsafe-swiftshader"])
        yield chromium
        chromium.close()


@pytest.fixture
def shown(browser, tmp_path):
    """Open charts one after the other; yields a page of each, and fails on any error, outside request or dialog."""
    (tmp_path / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")

    def open_all(charts, *, width):
        wrong = []
        tab = browser.new_page(viewport={"width": width, "height": 700})
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda request: request.url.startswith("file:") or wrong.append(request.url))
        for chart in charts:
            file = tmp_path / f"{chart.name}.html"
            file.write_text(to_html(chart, plotly_js="plotly.min.js"), encoding="utf-8")
            tab.goto(file.as_uri())
            yield chart, tab
        tab.close()
        assert wrong == []

    return open_all


def marks(tab) -> int:
    """How many lines, points, bars and uprights plotly has drawn."""
    found: int = tab.locator(".scatterlayer .trace, .barlayer .trace, .parcoords .y-axis").count()
    return found


@pytest.mark.parametrize(("width", "names"), [(1280, CHARTS), (390, ("equity", "exposure", "importance"))])
def test_a_chart_is_drawn_in_full_and_fits_its_window(shown, width, names):
    charts = [describe(name, summary(60), importance=importance()) for name in names]
    for chart, tab in shown(charts, width=width):
        tab.wait_for_selector(".plot-container")
        assert marks(tab) == tab.evaluate("document.querySelector('.js-plotly-plot').data.length"), chart.name
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, chart.name


def test_the_charts_of_a_study_are_drawn_in_full(shown):
    charts = [describe_study(study(40), name=name) for name in STUDY_CHARTS]
    drawn = {}
    for chart, tab in shown(charts, width=1280):
        tab.wait_for_selector(".plot-container")
        drawn[chart.name] = marks(tab)
    assert drawn == {"optimisation_history": 4, "param_importances": 1, "parallel_coordinate": 12}


def test_text_with_html_and_script_is_read_and_not_run(shown):
    for _, tab in shown([nasty_chart()], width=1280):
        tab.wait_for_selector(".plot-container")
        assert '<script>alert("x")</script> & $x_1$ <b>' in tab.locator("h1").inner_text()
        assert '<script>alert("x")</script> & $x_1$ <b>' in tab.locator(".legendtext").first.text_content()
        assert tab.locator("script").count() == 2


def test_plotly_knows_every_word_of_the_figures():
    graph_objects = pytest.importorskip("plotly.graph_objects")

    for points in (2, 60):
        for name in CHARTS:
            figure = figure_of(describe(name, summary(points), importance=importance()))
            assert len(graph_objects.Figure(figure).data) == len(figure["data"])  # it raises on what it does not know
