"""`trader demo`: a past that is replayed once, and one hour of the story each time."""

import json

from tests.cli.conftest import Trader, contents, differing
from trader.cli import main


def records(store) -> list[str]:
    return sorted(key for key in contents(store) if key.startswith("journal/"))


def test_the_first_demo_replays_the_past_and_lives_one_hour(trader: Trader, empty_store):
    answer = trader("demo")
    assert (answer.code, answer.err) == (0, "")
    for words in ("REPLAY: 24 past klines", "Nothing of it was live", "LIVE: one demo hour", "ALL 25 RUNS SO FAR"):
        assert words in answer.out
    for words in ("round trips", "fee 10 bp", "planted edge", "reports/DEMOUSDT-1h-equity.png"):
        assert words in answer.out
    assert len(records(empty_store)) == 25
    origins = [json.loads((empty_store / key).read_bytes())["origin"] for key in records(empty_store)]
    assert origins == ["replay"] * 24 + ["live"]


def test_each_further_demo_goes_on_by_exactly_one_hour(trader: Trader, store):
    before = records(store)
    for hour in (1, 2):
        answer = trader("demo")
        assert answer.code == 0
        assert "REPLAY" not in answer.out
        assert f"2026-01-01 0{hour}:00 UTC" in answer.out
        assert records(store) == [
            *before,
            *(f"journal/DEMOUSDT/1h/2026/01/01T0{done + 1}00.json" for done in range(hour)),
        ]


def test_what_the_demo_has_lived_through_does_not_change_any_more(trader: Trader, store):
    before = contents(store)
    assert main(["demo"]) == 0
    changed = differing(before, contents(store))
    kept = {key for key in before if key.startswith(("journal/", "models/", "bot", "control"))}
    assert not changed & kept
    assert "journal/DEMOUSDT/1h/2026/01/01T0100.json" in changed


def test_a_run_and_a_demo_continue_the_same_story(trader: Trader, store):
    (run,) = trader("run", "--json").json()["runs"]
    assert run["kline"] == "2026-01-01T01:00:00+00:00"
    assert "2026-01-01 02:00 UTC" in trader("demo").out


def test_a_demo_without_a_past_is_the_live_hour_alone(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER__DEMO__REPLAY_DAYS", "0")
    answer = trader("demo")
    assert answer.code == 0
    assert "REPLAY" not in answer.out
    assert "ALL 1 RUNS SO FAR" in answer.out
    assert "nan" not in answer.out
    assert records(empty_store) == ["journal/DEMOUSDT/1h/2026/01/01T0000.json"]
