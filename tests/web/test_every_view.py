"""Every view opens: from a folder and from `trader dashboard`, wide and narrow, and nobody else is asked."""

import pytest

from tests.web.conftest import WIDTHS

pytestmark = pytest.mark.web


def routes_of(facts) -> list[str]:
    champion = facts["models"]["champion"]
    loser = next(model["id"] for model in facts["models"]["models"] if model["id"] != champion)
    month = max(facts["summary"]["summary"]["months"])
    views = ["", "/runs", "/models", f"/model/{champion}", f"/model/{loser}", "/drift", "/data"]
    return [f"#/DEMOUSDT{view}" for view in [*views, f"/run/{facts[month]['rows'][0][0]}"]]


@pytest.fixture(params=["folder", "server"])
def address(request, site, served):
    """Where the same dashboard is opened from."""
    return site.url if request.param == "folder" else served


@pytest.mark.parametrize("width", WIDTHS)
def test_every_view_opens_without_a_complaint_a_stranger_or_a_sideways_scroll(show, address, facts, width):
    opened = show(address, width)
    for route in routes_of(facts):
        opened.go(route)
        assert opened.page.locator("h1").count() == 1, route
        assert opened.page.locator("text=cannot be drawn").count() == 0, route
        assert "Something is missing" not in opened.text(), route
        assert opened.overflow() <= 0, (route, width)


def test_the_first_view_says_something_at_once(show, served, record_property):
    opened = show(served).go("#/")
    paints = opened.page.evaluate("performance.getEntriesByType('paint').map(each => [each.name, each.startTime])")
    first = dict(paints)["first-contentful-paint"]
    record_property("first_contentful_paint_ms", first)
    assert first < 3000, "the aim is 1 s on an idle machine"


def test_charts_are_drawn_by_the_library_beside_the_page(show, site):
    opened = show(site.url).go("#/DEMOUSDT")
    assert opened.page.locator(".plot .main-svg").count() >= 8
    assert opened.page.locator(".plot .modebar-btn--logo").count() == 0


def test_a_keyboard_alone_reaches_the_views_and_sorts_the_runs(show, site):
    opened = show(site.url).go("#/DEMOUSDT/runs")
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.className") == "skip"
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "main"
    opened.page.focus("thead th:nth-child(2) button")
    opened.page.keyboard.press("Enter")
    assert opened.page.get_attribute("thead th:nth-child(2)", "aria-sort") == "descending"


def test_print_hides_the_controls_and_keeps_the_tables(show, site):
    opened = show(site.url).go("#/DEMOUSDT/runs")
    opened.page.emulate_media(media="print")
    assert not opened.page.is_visible(".filters")
    assert not opened.page.is_visible("nav.views")
    assert opened.page.is_visible("[aria-label=Runs] table")


def test_charts_that_are_wider_than_paper_are_drawn_anew_for_it(show, site):
    opened = show(site.url).go("#/DEMOUSDT")
    width = "document.querySelector('figure.wide .main-svg').getBoundingClientRect().width"
    on_screen = opened.page.evaluate(width)
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.page.evaluate(width) == 680 < on_screen
    opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate(width) == on_screen
