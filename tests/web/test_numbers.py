"""What the page shows is what the ledger says, number by number; filters leave what they should."""

import pytest

from trader.bootstrap import build_bot
from trader.config import load_settings
from trader.jobs.bot import Desk
from trader.jobs.figures import performance_of

pytestmark = pytest.mark.web

KLINE, P_UP, CLOSE, EXPOSURE, DECISION, SETTLED, PAPER, ORDER = range(1, 9)


@pytest.fixture
def ledger(store, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(store))
    bot = build_bot(load_settings())
    return Desk(bot=bot, symbol=bot.symbols[0]).ledger.read()


@pytest.fixture
def rows(ledger):
    """The rows of the newest full month, newest first as the page shows them."""
    table = [row for row in ledger.to_pylist() if f"{row['open_time']:%Y-%m}" == "2025-12"]
    return table[::-1]


@pytest.fixture
def runs(show, site):
    return show(site.url).go("#/DEMOUSDT/runs?month=2025-12")


def test_the_first_view_shows_the_ledgers_figures(show, site, ledger):
    opened = show(site.url).go("#/DEMOUSDT", charts=False)
    figures, newest = performance_of(ledger, interval="1h"), ledger.to_pylist()[-1]
    assert opened.figure("Paper, net") == pytest.approx(figures.net, abs=1e-12)
    assert opened.figure("Execution") == newest["execution_equity"]
    assert opened.figure("p(up)") == newest["p_up"]
    assert opened.figure("Exposure") == newest["exposure"]
    assert f"{figures.round_trips} round trips" in opened.text()
    assert f"{figures.hit_rate:.1%}".replace("%", " %") in opened.text("[aria-label=Returns]")
    assert f"{figures.sharpe:.2f}" in opened.text("[aria-label=Returns]")


def test_the_table_of_runs_shows_the_ledgers_rows(runs, rows):
    shown = [f"{row['open_time']:%Y-%m-%d %H:%M}" for row in rows]
    assert runs.column(KLINE) == shown[:100]
    runs.page.click("text=Next →")
    assert runs.column(KLINE) == shown[100:200]
    assert runs.values(CLOSE) == [row["close"] for row in rows[100:200] if row["close"] is not None]
    assert runs.values(P_UP) == [row["p_up"] for row in rows[100:200] if row["p_up"] is not None]
    assert runs.values(PAPER) == [row["paper_net"] for row in rows[100:200]]
    assert runs.values(SETTLED) == [row["settled_net"] for row in rows[100:200]]


@pytest.mark.parametrize(
    ("name", "value", "keeps"),
    [
        ("only", "orders", lambda row: row["orders"] is not None),
        ("exposure", "short", lambda row: row["exposure"] < 0),
        ("exposure", "flat", lambda row: row["exposure"] == 0),
        ("reason", "exit-rule", lambda row: row["reason"] == "exit-rule"),
        ("outcome", "decided", lambda row: row["outcome"] == "decided"),
    ],
)
def test_a_filter_keeps_exactly_the_runs_that_it_names(runs, rows, name, value, keeps):
    runs.page.select_option(f"select[name={name}]", value)
    kept = [f"{row['open_time']:%Y-%m-%d %H:%M}" for row in rows if keeps(row)]
    assert 0 < len(kept) <= len(rows)
    assert runs.column(KLINE) == kept[:100]
    assert runs.text("main .note").startswith(f"{len(kept)} of {len(rows)} runs")
    assert f"{name}={value}" in runs.page.url


def test_text_finds_a_run_and_what_is_in_the_address_is_filtered_again(show, site, runs, rows):
    runs.page.fill("input[name=text]", "2025-12-24t1")
    kept = [f"{row['open_time']:%Y-%m-%d %H:%M}" for row in rows if f"{row['open_time']:%dT%H}".startswith("24T1")]
    assert runs.column(KLINE) == kept
    again = show(site.url).go("#/DEMOUSDT/runs?month=2025-12&exposure=short&only=orders")
    kept = [row for row in rows if row["exposure"] < 0 and row["orders"]]
    assert again.column(KLINE) == [f"{row['open_time']:%Y-%m-%d %H:%M}" for row in kept]


def test_sorting_goes_both_ways_and_leaves_what_is_unknown_for_last(runs, rows):
    known = sorted(row["p_up"] for row in rows if row["p_up"] is not None)
    runs.page.click("thead th:nth-child(2) button")
    assert runs.values(P_UP) == known[::-1][:100]
    runs.page.click("thead th:nth-child(2) button")
    assert runs.values(P_UP) == known[:100]


def test_the_months_are_loaded_one_at_a_time(show, site):
    opened = show(site.url)
    asked = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.go("#/DEMOUSDT/runs?month=2025-12")
    months = [url for url in asked if "/20" in url.rsplit("DEMOUSDT-1h", 1)[-1]]
    assert len(months) == 1
    opened.page.click("[aria-label='Month before']")
    opened.page.wait_for_selector("text=of 2025-11, newest first")
    assert sum("/2025-11.js" in url for url in asked) == 1


def test_a_runs_page_tells_its_decision_its_order_and_its_neighbours(show, site, rows):
    place, row = next((place, row) for place, row in enumerate(rows) if row["orders"] and 0 < place < len(rows) - 1)
    opened = show(site.url).go(f"#/DEMOUSDT/run/{row['open_time']:%Y-%m-%dT%H:%MZ}")
    assert opened.figure("p(up)") == row["p_up"]
    assert opened.figure("Close") == row["close"]
    fills = opened.page.locator("[aria-label=Fills] tbody tr")
    assert fills.count() >= 1
    text = opened.text()
    assert row["side"] in text
    assert all(name in text for name, _ in row["features"])
    opened.page.click("text=← before")
    opened.page.wait_for_selector(f"h1:has-text('{rows[place + 1]['open_time']:%Y-%m-%d %H:%M}')")


def test_before_the_first_run_of_a_month_comes_the_last_of_the_month_before(show, site):
    opened = show(site.url).go("#/DEMOUSDT/run/2025-12-01T00:00Z")
    assert opened.page.get_attribute("text=← before", "href") == "#/DEMOUSDT/run/2025-11-30T23:00Z"


def test_a_models_page_is_the_report_that_a_person_approves(show, site, facts):
    champion = facts["models"]["champion"]
    [waiting] = [model["id"] for model in facts["models"]["models"] if model["state"] == "challenger"]
    verdict = facts[f"model-{waiting}"]["report"]["verdict"]
    opened = show(site.url).go(f"#/DEMOUSDT/model/{waiting}")
    text = opened.text()
    assert "THIS AWAITS APPROVAL" in text
    assert f'trader models promote {waiting} --symbol DEMOUSDT --why "..."' in text
    compared = "Champion against challenger"
    assert opened.values(2, label=compared)[0] == verdict["champion"]["net"]
    assert opened.values(3, label=compared)[0] == verdict["challenger"]["net"]
    assert len(opened.column(1, label="Checks")) == len(facts[f"model-{waiting}"]["report"]["checks"])
    assert len(opened.column(1, label="Trials")) == len(facts[f"model-{waiting}"]["trials"])
    assert "THIS AWAITS APPROVAL" not in opened.go(f"#/DEMOUSDT/model/{champion}").text()
    assert waiting in opened.go("#/DEMOUSDT", charts=False).text(), "the first view points to it"
