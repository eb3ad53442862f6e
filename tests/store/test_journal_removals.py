"""Two kinds of record may be removed: a claim by its owner, and an absence that turns out not to have been one."""

from dataclasses import replace

import pytest

from tests.store.records import hourly
from tests.store.test_journal import at, lived
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadData, Conflict
from trader.core.journal import Status
from trader.store.journal import Journal


def journal_on(storage):
    return Journal(storage, bot_id="bot", symbol="BTCUSDT", interval="1h")


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def journal(storage):
    return journal_on(storage)


def test_a_claim_that_is_withdrawn_leaves_nothing(journal, storage):
    stored = journal.create(hourly(at(1), status=Status.CLAIMED, state=None))
    journal.withdraw(stored)
    assert (journal.read(at(1)), storage.keys("")) == (None, [])


@pytest.mark.parametrize("status", [Status.DECIDED, Status.COMPLETED])
def test_only_a_claim_may_be_withdrawn(journal, status):
    stored = journal.create(hourly(at(1), status=status))
    with pytest.raises(BadData, match=f"01:00 UTC is {status} and may not be removed"):
        journal.withdraw(stored)
    assert journal.read(at(1)) == stored


def test_a_claim_that_somebody_took_over_is_not_withdrawn(journal):
    stored = journal.create(hourly(at(1), status=Status.CLAIMED, state=None))
    taken = journal.replace(stored, replace(stored.record, owner="taker"))
    with pytest.raises(Conflict):
        journal.withdraw(stored)
    assert journal.read(at(1)) == taken


def test_a_claim_that_is_being_withdrawn_cannot_be_taken_over(journal, storage):
    """Who has read it just before loses: between the two steps of a withdrawal its tag has changed."""
    stored = journal.create(hourly(at(1), status=Status.CLAIMED, state=None))
    deleted = []

    class Watched:
        def __getattr__(self, name):
            return getattr(storage, name)

        def delete(self, key):
            with pytest.raises(Conflict):
                journal.replace(stored, replace(stored.record, owner="taker"))
            deleted.append(key)
            storage.delete(key)

    journal_on(Watched()).withdraw(stored)
    assert len(deleted) == 1
    assert journal.read(at(1)) is None


def test_an_absence_that_is_taken_back_takes_its_books_with_it(journal):
    lived(journal, range(3))
    absence = hourly(at(6), hours=6, missed_from=at(3))
    journal.create(absence)
    journal.save_state(absence)
    assert journal.newest() == at(6)
    journal.take_back(absence)
    assert (journal.newest(), journal.state().paper.klines) == (at(2), 2)
    assert journal.open_times() == [at(0), at(1), at(2)]


@pytest.mark.parametrize("status", [Status.CLAIMED, Status.COMPLETED])
def test_what_is_not_an_absence_may_not_be_taken_back(journal, status):
    lived(journal, range(3), status=status)
    record = journal.read(at(2)).record
    with pytest.raises(BadData, match="02:00 UTC is not one of an absence and may not be removed"):
        journal.take_back(record)
    assert journal.read(at(2)).record == record
