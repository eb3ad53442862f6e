"""Figures that the page works out itself, by hand: its own scripts in a real Chromium, without a page."""

import json
import os
import shutil
from importlib.resources import files

import pytest

pytestmark = pytest.mark.slow

ASSETS = files("trader.report.dashboard").joinpath("assets")
BUILD = {"minRoundTrips": 30, "intervals": {"1h": 3_600_000}, "reasons": {}}
SUMMARY = {"interval": "1h", "fee_rate": 0.001, "slippage_rate": 0.0}
TOTALS = {"klines": 4380, "settled": 2000, "net": 0.05, "gross": 0.07, "turnover": 20.0}


@pytest.fixture(scope="module")
def tab():
    """An empty page with everything of the dashboard's scripts that only works figures out."""
    path = os.environ.get("TRADER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: install Debian's, or name one in TRADER_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chromium.new_page()
        page.add_script_tag(content=f"const BUILD = {json.dumps(BUILD)}; const el = (name, values, text) => text;")
        for name in ("format", "words", "overview", "quality"):
            page.add_script_tag(content=ASSETS.joinpath(f"{name}.js").read_text(encoding="utf-8"))
        yield page
        chromium.close()


def summary(**totals):
    return {**SUMMARY, "totals": {**TOTALS, **totals}}


def test_a_year_is_counted_in_klines_though_an_absence_settles_many_in_one_row(tab):
    assert tab.evaluate("yearly", summary()) == "+10.00\u00a0%"  # half a year earned 5 %


@pytest.mark.parametrize(
    ("trips", "says"),
    [(29, "29\u00a0round trips: fewer than 30 round trips: NO EVIDENCE"), (30, "30\u00a0round trips")],
)
def test_few_round_trips_are_called_no_evidence(tab, trips, says):
    assert tab.evaluate("tripsWords", summary(round_trips=trips)) == says


def test_less_than_a_quarter_is_not_extrapolated(tab):
    assert tab.evaluate("yearly", summary(klines=2189)) == "\N{EN DASH}"


def test_a_share_of_all_klines_counts_those_of_an_absence_once(tab):
    away = summary() | {"first": "2024-01-30T20:00:00Z", "now": {"open_time": "2024-01-31T19:00:00Z"}}
    assert tab.evaluate("klinesSince", away) == 24


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (0.05, "costs 10 bp fee a side"),
        (0.06, "costs 5.0 bp a side on average as charged (the settings now say 10 bp fee a side)"),
    ],
)
def test_the_costs_are_those_that_were_charged(tab, net, says):
    assert tab.evaluate("costsWords", summary(net=net)) == says
