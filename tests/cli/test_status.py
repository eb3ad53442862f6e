"""`trader status`: its first line says how a symbol is, and every line that is not fine says what to do."""

import json

import pytest

from tests.cli.conftest import SYMBOL, Trader
from trader.version import running

TODAY = {"symbol", "mode", "store", "record", "next_close", "champion", "control"}
"""What programs have read since the first version."""


def first_line(trader: Trader, *words: str) -> str:
    answer = trader("status", *words)
    assert (answer.code, answer.err) == (0, "")
    return answer.out.splitlines()[0]


def test_a_healthy_bot_is_told_in_few_lines_and_the_store_stays_as_it_is(trader: Trader, store, unchanged):
    unchanged(store)
    answer = trader("status")
    lines = answer.out.splitlines()
    assert lines[0] == f"{SYMBOL} (demo)   OK   store {store}"
    assert "->" not in answer.out
    for name in (
        "paper",
        "execution",
        "drawdown",
        "trigger",
        "training",
        "control",
        "model",
        "last",
        "program",
        "next",
    ):
        assert any(line.startswith(f"  {name:10}") for line in lines), name
    assert "  trigger   -" in answer.out
    assert "over the last 24 runs; a training is due below -3.00 %" in answer.out
    assert "has seen klines to 2025-12-30 23:00 UTC (26.0 h ago)" in answer.out


def test_json_has_what_it_had_and_the_health_beside_it(trader: Trader, store):
    (found,) = trader("status", "--json").json()["symbols"]
    assert set(found) >= TODAY
    assert (found["health"], found["concerns"]) == ("OK", [])
    assert found["books"]["paper_net"] == found["record"]["state"]["paper"]["net"]
    assert found["model"]["model_id"] == found["champion"]
    assert found["model"]["age"] == 26 * 3600 + 5
    assert found["versions"] == found["record"]["versions"]
    assert json.dumps(found)


@pytest.mark.parametrize(("word", "health"), [("halt", "HALTED"), ("reduce", "REDUCING")])
def test_what_the_operator_said_is_in_the_first_line_with_the_way_back_below(trader: Trader, store, word, health):
    assert trader(word, "--why", "<b>holidays</b>").code == 0
    assert first_line(trader) == f"{SYMBOL} (demo)   {health}   store {store}"
    lines = trader("status").out.splitlines()
    assert lines[1].startswith(f"  {health:9} since ")
    assert f"said {word}: <b>holidays</b>" in lines[1]
    assert lines[2].startswith("            -> `trader resume --why ...`")


def test_a_symbol_that_this_bot_never_ran_is_told_from_one_that_waits_for_its_first_run(trader: Trader, store):
    health, what, advice = trader("status", "--symbol", "XYZUSDT").out.splitlines()[:3]
    assert health == f"XYZUSDT (demo)   NEVER RUN   store {store}"
    assert what == f"  NEVER RUN no run yet of XYZUSDT; this store has runs of {SYMBOL}"
    assert advice.startswith("            -> check --symbol, bot.symbols and storage.url; `trader run` does")
    (found,) = trader("status", "--symbol", "XYZUSDT", "--json").json()["symbols"]
    assert (found["health"], found["record"]) == ("NEVER RUN", None)


def test_a_bot_on_real_time_that_nobody_starts_any_more_is_late(trader: Trader, store, monkeypatch):
    stamp = json.loads((store / "bot.json").read_bytes())
    (store / "bot.json").write_text(json.dumps({**stamp, "mode": "dry-run", "market": ""}))
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__BOT__SYMBOLS", SYMBOL)
    assert first_line(trader).startswith(f"{SYMBOL} (dry-run)   LATE   store ")
    said = trader("status").out
    assert "the next run was due at 2026-01-01 02:00 UTC" in said
    assert "-> look whether the scheduler still runs" in said


HERE = running().version
ELSE = {"commit": "ab" * 20}


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ({"trader": "0.1.0"}, "0.1.0"),
        ({"trader": "0.1.0", **ELSE}, "0.1.0 (commit abababa)"),
        ({"trader": HERE, **ELSE}, f"{HERE} (commit abababa)"),
    ],
)
def test_a_run_of_another_program_than_this_one_is_told_beside_it(trader: Trader, store, then, told):
    (newest,) = (store / "journal").glob("*/1h/2026/01/01T0000.json")
    record = json.loads(newest.read_bytes())
    libraries = {name: each for name, each in record["versions"].items() if name not in ("trader", "commit")}
    newest.write_text(json.dumps({**record, "versions": {**libraries, **then}}))
    (line,) = (line for line in trader("status").out.splitlines() if line.startswith("  program "))
    assert line == f"  program   {running()}; the newest run was done by {told}"
