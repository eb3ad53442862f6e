"""Every command on a store that nobody has used yet: what it says, and that it leaves none behind."""

import pytest

from tests.binance_server import serving
from tests.builders import START, random_klines
from tests.cli.conftest import Trader, refused

SPAN = ["--start", "2026-01-01", "--end", "2026-01-02"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["chart"], 4, ("DEMOUSDT 1h: there are no runs to draw yet", "trader run")),
        (["halt", "--why", "x"], 3, ("there is no bot in", "bot.json", "storage.url")),
        (["reduce", "--why", "x"], 3, ("there is no bot in",)),
        (["resume", "--why", "x"], 3, ("there is no bot in",)),
        (["train", "--symbol", "BTCUSDT"], 4, ("BTCUSDT 1h: no klines are stored", "trader ingest --symbol BTCUSDT")),
        (["explore", "--symbol", "BTCUSDT"], 4, ("BTCUSDT 1h: no klines", "trader ingest --symbol BTCUSDT")),
        (
            ["replay", "--symbol", "BTCUSDT", *SPAN],
            4,
            ("nothing is stored", "trader ingest --symbol BTCUSDT --start 2025-10 --end 2026-01"),
        ),
        (
            ["backtest", "--symbol", "BTCUSDT", *SPAN, "--model", "20220101T0000-0123456789"],
            3,
            ("there is no model 20220101T0000-0123456789 for BTCUSDT 1h", "trader train"),
        ),
        (["run", "--symbol", "BTCUSDT"], 3, ("no BTCUSDT", "DEMOUSDT")),
        (["run", "--symbol", "DEMOUSDT", "--symbol", "BTCUSDT"], 3, ("no BTCUSDT",)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_needs_what_is_not_there_says_how_to_get_it(
    words: list[str], code: int, says: tuple[str, ...], trader: Trader, empty_store
):
    answer = trader(*words)
    refused(answer, code=code, says=says)
    assert answer.out == ""
    assert not empty_store.exists()


def test_status_of_nothing_is_an_answer(trader: Trader, empty_store):
    answer = trader("status")
    assert answer.code == 0
    assert answer.err == ""
    assert f"store {empty_store}\n" in answer.out
    assert "no run yet" in answer.out
    (found,) = trader("status", "--json").json()["symbols"]
    assert found["record"] is None
    assert found["champion"] is None
    assert found["store"] == str(empty_store)
    assert not empty_store.exists()


@pytest.mark.slow
def test_a_market_of_which_only_the_first_kline_forms_is_waited_for_without_a_decision(
    trader: Trader, empty_store, monkeypatch
):
    klines = random_klines(1)
    half_past = klines.first.replace(minute=30)
    with serving({"NEWUSDT": klines}, now=half_past) as binance:
        monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
        monkeypatch.setenv("TRADER__MARKET__BASE_URL", binance.url)
        answer = trader("run", "--symbol", "NEWUSDT", "--at", half_past.isoformat())
    refused(answer, code=4, says=("NEWUSDT 1h: there are no closed klines", "ingest some history or check the symbol"))
    assert "failed" in answer.out
    assert not list(empty_store.glob("klines/**/*.parquet"))
    assert not list(empty_store.glob("models/**/*.json"))
    assert not list(empty_store.glob("state/**/*.json"))


@pytest.mark.slow
def test_a_symbol_that_binance_does_not_have_leaves_no_store(trader: Trader, empty_store, monkeypatch):
    with serving({"BTCUSDT": random_klines(10)}, now=START) as binance:
        monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
        monkeypatch.setenv("TRADER__MARKET__BASE_URL", binance.url)
        answer = trader("run", "--symbol", "XYZUSDT", "--at", START.isoformat())
    refused(answer, code=3, says=("XYZUSDT", "-1121", "not a symbol"))
    assert not empty_store.exists()


def test_a_market_that_does_not_answer_is_not_now_and_leaves_no_store(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__MARKET__BASE_URL", "http://127.0.0.1:9")
    refused(trader("run"), code=75, says=("http://127.0.0.1:9 did not answer", "check the network"))
    assert not empty_store.exists()


def test_a_run_before_the_market_began_says_so(trader: Trader, empty_store):
    refused(trader("run", "--at", "2017-01-01"), code=3, says=("the synthetic market begins at 2024-01-01",))
