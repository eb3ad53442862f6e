"""Whose store it is and what the operator said: read by every run, changed by compare-and-swap."""

from dataclasses import replace

import pytest

from tests.builders import HOUR, START
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.risk import Control, ControlMode
from trader.store.codec import to_json
from trader.store.control import (
    CONTROL_KEY,
    STAMP_KEY,
    Stamp,
    check_stamp,
    claim_store,
    read_control,
    read_stamp,
    say,
)

MINE = Stamp(bot_id="bot", mode="demo", interval="1h")


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "store", durable=False)


class Overtaken:
    """The real storage, where somebody else writes the object between our read and our write (the fault)."""

    def __init__(self, storage, *, key, data):
        self._storage, self._key, self._data = storage, key, data

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def get(self, key):
        found = self._storage.get(key)
        if key == self._key and self._data is not None:
            self._storage.put(key, self._data)
            self._data = None
        return found


def test_an_unused_store_is_nobodys_and_asking_writes_nothing(storage, tmp_path):
    assert read_stamp(storage) is None
    assert check_stamp(storage, mine=MINE) is False
    assert list(tmp_path.iterdir()) == []


def test_a_claimed_store_is_ours_and_claiming_again_changes_nothing(storage):
    claim_store(storage, mine=MINE)
    tag = storage.get(STAMP_KEY).etag
    claim_store(storage, mine=MINE)
    assert (read_stamp(storage), check_stamp(storage, mine=MINE)) == (MINE, True)
    assert storage.get(STAMP_KEY).etag == tag


@pytest.mark.parametrize("change", [{"bot_id": "other"}, {"mode": "dry-run"}, {"interval": "4h"}])
def test_another_bot_mode_or_interval_is_refused_naming_both_and_the_place(storage, change):
    claim_store(storage, mine=MINE)
    other = replace(MINE, **change)
    for attempt in (check_stamp, claim_store):
        with pytest.raises(BadConfig) as refused:
            attempt(storage, mine=other)
        said = str(refused.value)
        assert storage.locate(STAMP_KEY) in said
        assert "belongs to bot 'bot', mode demo, interval 1h" in said
        assert f"this is bot {other.bot_id!r}, mode {other.mode}, interval {other.interval}" in said
        assert "Choose another storage.url" in said
    assert read_stamp(storage) == MINE


def test_of_two_bots_that_claim_at_once_the_second_is_refused(storage):
    other = replace(MINE, bot_id="other")
    with pytest.raises(BadConfig, match="belongs to bot 'other'"):
        claim_store(Overtaken(storage, key=STAMP_KEY, data=to_json(other)), mine=MINE)
    assert read_stamp(storage) == other


def test_two_processes_of_one_bot_that_claim_at_once_both_succeed(storage):
    claim_store(Overtaken(storage, key=STAMP_KEY, data=to_json(MINE)), mine=MINE)
    assert read_stamp(storage) == MINE


@pytest.mark.parametrize("data", [b"", b"{", b"{}", to_json(replace(MINE, schema=2)), b'{"schema":1,"bot_id":"bot"}'])
def test_an_unreadable_stamp_is_never_taken_for_an_unused_store(storage, data):
    storage.put(STAMP_KEY, data)
    for attempt in (check_stamp, claim_store):
        with pytest.raises(BadData, match=STAMP_KEY):
            attempt(storage, mine=MINE)
    assert storage.get(STAMP_KEY).data == data


def test_nothing_said_means_run(storage):
    assert read_control(storage) == Control(mode=ControlMode.RUN, sequence=0)


def test_what_is_said_is_read_back_and_the_sequence_grows_by_one(storage):
    for sequence, mode in enumerate((ControlMode.HALT, ControlMode.HALT, ControlMode.REDUCE, ControlMode.RUN)):
        said = say(storage, mode=mode, why=f"why {sequence}", who="me", at=START + sequence * HOUR)
        number = int(START.timestamp()) + sequence
        expected = Control(mode=mode, why=f"why {sequence}", who="me", at=START + sequence * HOUR, sequence=number)
        assert said == read_control(storage) == expected


def test_a_switch_that_was_lost_and_set_anew_is_not_taken_for_the_one_before(storage):
    before = say(storage, mode=ControlMode.HALT, why="first", who="me", at=START)
    storage.delete(CONTROL_KEY)
    assert say(storage, mode=ControlMode.RUN, why="second", who="me", at=START + HOUR).sequence > before.sequence


@pytest.mark.parametrize("before", [0, 1])
def test_of_two_people_at_once_the_second_is_told_and_changes_nothing(storage, before):
    for _ in range(before):
        say(storage, mode=ControlMode.REDUCE, why="first", who="a", at=START)
    scratch = LocalStorage(storage._root.parent / "scratch", durable=False)
    say(scratch, mode=ControlMode.HALT, why="theirs", who="b", at=START)
    theirs = scratch.get(CONTROL_KEY).data
    with pytest.raises(Conflict):
        say(Overtaken(storage, key=CONTROL_KEY, data=theirs), mode=ControlMode.RUN, why="mine", who="c", at=START)
    assert read_control(storage).why == "theirs"


@pytest.mark.parametrize("data", [b"", b"null", b'{"schema":1,"control":{"mode":"go"}}'])
def test_an_unreadable_switch_is_never_taken_for_run(storage, data):
    storage.put(CONTROL_KEY, data)
    with pytest.raises(BadData, match=CONTROL_KEY):
        read_control(storage)


@pytest.mark.parametrize("data", [b"", b"null", b'{"schema":1,"control":{"mode":"go"}}'])
def test_an_unreadable_switch_can_still_be_set_and_no_run_takes_it_for_one_it_has_seen(storage, data):
    storage.put(CONTROL_KEY, data)
    said = say(storage, mode=ControlMode.HALT, why="now", who="me", at=START)
    assert read_control(storage) == said
    assert said.sequence > 1_000_000
    assert say(storage, mode=ControlMode.RUN, why="fine", who="me", at=START).sequence == said.sequence + 1
