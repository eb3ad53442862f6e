"""The lease of a training: written only over what was read, and damage to it keeps nobody from training."""

import logging
from dataclasses import replace

import pytest

from tests.builders import HOUR, START
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import Conflict, NewerSchema
from trader.store.training import TrainingLease, TrainingLeases

KEY = "training/BTCUSDT/1h.json"
MINE = TrainingLease(owner="me", beat=3, begun=(START, START + HOUR))


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def leases(storage):
    return TrainingLeases(storage, symbol="BTCUSDT", interval="1h")


def test_before_the_first_training_the_lease_is_nobodys(leases):
    assert leases.read().lease == TrainingLease(owner="", beat=0, begun=())


def test_what_is_written_is_read(leases, storage):
    written = leases.write(leases.read(), MINE)
    assert leases.read() == written
    assert written.lease == MINE
    assert storage.keys("training/") == [KEY]


def test_of_two_that_read_the_same_one_writes(leases):
    for beat in (1, 2):  # the object is created, then replaced
        first, second = leases.read(), leases.read()
        leases.write(first, replace(MINE, beat=beat))
        with pytest.raises(Conflict):
            leases.write(second, TrainingLease(owner="other"))
    assert leases.read().lease == replace(MINE, beat=2)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema":1,"begun":"today"}'])
def test_a_damaged_lease_is_nobodys_and_can_be_taken(leases, storage, data, caplog):
    storage.put(KEY, data)
    with caplog.at_level(logging.WARNING):
        found = leases.read()
    assert found.lease == TrainingLease()
    assert KEY in caplog.text
    leases.write(found, MINE)
    assert leases.read().lease == MINE


def test_the_lease_of_a_newer_version_is_left_to_it(leases, storage):
    storage.put(KEY, b'{"schema":2}')
    with pytest.raises(NewerSchema, match=KEY):
        leases.read()
