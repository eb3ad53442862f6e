"""`trader verify` as a user gives it: on the demo's store and a replay's, clean, altered, and asked for nothing."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SYMBOL, Trader, model_id, refused

NEWEST = f"journal/{SYMBOL}/1h/2026/01/01T0000.json"
VERIFY = ("verify", "--symbol", SYMBOL)


def alter(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_the_demos_store_is_clean_and_is_left_as_it_is(trader: Trader, store, unchanged):
    unchanged(store)
    answer = trader(*VERIFY)
    assert (answer.code, answer.err) == (0, "")
    (line,) = answer.out.splitlines()
    assert line.startswith(
        f"{SYMBOL} 1h: 25 runs from 2025-12-31 00:00 to 2026-01-01 00:00 UTC, 25 of 25 probabilities"
    )
    assert line.endswith("differences: none")


def test_the_summary_and_the_differences_are_one_json_document(trader: Trader, store):
    clean = trader(*VERIFY, "--json").json()
    assert (clean["clean"], clean["differences"], clean["causes"]) == (True, [], {})
    alter(store / NEWEST, owner="me")
    answer = trader(*VERIFY, "--json")
    assert answer.code == 4
    found = answer.json()
    assert (found["clean"], found["runs"], found["causes"]) == (False, 25, {"record": 1})
    (difference,) = found["differences"]
    assert (difference["what"], difference["cause"]) == ("seal", "record")
    assert difference["open_time"] == "2026-01-01T00:00:00+00:00"


def test_a_difference_is_printed_with_its_cause_and_what_to_do(trader: Trader, store, unchanged):
    alter(store / NEWEST, owner="me")
    unchanged(store)
    answer = trader(*VERIFY)
    assert answer.code == 4
    summary, difference, advice = answer.out.splitlines()
    assert summary.endswith("differences: 1 record")
    assert difference.startswith("2026-01-01 00:00  record: seal is ")
    assert "restore the record from a backup" in advice


def test_at_most_twenty_differences_are_printed(trader: Trader, store):
    for path in store.glob("journal/**/*.json"):
        alter(path, owner="me")
    answer = trader(*VERIFY)
    assert answer.code == 4
    assert len([line for line in answer.out.splitlines() if "  record: " in line]) == 20
    assert answer.out.splitlines()[-1] == "... and 5 more; --json has all of them"
    assert len(trader(*VERIFY, "--json").json()["differences"]) == 25


def test_a_part_of_the_journal_is_asked_for_by_its_first_and_last_kline(trader: Trader, store):
    found = trader(*VERIFY, "--from", "2025-12-31T20:00Z", "--to", "2025-12-31T22:00Z", "--json").json()
    assert (found["runs"], found["first"], found["clean"]) == (3, "2025-12-31T20:00:00+00:00", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "2026-01-02", "--to", "2026-01-01"), ("--from 2026-01-02 is after --to", "swap")),
        (("--from", "soon"), ("'soon' is not an ISO time",)),
        (("--from", "2026-01-02"), ("no completed runs in that time", "from 2025-12-31 00:00 to 2026-01-01 00:00")),
    ],
)
def test_arguments_that_cannot_be_are_refused(words: tuple[str, ...], says, trader: Trader, store, unchanged):
    unchanged(store)
    refused(trader(*VERIFY, *words), code=3, says=says)


def test_a_store_without_runs_is_refused(trader: Trader, empty_store):
    refused(trader(*VERIFY), code=3, says=("there are no runs to verify", "storage.url"))
    assert not empty_store.exists()


def test_another_bots_store_is_refused(trader: Trader, store, monkeypatch, unchanged):
    unchanged(store)
    monkeypatch.setenv("TRADER__BOT__ID", "other")
    refused(trader(*VERIFY), code=3, says=("belongs to bot",))


def test_the_testnets_store_is_verified_without_a_key(trader: Trader, store, monkeypatch):
    for name in ("API_KEY", "API_SECRET", "PRIVATE_KEY"):
        monkeypatch.delenv(f"TRADER__EXCHANGE__{name}", raising=False)
    monkeypatch.setenv("TRADER__BOT__MODE", "testnet")
    refused(trader(*VERIFY), code=3, says=("belongs to bot", "mode demo"))
    (store / "bot.json").unlink()
    assert trader(*VERIFY).code == 0


def test_the_store_of_a_replay_is_verified_like_any_other(trader: Trader, history, tmp_path, monkeypatch):
    words = ("--symbol", "BTCUSDT", "--start", "2024-03-16", "--end", "2024-03-18")
    replayed = trader("replay", *words, "--model", model_id(history, "BTCUSDT"), "--out", str(tmp_path / "replayed"))
    assert replayed.code == 0, replayed
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "replayed"))
    found = trader("verify", "--symbol", "BTCUSDT", "--json").json()
    assert (found["clean"], found["runs"], found["bitwise_equal"]) == (True, 48, 48)
