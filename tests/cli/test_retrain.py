"""Trainings as commands do them: after a run, by `train --if-due`, in a replay; and how often a trigger fires."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SYMBOL, Trader, contents, differing, refused
from trader.core.errors import BadData

BTC = ("--symbol", "BTCUSDT")
QUICK = {
    "TRADER__RETRAIN__METHOD": "refit",
    "TRADER__RETRAIN__THRESHOLD": "1000",
    "TRADER__RETRAIN__MIN_RUNS": "1",
    "TRADER__RETRAIN__WINDOW": "24",
    "TRADER__RETRAIN__COOLDOWN_HOURS": "3",
}
"""Every settled hour makes a training due, but for the pause."""


@pytest.fixture
def quick(monkeypatch):
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)


def head_of(store: Path) -> dict:
    return json.loads((store / f"models/{SYMBOL}/1h/champion.json").read_bytes())


def test_a_run_trains_what_it_left_due_after_its_commit_and_says_so(trader: Trader, store, quick):
    before = head_of(store)["model_id"]
    told = trader("run")
    assert (told.code, told.err) == (0, "")
    assert told.out.index("decision") < told.out.index(f"{SYMBOL}: trained, promoted ")
    after = head_of(store)
    assert after["model_id"] != before
    assert after["finished"]["outcome"] == "promoted"
    assert after["finished"]["model_id"] == after["model_id"]


def test_as_json_there_is_one_document_and_the_training_is_told_beside_it(trader: Trader, store, quick):
    told = trader("run", "--json")
    assert told.code == 0
    assert told.json()["runs"][0]["trigger"]["due_to"] == "return"
    assert told.err.startswith(f"{SYMBOL}: trained, promoted ")


def test_a_run_that_leaves_it_to_others_says_so_and_train_if_due_does_it(trader: Trader, store, quick, monkeypatch):
    monkeypatch.setenv("TRADER__RETRAIN__TIMING", "external")
    told = trader("run")
    assert f"{SYMBOL}: no training (external): due since " in told.out
    before = contents(store)
    assert trader("train", "--if-due", "--unless-external").out == "no training is due\n"
    assert differing(before, contents(store)) == set()
    found = trader("train", "--if-due", "--json").json()["trainings"]
    assert [(each["symbol"], each["outcome"], each["error"]) for each in found] == [(SYMBOL, "finished", None)]
    assert found[0]["finished"]["model_id"] == head_of(store)["model_id"]
    again = trader("train", "--if-due")
    assert (again.code, again.out, again.err) == (0, "no training is due\n", "")


def test_nothing_is_due_where_nothing_was_run(trader: Trader, empty_store):
    told = trader("train", "--if-due")
    assert (told.code, told.out, told.err) == (0, "no training is due\n", "")
    assert trader("train", "--if-due", "--json").json() == {"trainings": []}
    assert not empty_store.exists()


def test_a_training_that_fails_changes_nothing_about_the_run_but_ends_train_if_due(
    trader: Trader, store, quick, monkeypatch
):
    def failing(desk, **_):
        raise BadData("one class only")

    monkeypatch.setattr("trader.jobs.fit_again.fit_again", failing)
    told = trader("run")
    assert told.code == 0
    assert f"{SYMBOL}: no training (failed): it failed: one class only" in told.out
    assert trader("train", "--if-due").code == 4
    assert trader("train", "--if-due").code == 4
    capped = trader("train", "--if-due")
    assert (capped.code, "no training (capped)" in capped.out) == (0, True)


def test_settings_that_only_a_training_needs_fail_no_run_when_they_are_wrong(trader: Trader, store, quick, monkeypatch):
    monkeypatch.setenv("TRADER__RETRAIN__METHOD", "search")
    monkeypatch.setenv("TRADER__SEARCH__FEWEST_TREES", "600")
    told = trader("run")
    assert told.code == 0
    assert f"{SYMBOL}: no training (failed): it failed: search.fewest_trees is 600" in told.out
    assert trader("train", "--if-due").code == 3


def test_a_symbol_whose_record_is_damaged_keeps_no_other_one_from_being_trained(
    trader: Trader, store, quick, monkeypatch
):
    monkeypatch.setenv("TRADER__RETRAIN__TIMING", "external")
    assert trader("run").code == 0
    damaged = store / "journal/AAAUSDT/1h/2026/01/01T0000.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    monkeypatch.setenv("TRADER__BOT__SYMBOLS", f"{SYMBOL},AAAUSDT")
    told = trader("train", "--if-due")
    assert (told.code, told.err.startswith("error: journal/AAAUSDT/1h/2026/01/01T0000.json")) == (4, True)
    assert told.out.startswith(f"{SYMBOL}: trained, promoted ")


def test_train_says_what_does_not_go_together(trader: Trader, store, unchanged):
    unchanged(store)
    for words in (
        ("--promote",),
        ("--end", "2024-01-01"),
        ("--trials", "3"),
        ("--seconds", "9"),
        ("--executor", "threads"),
    ):
        refused(trader("train", "--if-due", *words), code=3, says=("--if-due trains as the settings say",))
    refused(trader("train", *BTC, "--unless-external"), code=3, says=("--if-due",))
    refused(trader("train", *BTC, "--no-search", "--trials", "3"), code=3, says=("--no-search", "--trials"))
    missing = trader("train")
    assert (missing.code, "--symbol" in missing.err) == (2, True)


def test_a_replay_trains_only_where_it_is_asked_to_and_lists_it(trader: Trader, history, quick, unchanged):
    unchanged(history)
    span = ("--start", "2024-03-16", "--end", "2024-03-16T12:00")
    frozen = trader("replay", *BTC, *span, "--json").json()
    assert frozen["trainings"] == []
    found = trader("replay", *BTC, *span, "--retrain", "--json").json()["trainings"]
    assert [each["kline"][11:16] for each in found] == ["01:00", "06:00", "11:00"]
    assert {each["finished"]["outcome"] for each in found} == {"promoted"}
    told = trader("replay", *BTC, *span, "--retrain").out
    assert told.count("trained, promoted") == 3
    assert "2024-03-16 06:00 BTCUSDT: trained, promoted " in told


def test_the_trigger_rate_is_told_for_a_grid_with_the_settings_in_it(trader: Trader, history, unchanged, monkeypatch):
    unchanged(history)
    monkeypatch.setenv("TRADER__RETRAIN__THRESHOLD", "-0.07")
    words = ("trigger-rate", *BTC, "--start", "2024-01-01T00:00", "--end", "2024-04-01", "--coins", "10")
    told = trader(*words, "--cooldown", "24")
    assert told.code == 0
    assert "BTCUSDT 1h: 2184 klines, fee 10 bp, slippage 0 bp a side, cooldown 24 h" in told.out
    (mine,) = [line for line in told.out.splitlines() if "<- settings" in line]
    assert mine.split()[:2] == ["336", "-0.070"]
    found = trader(*words, "--cooldown", "24", "--json").json()
    rates = {(each["window"], each["threshold"]): each for each in found["rates"]}
    assert len(rates) == 3 * 6
    assert f"{rates[336, -0.07]['a_year']:.1f}" in mine
    assert trader(*words, "--cooldown", "720", "--json").json()["rates"] != found["rates"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--start", "2024-02-15", "--end", "2024-04-01"), 4, ("too few", "at least 8 weeks")),
        (("--start", "2023-12-01", "--end", "2024-04-01"), 4, ("trader ingest --symbol BTCUSDT --start 2023-12",)),
        (("--start", "2024-04-01", "--end", "2024-01-01"), 3, ("is not after --start",)),
    ],
)
def test_a_trigger_rate_without_enough_klines_is_refused(*, words, code, says, trader: Trader, history, unchanged):
    unchanged(history)
    refused(trader("trigger-rate", *BTC, *words), code=code, says=says)
