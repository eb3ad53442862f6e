"""Who may work on a run: the first, the one it is given back to, or the one that has waited out the lease."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import random_klines
from tests.desks import FIRST, another_process, make_desk
from tests.jobs.test_run import replace_bot
from trader.core.journal import Status
from trader.jobs.claim import NOBODY, InProgress, claim, give_back, take_over
from trader.jobs.run import Outcome
from trader.jobs.symbols import run_symbols

KLINES = random_klines(1460, seed=5)


@pytest.fixture
def desk(tmp_path):
    """A desk whose lease is half a second."""
    return make_desk(tmp_path, KLINES)


def test_the_first_process_creates_the_record(desk):
    stored = claim(desk, FIRST, gone=set())
    assert stored.record.owner == "test"
    assert stored.record.status is Status.CLAIMED
    assert desk.journal.read(FIRST).record == stored.record


def test_an_unfinished_run_is_taken_over_only_after_its_lease_on_the_takers_own_clock(desk):
    first = claim(desk, FIRST, gone=set())
    other = another_process(desk)
    began = other.bot.host.monotonic()
    taken = claim(other, FIRST, gone=set())
    assert other.bot.host.monotonic() - began >= desk.bot.lease.total_seconds()
    assert taken.record.owner == "other"
    assert taken.record.started_at == first.record.started_at


def test_an_owner_that_still_writes_is_not_taken_over(desk):
    """Every write of the owner starts the lease anew; the other one waits on and then finds the run completed."""
    stored = claim(desk, FIRST, gone=set())
    patient = another_process(replace_bot(desk, lease=timedelta(seconds=0.6)))
    found = []
    waiting = threading.Thread(target=lambda: found.append(take_over(patient, FIRST, gone=set())))
    waiting.start()
    for beat in range(4):
        desk.bot.host.sleep(0.3)
        stored = desk.journal.replace(stored, replace(stored.record, timings={"beat": float(beat)}))
    desk.journal.replace(stored, replace(stored.record, status=Status.COMPLETED))
    waiting.join(timeout=10)
    assert found[0].record.status is Status.COMPLETED
    assert found[0].record.owner == "test"


def test_a_run_that_was_given_back_is_taken_at_once(desk):
    claim(desk, FIRST, gone=set())
    give_back(desk, FIRST)
    assert desk.journal.read(FIRST).record.owner == NOBODY
    patient = another_process(replace_bot(desk, lease=timedelta(hours=1)))
    assert claim(patient, FIRST, gone=set()).record.owner == "other"


def test_giving_back_what_is_somebody_elses_changes_nothing(desk):
    claim(desk, FIRST, gone=set())
    before = desk.journal.read(FIRST)
    give_back(another_process(desk), FIRST)
    assert desk.journal.read(FIRST) == before


def test_of_two_takers_one_loses_and_is_told_so(desk):
    claim(desk, FIRST, gone=set())
    one, two = another_process(desk, owner="one"), another_process(desk, owner="two")
    outcomes = []

    def take(taker):
        try:
            outcomes.append(take_over(taker, FIRST, gone=set()).record.owner)
        except InProgress:
            outcomes.append("in progress")

    takers = [threading.Thread(target=take, args=(taker,)) for taker in (one, two)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(timeout=10)
    winner = desk.journal.read(FIRST).record.owner
    assert winner in ("one", "two")
    assert winner in outcomes


def test_a_run_that_another_process_is_at_ends_quietly(desk, monkeypatch):
    claim(desk, FIRST, gone=set())
    other = another_process(desk)
    original = other.bot.storage.replace

    def lost(key, data, etag):
        desk.journal.replace(desk.journal.read(FIRST), replace(desk.journal.read(FIRST).record, owner="third"))
        return original(key, data, etag)

    monkeypatch.setattr(other.bot.storage, "replace", _once(lost, original))
    (answer,) = run_symbols(other.bot)
    assert answer.outcome is Outcome.IN_PROGRESS
    assert answer.error is None


def _once(first, then):
    """A function that does one thing the first time and another afterwards."""
    calls = []

    def call(*arguments):
        calls.append(arguments)
        return first(*arguments) if len(calls) == 1 else then(*arguments)

    return call
