"""What goes wrong is said in the page, and what people wrote is text, whatever it looks like."""

import copy
import shutil
from datetime import datetime, timedelta

import pytest

from tests.web.stores import HOSTILE, NAME, hours_ago
from trader.jobs.dashboard.scripts import as_script

pytestmark = pytest.mark.web


def test_html_in_texts_is_shown_as_text_everywhere(show, troubled, facts):
    opened = show(troubled.url)
    month = max(facts["summary"]["summary"]["months"])
    run = f"#/DEMOUSDT/run/{facts[month]['rows'][0][0]}"
    for route in ("#/DEMOUSDT", f"#/DEMOUSDT/runs?month={month}", run, "#/DEMOUSDT/models", "#/DEMOUSDT/data"):
        opened.go(route)
        assert HOSTILE in opened.page.inner_text("main"), route
        assert opened.page.locator("main img, main script, main iframe").count() == 0, route


def test_marks_of_people_are_text_in_the_chart_that_shows_them(show, troubled):
    opened = show(troubled.url).go("#/DEMOUSDT")
    point = opened.page.locator("figure.wide .scatterlayer .points path").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.page.wait_for_selector("figure.wide .hoverlayer text")
    assert "<b>x</b><img src=x" in opened.page.text_content("figure.wide .hoverlayer")
    assert opened.page.locator("figure.wide .hoverlayer img, figure.wide .hoverlayer image").count() == 0


def test_a_bot_that_is_late_is_said_to_be_with_the_command_that_tells_why(show, troubled, facts):
    opened = show(troubled.url).go("#/DEMOUSDT", charts=False)
    late = hours_ago(facts["summary"]["summary"]) - timedelta(hours=2)
    words = opened.text(".health")
    assert f"LATE by {late.days} days" in words
    assert "this device's clock" in words
    assert "HALTED" in words
    assert "trader doctor" in opened.text()
    assert "NO EVIDENCE" in opened.text()


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(59, "ON TIME"), (74, "ON TIME"), (76, "LATE by 16 min"), (-120, "CLOCK")],
)
def test_lateness_goes_by_the_next_close_and_the_lateness_that_is_allowed(show, troubled, facts, minutes, words):
    """The kline K is run at its close K+1h; the next run is due at K+2h, and late 15 minutes after that."""
    opened = show(troubled.url)
    closed = facts["summary"]["summary"]["now"]["open_time"].replace("Z", "+00:00")
    opened.page.clock.set_fixed_time(datetime.fromisoformat(closed) + timedelta(hours=1, minutes=minutes))
    assert words in opened.go("#/DEMOUSDT", charts=False).text(".health")


def test_a_demo_is_never_late(show, site):
    words = show(site.url).go("#/DEMOUSDT", charts=False).text(".health")
    assert "DEMO" in words
    assert "LATE" not in words


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ("#/GONE", "data/GONE-1h/summary.js is missing"),
        ("#/NEWER", "has schema 999; this page reads schema 1"),
        ("#/NOBODY", "There is no NOBODY here"),
        ("#/DEMOUSDT/nothing", "There is no page #/DEMOUSDT/nothing"),
        ("#/DEMOUSDT/run/1999-01-01T00:00Z", "There is no run of the kline 1999-01-01T00:00Z"),
        ("#/DEMOUSDT/model/..%2F..%2Fx", "There is no model ../../x"),
        ("#/DEMOUSDT/model/unheard-of", "data/DEMOUSDT-1h/model-unheard-of.js is missing"),
    ],
)
def test_what_is_not_there_is_named_in_the_page(show, troubled, route, says):
    opened = show(troubled.url, expects_errors=True).go(route)
    assert says in opened.text()
    assert opened.page.locator("nav.views a").count() == 5 or "NOBODY" in route


def test_a_lost_month_and_a_damaged_model_are_named_with_what_to_do(show, troubled, facts):
    opened = show(troubled.url, expects_errors=True)
    lost = min(facts["summary"]["summary"]["months"])
    text = opened.go(f"#/DEMOUSDT/runs?month={lost}").text()
    assert f"data/DEMOUSDT-1h/{lost}.js is missing" in text
    assert "trader dashboard --rebuild" in text
    champion = facts["models"]["champion"]
    assert f"model-{champion}.js is damaged" in opened.go(f"#/DEMOUSDT/model/{champion}").text()


def test_a_page_without_any_data_says_so(show, troubled, tmp_path):
    folder = tmp_path / "dashboard"
    folder.mkdir()
    for path in troubled.folder.iterdir():
        if path.is_file() and not path.name.startswith("plotly-"):
            (folder / path.name).write_bytes(path.read_bytes())
    opened = show((folder / "index.html").as_uri(), expects_errors=True).go("", charts=False)
    assert "data/index.js is missing" in opened.text()


def test_without_the_chart_library_the_page_is_read_without_charts(show, site, tmp_path):
    folder = tmp_path / "dashboard"
    folder.mkdir()
    (folder / "data").symlink_to(site.folder / "data")
    for path in site.folder.iterdir():
        if path.is_file() and not path.name.startswith("plotly-"):
            (folder / path.name).write_bytes(path.read_bytes())
    opened = show((folder / "index.html").as_uri(), expects_errors=True).go("#/DEMOUSDT")
    assert "charts cannot be drawn" in opened.text("figure.wide")
    assert opened.figure("Paper, net")


def test_a_newer_run_is_shown_without_a_reload(show, site, facts, tmp_path):
    folder = tmp_path / "dashboard"
    shutil.copytree(site.folder, folder)
    opened = show((folder / "index.html").as_uri())
    opened.page.clock.install()
    opened.go("#/DEMOUSDT")
    content = copy.deepcopy(facts["summary"])
    content["summary"]["now"]["p_up"] = 0.987
    (folder / "data" / NAME / "summary.js").write_bytes(as_script("summary", NAME, content))
    opened.page.clock.fast_forward("05:01")
    opened.page.wait_for_selector("data[value='0.987']")
