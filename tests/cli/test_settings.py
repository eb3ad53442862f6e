"""Settings that are wrong: the message names the setting and what fits, never its value, and nothing is written."""

from pathlib import Path

import pytest

from tests.cli.conftest import Trader, refused

SECRET = "hunter2-do-not-show"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRADER__BOTT__ID", SECRET, ("TRADER__BOTT__ID", "no section 'bott'", "bot, storage, market")),
        ("TRADER__BOT__TOKEN", SECRET, ("TRADER__BOT__TOKEN", "bot.token", "unknown", "id, mode, symbols, interval")),
        ("TRADER__BOT__MODE", SECRET, ("TRADER__BOT__MODE", "'demo', 'dry-run' or 'testnet'")),
        ("TRADER__BOT__ID", f"{SECRET} !", ("TRADER__BOT__ID",)),
        ("TRADER__BOT__INTERVAL", SECRET, ("TRADER__BOT__INTERVAL", "15m, 30m, 1h")),
        ("TRADER__BOT__SYMBOLS", SECRET, ("symbols", "capital letters and digits")),
        ("TRADER__BOT", SECRET, ('"bot"',)),
        ("TRADER__SIZING__NOTIONAL", SECRET, ("TRADER__SIZING__NOTIONAL", "valid decimal")),
        ("TRADER__SIZING__NOTIONAL", "NaN", ("TRADER__SIZING__NOTIONAL", "finite")),
        ("TRADER__DECISION__BAND", "0.5", ("TRADER__DECISION__BAND", "less than 0.5")),
        ("TRADER__DECISION__BAND", "nan", ("TRADER__DECISION__BAND",)),
        ("TRADER__RISK__MAX_LOSS", "-0.2", ("TRADER__RISK__MAX_LOSS", "greater than or equal to 0")),
        ("TRADER__TRAIN__LOOK_BACK_DAYS", "0", ("TRADER__TRAIN__LOOK_BACK_DAYS", "greater than 0")),
        ("TRADER__DEMO__START", "2026-01-01", ("2026-01-01T00:00:00Z",)),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(
    *, name: str, value: str, says: tuple[str, ...], trader: Trader, store, unchanged, monkeypatch
):
    unchanged(store)
    monkeypatch.setenv(name, value)
    answer = trader("run")
    refused(answer, code=3, says=says)
    assert SECRET not in answer.err + answer.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'[bot]\ntoken = "{SECRET}"\n', ("bot.token", "unknown", "id, mode, symbols, interval")),
        (f'[secrets]\ntoken = "{SECRET}"\n', ("secrets", "unknown", "bot, storage, market")),
        (f'[costs]\nfee_rate = "{SECRET}"\n', ("costs.fee_rate", "valid number")),
        (f'bot = "{SECRET}"\n', ("setting bot",)),
        (f'[bot\nid = "{SECRET}"\n', ("trader.toml is not valid TOML", "line 1")),
        (f'[bot]\nid = "{SECRET}\n', ("trader.toml is not valid TOML", "line 2")),
        (f'[bot]\nid = "{SECRET}"\nid = "{SECRET}"\n', ("trader.toml is not valid TOML", "line 3")),
    ],
)
def test_a_wrong_line_of_the_file_is_named_without_its_value(
    *, text: str, says: tuple[str, ...], trader: Trader, store, unchanged, tmp_path
):
    unchanged(store)
    Path("trader.toml").write_text(text)
    answer = trader("run")
    refused(answer, code=3, says=says)
    assert SECRET not in answer.err + answer.out


def test_several_wrong_settings_are_all_named_at_once(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "real")
    monkeypatch.setenv("TRADER__COSTS__FEE_RATE", "2")
    refused(trader("status"), code=3, says=("TRADER__BOT__MODE", "TRADER__COSTS__FEE_RATE"))


def test_a_named_settings_file_that_is_not_there_is_an_error(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER_CONFIG", "missing.toml")
    refused(trader("run"), code=3, says=("TRADER_CONFIG", "missing.toml", "correct or unset"))
    assert not empty_store.exists()


@pytest.mark.parametrize("url", ["s3x://bucket/prefix", "ftp://somewhere/x", "file://host/x"])
def test_a_storage_address_of_an_unknown_kind_is_refused(url: str, trader: Trader, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", url)
    refused(trader("run"), code=3, says=("storage.url", "file:///"))


@pytest.mark.parametrize("symbol", ["btcusdt", "BTC/USDT", "../X", "X", "", "BTCUSDTBTCUSDTBTCUSDT"])
@pytest.mark.parametrize("command", ["run", "status", "train", "explore"])
def test_a_symbol_that_cannot_be_one_is_refused_by_every_command(
    symbol: str, command: str, trader: Trader, store, unchanged
):
    unchanged(store)
    refused(trader(command, "--symbol", symbol), code=3, says=(f"--symbol {symbol!r}", "such as BTCUSDT"))


def test_the_same_symbol_twice_is_one_symbol(trader: Trader, store):
    answer = trader("run", "--symbol", "DEMOUSDT", "--symbol", "DEMOUSDT", "--json")
    assert [run["outcome"] for run in answer.json()["runs"]] == ["done"]


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(trader: Trader, store, monkeypatch):
    Path("trader.toml").write_text('[bot]\nid = "other"\nsymbols = ["BTCUSDT"]\n')
    monkeypatch.setenv("TRADER__BOT__ID", "bot")
    assert [run["symbol"] for run in trader("run", "--symbol", "DEMOUSDT", "--json").json()["runs"]] == ["DEMOUSDT"]
