"""The journal is the only truth; the state is a copy that may be behind, ahead, missing or damaged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, START
from tests.store.records import full_record, hourly
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.journal import BotState, Status
from trader.store.journal import Journal, seal_of

STATE = "state/BTCUSDT/1h.json"


class CountingStorage:
    """The real storage, with its reads and listings counted."""

    def __init__(self, storage):
        self._storage = storage
        self.calls = []

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append((name, arguments[0]))
            return getattr(self._storage, name)(*arguments)

        return call


@pytest.fixture
def storage(tmp_path):
    return CountingStorage(LocalStorage(tmp_path, durable=False))


@pytest.fixture
def journal(storage):
    return Journal(storage, bot_id="bot", symbol="BTCUSDT", interval="1h")


def at(hour: int):
    return START + hour * HOUR


def lived(journal, hours, *, status=Status.COMPLETED, saved=True):
    """Put hours into the journal, their number in the paper book, and the state after each completed one."""
    for hour in hours:
        record = hourly(at(hour), hours=hour, status=status)
        journal.create(record)
        if saved and status is Status.COMPLETED:
            journal.save_state(record)


def test_a_record_reads_back_equal_with_the_tag_to_replace_it(journal):
    record = full_record()
    created = journal.create(record)
    assert journal.read(record.key.open_time) == created
    assert created.record == replace(record, seal=seal_of(record))
    assert created.record != replace(created.record, seal="")
    assert record.key == journal.key(record.key.open_time)


def test_a_record_lies_where_the_layout_says(journal, storage):
    journal.create(full_record())
    assert storage.keys("") == ["journal/BTCUSDT/1h/2024/01/31T1200.json"]


def test_a_record_that_is_not_there_is_none(journal):
    assert journal.read(at(0)) is None


def test_only_one_process_creates_a_record(journal):
    journal.create(hourly(at(1), hours=1))
    with pytest.raises(Conflict):
        journal.create(hourly(at(1), hours=2))
    assert journal.read(at(1)).record.state.paper.klines == 1


def test_an_unfinished_record_is_replaced_and_only_by_who_saw_it_last(journal):
    claimed = journal.create(hourly(at(1), status=Status.CLAIMED))
    decided = journal.replace(claimed, replace(claimed.record, status=Status.DECIDED))
    assert journal.read(at(1)) == decided
    with pytest.raises(Conflict):
        journal.replace(claimed, replace(claimed.record, status=Status.COMPLETED))
    completed = journal.replace(decided, replace(decided.record, status=Status.COMPLETED))
    assert journal.read(at(1)).record.status is completed.record.status is Status.COMPLETED


def test_a_completed_record_never_changes(journal):
    completed = journal.create(hourly(at(1)))
    with pytest.raises(BadData, match="BTCUSDT 1h 2024-01-01 01:00 UTC is completed"):
        journal.replace(completed, replace(completed.record, owner="other"))
    assert journal.read(at(1)) == completed


def test_an_empty_store_starts_with_empty_books(journal):
    position = journal.latest(before=at(5))
    assert (position.open_time, position.state, position.unfinished) == (None, BotState(), ())
    assert journal.newest() is None


def test_the_state_copies_the_newest_completed_books(journal, storage):
    record = full_record()
    journal.create(record)
    journal.save_state(record)
    position = journal.latest(before=record.key.open_time + HOUR)
    assert (position.open_time, position.state) == (record.key.open_time, record.state)
    assert journal.newest() == record.key.open_time


def test_a_record_without_books_leaves_the_state_alone(journal, storage):
    journal.save_state(hourly(at(1), status=Status.CLAIMED, state=None))
    assert storage.keys("") == []


def test_in_the_usual_hour_one_read_is_enough(journal, storage):
    lived(journal, range(5))
    storage.calls.clear()
    assert journal.latest(before=at(5)).open_time == at(4)
    assert storage.calls == [("get", STATE)]


def test_a_kill_between_commit_and_state_is_noticed(journal, storage):
    lived(journal, range(4))
    lived(journal, [4], saved=False)
    position = journal.latest(before=at(5))
    assert (position.open_time, position.state.paper.klines, position.unfinished) == (at(4), 4, ())


def test_a_copy_several_hours_behind_over_holes_goes_to_the_newest_completed_run(journal):
    lived(journal, [0])
    lived(journal, [3, 7], saved=False)
    assert journal.latest(before=at(10)).state.paper.klines == 7
    assert journal.latest(before=at(7)).state.paper.klines == 3  # the run of hour 7 itself is not before hour 7


def test_unfinished_runs_after_the_newest_completed_one_are_reported_oldest_first(journal):
    lived(journal, range(3))
    lived(journal, [3], status=Status.DECIDED)
    lived(journal, [5], status=Status.CLAIMED)
    position = journal.latest(before=at(6))
    assert (position.open_time, position.state.paper.klines) == (at(2), 2)
    assert [stored.record.key.open_time for stored in position.unfinished] == [at(3), at(5)]
    assert position.unfinished[0] == journal.read(at(3))


def test_unfinished_runs_before_a_completed_one_are_its_business_and_not_reported(journal):
    lived(journal, range(3))
    lived(journal, [3], status=Status.DECIDED)
    lived(journal, [4], saved=False)
    lived(journal, [5], status=Status.CLAIMED)
    position = journal.latest(before=at(6))
    assert position.open_time == at(4)
    assert [stored.record.key.open_time for stored in position.unfinished] == [at(5)]


@pytest.mark.parametrize("hours", [5, 120])
def test_a_missing_state_is_made_again_from_the_journal(journal, storage, hours):
    lived(journal, range(hours))
    lived(journal, [hours], status=Status.CLAIMED)
    storage.delete(STATE)
    position = journal.latest(before=at(hours + 1))
    assert (position.open_time, position.state.paper.klines) == (at(hours - 1), hours - 1)
    assert [stored.record.key.open_time for stored in position.unfinished] == [at(hours)]
    assert journal.newest() == at(hours - 1)


def test_a_state_that_is_ahead_is_returned_as_it_is(journal, storage):
    lived(journal, range(6))
    storage.calls.clear()
    assert journal.latest(before=at(3)).open_time == at(5)
    assert journal.latest(before=at(5)).open_time == at(5)
    assert {name for name, _ in storage.calls} == {"get"}


def test_up_to_two_days_are_probed_and_more_are_listed(journal, storage):
    lived(journal, [0])
    lived(journal, [47, 60], saved=False)
    storage.calls.clear()
    assert journal.latest(before=at(48)).state.paper.klines == 47
    assert ("keys", "journal/BTCUSDT/1h/") not in storage.calls
    storage.calls.clear()
    assert journal.latest(before=at(61)).state.paper.klines == 60
    assert storage.calls == [
        ("get", STATE),
        ("keys", "journal/BTCUSDT/1h/2024/01/"),
        ("get", "journal/BTCUSDT/1h/2024/01/03T1200.json"),
        ("get", "journal/BTCUSDT/1h/2024/01/03T1200.json"),
    ]


@pytest.mark.parametrize("is_lost", [False, True])
def test_however_many_runs_were_left_unfinished_the_completed_one_before_them_is_found(journal, storage, is_lost):
    lived(journal, [0])
    lived(journal, [1], saved=False)
    lived(journal, range(2, 72), status=Status.CLAIMED)
    if is_lost:
        storage.delete(STATE)
    position = journal.latest(before=at(72))
    assert (position.open_time, position.state.paper.klines) == (at(1), 1)
    assert [stored.record.key.open_time for stored in position.unfinished] == [at(hour) for hour in range(2, 72)]


def test_runs_that_were_never_completed_are_all_reported(journal):
    lived(journal, range(60), status=Status.CLAIMED)
    position = journal.latest(before=at(60))
    assert (position.open_time, position.state, len(position.unfinished)) == (None, BotState(), 60)


def test_a_year_behind_goes_to_the_newest_completed_run(journal):
    lived(journal, [0])
    lived(journal, [10, 24 * 200, 24 * 365], saved=False)
    assert journal.latest(before=at(24 * 366)).state.paper.klines == 24 * 365


def test_a_damaged_record_in_the_way_stops_and_is_named(journal, storage):
    lived(journal, range(2))
    lived(journal, [2], saved=False)
    key = "journal/BTCUSDT/1h/2024/01/01T0200.json"
    storage.put(key, storage.get(key).data[:-20])
    with pytest.raises(BadData, match=key):
        journal.latest(before=at(3))
    with pytest.raises(BadData, match=key):
        journal.read(at(2))


@pytest.mark.parametrize("key", [STATE, "journal/BTCUSDT/1h/2024/01/01T0000.json"])
def test_a_newer_schema_stops_and_is_named(journal, storage, key):
    lived(journal, [0])
    data = storage.get(key).data.replace(b'"schema":2', b'"schema":3')
    storage.put(key, data)
    with pytest.raises(BadData, match=f"{key} has schema 3, this version reads up to 2"):
        journal.read(at(0)) if key.startswith("journal") else journal.latest(before=at(1))


def test_a_damaged_state_is_made_again_from_the_journal(journal, storage):
    lived(journal, range(3))
    storage.put(STATE, b"{")
    assert journal.newest() == at(2)
    assert journal.latest(before=at(3)).state.paper.klines == 2
    journal.save_state(journal.read(at(2)).record)
    assert storage.get(STATE).data.startswith(b'{"schema":2')


def test_a_state_of_a_newer_version_is_refused_and_never_overwritten(journal, storage):
    lived(journal, range(3))
    storage.put(STATE, b'{"schema": 3}')
    for ask in (
        journal.newest,
        lambda: journal.latest(before=at(3)),
        lambda: journal.save_state(journal.read(at(2)).record),
    ):
        with pytest.raises(BadData, match=f"{STATE} has schema 3"):
            ask()
    assert storage.get(STATE).data == b'{"schema": 3}'


def test_a_process_that_was_frozen_does_not_put_the_state_back(journal, storage):
    lived(journal, range(3))
    journal.save_state(journal.read(at(0)).record)
    assert journal.newest() == at(2)


def test_a_lost_state_does_not_let_an_earlier_hour_be_decided_after_a_later_one(journal, storage):
    lived(journal, range(6))
    storage.delete(STATE)
    assert journal.latest(before=at(3)).open_time == at(5)


@pytest.mark.parametrize("name", ["2024/01/notes.json", "2024/13/01T0000.json", "2024/01/01T0000.json.bak", "x"])
def test_a_foreign_file_in_the_journal_is_named(journal, storage, name):
    lived(journal, [0])
    storage.put(f"journal/BTCUSDT/1h/{name}", b"{}")
    with pytest.raises(BadData, match=f"journal/BTCUSDT/1h/{name} is not the name of a journal record; move it out"):
        journal.open_times()


def test_open_times_are_exclusive_at_both_ends_and_sorted(journal):
    lived(journal, [3, 1, 2, 30, 0], saved=False)
    assert journal.open_times() == [at(hour) for hour in (0, 1, 2, 3, 30)]
    assert journal.open_times(after=at(0), before=at(3)) == [at(1), at(2)]
    assert journal.open_times(after=at(30)) == []
    assert all(time.utcoffset() == timedelta(0) for time in journal.open_times())


def test_symbols_and_intervals_do_not_see_each_other(journal, storage):
    lived(journal, range(3))
    for symbol, interval in (("BTCUSDT", "15m"), ("BTCUSD", "1h"), ("ETHUSDT", "1h")):
        other = Journal(storage, bot_id="bot", symbol=symbol, interval=interval)
        assert (other.open_times(), other.newest(), other.read(at(0))) == ([], None, None)


def test_a_symbol_that_would_leave_the_store_is_refused(storage):
    with pytest.raises(BadConfig):
        Journal(storage, bot_id="bot", symbol="../..", interval="1h").open_times()
