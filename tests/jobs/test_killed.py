"""Killed at any write: what the next process finds, does, and never does twice.

The process dies at its n-th write to the storage, just before it or just after: nothing more is written, not even by
its own clean-up. The simulated exchange keeps its account in the same storage, so "the order was taken and the answer
lost" is among the cases.
"""

from dataclasses import replace

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, another_process, make_desk, move_to_run, with_model
from tests.jobs.test_run import orders_of, replace_bot
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.core.journal import Status
from trader.jobs.run import Outcome, run
from trader.store.klines import KlineStore

pytestmark = pytest.mark.slow

KLINES = random_klines(1460, seed=6)


class Killed(BaseException):
    """The process is gone."""


class DyingStorage:
    """The real storage of a process that dies at one of its writes."""

    def __init__(self, real, *, at=None, after=False):
        self._real, self._at, self._after = real, at, after
        self.writes = 0
        self._dead = False

    def _write(self, write, *arguments):
        if self._dead:
            raise Killed
        self.writes += 1
        if self.writes == self._at:
            self._dead = True
            if self._after:
                write(*arguments)
            raise Killed
        return write(*arguments)

    def put(self, key, data):
        return self._write(self._real.put, key, data)

    def create(self, key, data):
        return self._write(self._real.create, key, data)

    def replace(self, key, data, etag):
        return self._write(self._real.replace, key, data, etag)

    def delete(self, key):
        return self._write(self._real.delete, key)

    def get(self, key):
        if self._dead:
            raise Killed
        return self._real.get(key)

    def keys(self, prefix):
        if self._dead:
            raise Killed
        return self._real.keys(prefix)

    def locate(self, key):
        return self._real.locate(key)


def on_storage(desk, storage, *, owner="mortal"):
    """The desk as another process whose storage is this one."""
    old = desk.bot.exchange
    exchange = SimulatedExchange(
        storage=storage, market=desk.bot.market, clock=desk.bot.clock, venue=old._venue, symbols=desk.bot.symbols
    )
    return replace_bot(desk, storage=storage, exchange=exchange, klines=KlineStore(storage), owner=owner)


def lived(folder, *, hours=1):
    """A desk that has lived through some hours and stands before the next one."""
    desk = with_model(make_desk(folder, KLINES))
    for hour in range(hours):
        move_to_run(desk, FIRST + hour * HOUR)
        run(desk)
    move_to_run(desk, FIRST + hours * HOUR)
    return desk


def count_writes(folder):
    """How many writes an undisturbed run makes."""
    desk = lived(folder)
    storage = DyingStorage(desk.bot.storage)
    record = run(on_storage(desk, storage)).record
    assert record.legs, "the hour has to trade, or nothing of interest can be interrupted"
    return storage.writes


@pytest.fixture(scope="module")
def writes(tmp_path_factory):
    """The number of writes there are to die at."""
    return count_writes(tmp_path_factory.mktemp("count"))


def same_book(one, other):
    """Compare what two stores say of the same hour, but for who, when, and by which attempt."""
    return (
        replace(one.state, last_filled=None) == replace(other.state, last_filled=None)
        and one.decision == other.decision
        and one.inputs == other.inputs
    )


def test_a_run_makes_few_writes(writes):
    assert writes == 7, "claim, klines, intent, account, commit, ledger, state"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
def test_the_next_process_in_the_same_hour_ends_where_an_undisturbed_one_does(tmp_path, writes, at, after):
    twin = lived(tmp_path / "twin")
    undisturbed = run(twin).record
    desk = lived(tmp_path / "killed")
    with pytest.raises(Killed):
        run(on_storage(desk, DyingStorage(desk.bot.storage, at=at, after=after)))
    record = run(another_process(desk)).record
    assert record.status is Status.COMPLETED
    assert same_book(record, undisturbed)
    assert len(orders_of(desk)) == len(orders_of(twin)), "nothing was sent twice, nothing was forgotten"
    assert [leg.report.executed for leg in record.legs if leg.report] == [undisturbed.legs[0].report.executed]
    again = run(another_process(desk, owner="third"))
    assert again.outcome is Outcome.ALREADY_DONE
    assert desk.journal.newest() == FIRST + HOUR
    assert desk.ledger.read().num_rows == 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
def test_the_next_process_an_hour_later_finds_every_fill_and_sends_nothing_late(tmp_path, writes, at, after):
    desk = lived(tmp_path)
    with pytest.raises(Killed):
        run(on_storage(desk, DyingStorage(desk.bot.storage, at=at, after=after)))
    sent = len(orders_of(desk))
    later = another_process(desk)
    move_to_run(later, FIRST + 2 * HOUR)
    record = run(later).record
    records = [desk.journal.read(time).record for time in desk.journal.open_times()]
    assert all(found.status is Status.COMPLETED for found in records)
    orders = orders_of(desk)
    identities = [order.client_order_id for order in orders]
    assert len(identities) == len(set(identities))
    journalled = [leg.report.client_order_id for found in records for leg in found.legs if leg.report]
    assert journalled == identities, "every execution is in exactly one record"
    bought = sum(
        (1 if order.side == "BUY" else -1) * fill.quantity - (fill.commission if fill.commission_asset == "BTC" else 0)
        for order in orders
        for fill in order.trades
    )
    assert record.state.execution.position == bought
    assert len(orders) - sent == len(record.legs), "the hour that was interrupted sends nothing afterwards"
    assert desk.ledger.read().num_rows == len(records)
    settled = [hour.open_time for found in records for hour in found.settled]
    assert settled == [FIRST + hour * HOUR for hour in range(2)], "every hour is settled once"
