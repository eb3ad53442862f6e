"""`trader run` and the switch: what is printed, what may not be done, and what an operator's word does."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.binance_server import serving
from tests.builders import HOUR, START, random_klines
from tests.cli.conftest import Answer, Trader, contents, differing, refused
from trader.core.klines import to_ms

KEYS = {
    *("symbol", "outcome", "error", "kline", "mode", "origin", "decision", "p_up", "close", "model_id", "orders"),
    *("not_sent", "paper", "halt", "position", "target", "trigger", "timings"),
}


def the_run(answer: Answer) -> dict:
    """The one run of a `run --json` that succeeded."""
    assert answer.code == 0, answer
    assert answer.err == ""
    (run,) = answer.json()["runs"]
    return dict(run)


def record(store: Path, hour: int) -> dict:
    return dict(json.loads((store / f"journal/DEMOUSDT/1h/2026/01/01T{hour:02}00.json").read_bytes()))


def test_a_run_in_words_says_what_was_decided_traded_and_why(trader: Trader, store):
    answer = trader("run")
    assert answer.code == 0
    assert answer.err == ""
    for words in ("DEMOUSDT: done", "2026-01-01 01:00 UTC", "decision  exposure ", "order ", "paper ", "execution "):
        assert words in answer.out
    assert "nan" not in answer.out


def test_without_words_it_is_a_run(trader: Trader, store):
    assert trader().out.startswith("DEMOUSDT: done\n")


def test_a_run_as_json_has_all_keys_and_a_second_one_of_the_hour_is_already_done(trader: Trader, store):
    at = "2026-01-01T02:00:05Z"
    first = the_run(trader("run", "--at", at, "--json"))
    assert set(first) == KEYS
    assert first["outcome"] == "done"
    before = contents(store)
    again = the_run(trader("run", "--at", at, "--json"))
    assert again["outcome"] == "already-done"
    assert {**again, "outcome": "done"} == first
    assert differing(before, contents(store)) == set()
    assert "already-done" in trader("run", "--at", at).out


def test_the_hours_before_the_newest_run_are_not_decided_after_the_fact(trader: Trader, store, unchanged):
    unchanged(store)
    answer = trader("run", "--at", "2025-12-31T12:00Z")
    refused(answer, code=3, says=("2025-12-31 11:00 UTC is before the newest run (2026-01-01 00:00 UTC)", "replay"))
    failed = trader("run", "--at", "2025-12-31T12:00Z", "--json")
    (run,) = failed.json()["runs"]
    assert (failed.code, run["outcome"]) == (3, "failed")
    assert run["error"] in failed.err


@pytest.mark.parametrize(
    "at", ["nope", "2026-13-01", "2026-01-01T25:00", "", "0001-01-01", "9999-12-31T23:59:59+00:00"]
)
def test_a_time_that_cannot_be_meant_is_refused(at: str, trader: Trader, store, unchanged):
    unchanged(store)
    refused(trader("run", "--at", at), code=3, says=(repr(at), "2022-01-01T00:00Z"))


def test_a_real_market_is_not_run_in_the_future(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    refused(trader("run", "--at", "2099-01-01"), code=3, says=("--at 2099-01-01 is in the future",))
    assert not empty_store.exists()


def test_another_mode_than_the_stores_is_refused_before_any_request(trader: Trader, store, unchanged, monkeypatch):
    unchanged(store)
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")  # any request would fail the test: see no_outside_network
    for words in (["run"], ["status"], ["chart"], ["halt", "--why", "x"], ["train", "--symbol", "BTCUSDT"]):
        refused(trader(*words), code=3, says=("belongs to bot 'bot', mode demo", "mode dry-run", "storage.url"))
    refused(trader("demo"), code=3, says=("bot.mode is dry-run", "use `trader run`"))


def test_another_bots_store_is_refused_by_every_command_that_writes(trader: Trader, store, unchanged, monkeypatch):
    unchanged(store)
    monkeypatch.setenv("TRADER__BOT__ID", "mine")
    commands = (["run"], ["demo"], ["status"], ["chart"], ["halt", "--why", "x"], ["train", "--symbol", "DEMOUSDT"])
    for words in commands:
        refused(trader(*words), code=3, says=("belongs to bot 'bot'", "this is bot 'mine'"))


def test_an_unknown_symbol_beside_a_used_store_leaves_it_as_it_was(trader: Trader, store, unchanged):
    unchanged(store)
    refused(trader("run", "--symbol", "BTCUSDT"), code=3, says=("no BTCUSDT",))


def test_an_unknown_symbol_does_not_keep_the_others_from_their_run(trader: Trader, store):
    answer = trader("run", "--symbol", "DEMOUSDT", "--symbol", "BTCUSDT", "--json")
    assert answer.code == 3
    assert [run["outcome"] for run in answer.json()["runs"]] == ["done", "failed"]
    assert not [key for key in contents(store) if "BTCUSDT" in key]


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_store_that_is_a_file_is_refused(where: str, trader: Trader, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / where))
    refused(trader("run"), code=3, says=(str(tmp_path / where), "storage.url"))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_of_two_symbols_one_fails_and_the_other_runs(trader: Trader, empty_store, monkeypatch):
    klines = {"BTCUSDT": random_klines(1800, seed=1), "ETHUSDT": random_klines(1800, seed=2)}
    moment = START + 1800 * HOUR
    both = ("run", "--symbol", "ETHUSDT", "--symbol", "BTCUSDT", "--json", "--at")
    with serving(klines, now=moment) as binance:
        monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
        monkeypatch.setenv("TRADER__MARKET__BASE_URL", binance.url)
        first = trader(*both, (moment - HOUR).isoformat())
        assert [run["outcome"] for run in first.json()["runs"]] == ["done", "done"]
        pointer = empty_store / "models/ETHUSDT/1h/champion.json"
        pointer.write_bytes(pointer.read_bytes()[:20])
        binance.now = to_ms(moment)
        answer = trader(*both, moment.isoformat())
    assert answer.code == 4
    failed, done = answer.json()["runs"]
    assert (failed["symbol"], failed["outcome"]) == ("ETHUSDT", "failed")
    assert "models/ETHUSDT/1h/champion.json" in failed["error"]
    assert (done["symbol"], done["outcome"], done["error"]) == ("BTCUSDT", "done", None)
    assert done["kline"] == (moment - HOUR).isoformat()
    refused(answer, code=4, says=("models/ETHUSDT/1h/champion.json",))


def test_a_halt_flattens_with_the_next_run_until_a_resume(trader: Trader, store):
    assert the_run(trader("run", "--json"))["decision"]["target"] != 0
    said = trader("halt", "--why", "  the exchange looks odd ")
    assert (said.code, said.err) == (0, "")
    assert "control is now halt (the exchange looks odd)" in said.out
    halted = the_run(trader("run", "--json"))
    assert halted["decision"] == {"target": 0.0, "reason": "control-halt"}
    assert halted["target"] == "0" or float(halted["target"]) == 0
    assert the_run(trader("run", "--json"))["decision"]["reason"] == "control-halt"
    assert "control   halt since " in trader("status").out

    assert trader("resume", "--why", "all is well").code == 0
    resumed = the_run(trader("run", "--json"))
    assert resumed["decision"]["target"] != 0
    kept = record(store, 4)
    control = kept["inputs"]["control"]
    assert (control["mode"], control["why"]) == ("run", "all is well")
    assert kept["state"]["paper"]["control_sequence"] == control["sequence"] > 0
    assert kept["state"]["paper"]["since_resume"] == 0


def test_reduce_leaves_positions_and_opens_none(trader: Trader, store, monkeypatch):
    assert the_run(trader("run", "--json"))["decision"]["target"] != 0
    assert trader("reduce", "--why", "careful").code == 0
    kept = the_run(trader("run", "--json"))
    assert kept["decision"]["target"] != 0

    monkeypatch.setenv("TRADER__DECISION__EXIT", "band")
    monkeypatch.setenv("TRADER__DECISION__BAND", "0.49")  # every probability lies in it: the model wants to leave
    left = the_run(trader("run", "--json"))
    assert left["decision"]["target"] == 0
    assert left["decision"]["reason"] != "control-reduce"

    monkeypatch.setenv("TRADER__DECISION__BAND", "0")  # and now it wants a position again
    assert the_run(trader("run", "--json"))["decision"] == {"target": 0.0, "reason": "control-reduce"}
    assert trader("resume", "--why", "enough").code == 0
    assert the_run(trader("run", "--json"))["decision"]["target"] != 0


def test_a_loss_limit_halts_until_a_resume_which_counts_anew_and_is_journalled(trader: Trader, store, monkeypatch):
    monkeypatch.setenv("TRADER__RISK__MAX_LOSS", "0.0001")
    runs = [the_run(trader("run", "--json"))]
    while runs[-1]["halt"] is None and len(runs) < 12:
        runs.append(the_run(trader("run", "--json")))
    assert runs[-1]["halt"]["why"].startswith("net paper return -")
    assert runs[-1]["decision"] == {"target": 0.0, "reason": "halted"}
    shown = trader("status").out
    assert f"HALTED    since 2026-01-01 {len(runs):02}:00 UTC: net paper return -" in shown
    assert "`trader resume --why ...`" in shown
    assert the_run(trader("run", "--json"))["decision"]["reason"] == "halted"

    assert trader("resume", "--why", "I have looked at it").code == 0
    resumed = the_run(trader("run", "--json"))
    assert resumed["halt"] is None
    assert resumed["decision"]["target"] != 0
    kept = record(store, len(runs) + 2)
    assert kept["inputs"]["control"]["why"] == "I have looked at it"
    assert kept["state"]["paper"]["since_resume"] == 0


@pytest.mark.parametrize("command", ["halt", "reduce", "resume"])
@pytest.mark.parametrize("why", ["", "   ", "\n\x1b"])
def test_the_switch_needs_a_reason(command: str, why: str, trader: Trader, store, unchanged):
    unchanged(store)
    refused(trader(command, "--why", why), code=3, says=("--why is empty", "journal"))


def test_the_switch_works_whatever_the_terminal_sends(trader: Trader, store):
    assert trader("halt", "--why", "größe ✓ two\nlines \udcff \x1b[31mred").code == 0
    assert trader("status", "--json").json()["symbols"][0]["control"]["why"] == "größe ✓ two lines [31mred"
    assert the_run(trader("run", "--json"))["decision"]["reason"] == "control-halt"


def test_the_switch_works_for_a_user_without_a_name(trader: Trader, store, monkeypatch):
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert trader("halt", "--why", "x").code == 0
    assert trader("status", "--json").json()["symbols"][0]["control"]["who"].startswith("uid ")


def test_status_is_an_account_in_words_and_in_json(trader: Trader, store, unchanged):
    unchanged(store)
    words = trader("status")
    assert words.code == 0
    for part in (
        "DEMOUSDT (demo)",
        f"store {store}\n",
        "decision",
        "paper",
        "execution",
        "control   run since",
        "model ",
    ):
        assert part in words.out
    assert "next      after 2026-01-01 02:00 UTC" in words.out
    (found,) = trader("status", "--json").json()["symbols"]
    assert set(found) >= {"symbol", "mode", "store", "record", "next_close", "champion", "control"}
    assert found["record"]["key"]["open_time"] == "2026-01-01T00:00:00+00:00"
    assert datetime.fromisoformat(found["next_close"]).hour == 2


def test_chart_draws_a_picture_and_says_where(trader: Trader, store):
    answer = trader("chart")
    assert (answer.code, answer.err) == (0, "")
    path = Path(answer.out.strip())
    assert path.is_relative_to(store)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_a_chart_of_a_symbol_without_runs_is_refused(trader: Trader, store, unchanged):
    unchanged(store)
    refused(trader("chart", "--symbol", "BTCUSDT"), code=4, says=("BTCUSDT 1h: there are no runs to draw yet",))
