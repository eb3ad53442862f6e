"""A process that sleeps for hours before it claims its hour, while others close that hour as missed.

It must not trade an hour that is over, and nothing that it does may be left out of the chain of books: when it wakes in
the very moment in which the absence is written down, one of the two gives way.
"""

import threading
from datetime import timedelta

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, SYMBOL, VENUE, another_process, move_to_run
from tests.jobs.test_frozen import FreezingStorage
from tests.jobs.test_killed import KLINES, lived, on_storage
from tests.jobs.test_run import orders_of, replace_bot
from trader.adapters.clocks import VirtualClock
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.core.errors import Retryable
from trader.core.journal import Status
from trader.core.klines import close_of
from trader.jobs.account import look_at_account
from trader.jobs.run import HourPassed, Outcome, begin, finish, run
from trader.jobs.symbols import run_symbols
from trader.simulator.rules import usual_rules
from trader.store.klines import KlineStore

NOW = FIRST + HOUR
"""The hour that is slept through; `lived` leaves the clock just after its close."""


def stopped(desk, storage):
    """A process that is stopped: the clock goes on without it."""
    return on_storage(desk, storage, owner="sleeper")


def suspended(desk, storage):
    """A process on a suspended machine, whose clock stands still with it; what it sees of the market does as well."""
    clock = VirtualClock(desk.bot.clock.now())
    market = RecordedMarket(klines={SYMBOL: KLINES}, rules={SYMBOL: usual_rules(SYMBOL)}, clock=clock)
    exchange = SimulatedExchange(storage=storage, market=market, clock=clock, venue=VENUE, symbols=(SYMBOL,))
    changes = {"storage": storage, "market": market, "exchange": exchange, "klines": KlineStore(storage)}
    return replace_bot(desk, **changes, clock=clock, owner="sleeper")


def records_of(desk):
    return [desk.journal.read(time).record for time in desk.journal.open_times()]


def check_chain(desk, *, until):
    """Every record is completed, every hour settled once, and every order that was filled is in the books."""
    records = records_of(desk)
    assert all(record.status is Status.COMPLETED for record in records)
    settled = [hour.open_time for record in records for hour in record.settled]
    assert settled == [FIRST + hour * HOUR for hour in range((until - FIRST) // HOUR)]
    booked = [leg.report.client_order_id for record in records for leg in record.legs if leg.report]
    assert sorted(booked) == sorted(order.client_order_id for order in orders_of(desk))
    assert all(record.unexplained == () for record in records)


@pytest.mark.slow
@pytest.mark.parametrize(("sleeper_of", "outcome"), [(stopped, Outcome.IN_PROGRESS), (suspended, Outcome.FAILED)])
def test_who_claims_an_hour_that_was_closed_as_missed_withdraws_and_sends_nothing(tmp_path, sleeper_of, outcome):
    desk = lived(tmp_path)
    storage = FreezingStorage(desk.bot.storage, at=1)
    sleeper = sleeper_of(desk, storage)
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(run_symbols(sleeper.bot)))
    thread.start()
    assert storage.frozen.wait(timeout=30)
    taker = another_process(desk, owner="taker")
    move_to_run(taker, NOW + 3 * HOUR)
    assert run(taker).outcome is Outcome.DONE
    before, sent = records_of(desk), orders_of(desk)
    assert before[1].missed_from == NOW, "the hour is one of an absence"
    storage.woken.set()
    thread.join(timeout=60)
    assert [answer.outcome for answer in answers] == [outcome], "only one whose clock went on knows what has happened"
    assert desk.journal.read(NOW) is None
    assert orders_of(desk) == sent
    assert records_of(desk) == before
    move_to_run(taker, NOW + 4 * HOUR)
    run(another_process(desk, owner="third"))
    check_chain(desk, until=NOW + 4 * HOUR)


ABSENCE = f"journal/{SYMBOL}/1h/{NOW + 2 * HOUR:%Y/%m/%dT%H%M}.json"
STATE = f"state/{SYMBOL}/1h.json"


class Meanwhile:
    """The real storage, on which something happens once, just before or just after an object is written."""

    def __init__(self, real, happens, *, key, after=False):
        self._real, self._happens, self._key, self._after = real, [happens], key, after

    def __getattr__(self, name):
        return getattr(self._real, name)

    def create(self, key, data):
        return self._write(self._real.create, key, data)

    def replace(self, key, data, etag):
        return self._write(self._real.replace, key, data, etag)

    def _write(self, write, key, *rest):
        happens = self._happens.pop() if key == self._key and self._happens else None
        if happens and not self._after:
            happens()
        written = write(key, *rest)
        if happens and self._after:
            happens()
        return written


def goes_on(begun):
    finish(begun, account=look_at_account(begun.desk.bot, {SYMBOL: begun.state}))


def notices_the_time_and_goes_on(begun):
    begun.desk.bot.clock.move_to(close_of(NOW + 3 * HOUR, "1h"))
    goes_on(begun)


def dies(begun):
    """Leave the claim to whoever has waited out the lease."""


def gives_way_too(begun):
    begun.desk.journal.withdraw(begun.stored)


@pytest.mark.slow
@pytest.mark.parametrize("sleeper_then", [goes_on, notices_the_time_and_goes_on, dies, gives_way_too])
@pytest.mark.parametrize("key", [ABSENCE, STATE], ids=["before the record", "before the books"])
def test_an_absence_gives_way_to_a_process_that_claims_one_of_its_hours_just_then(tmp_path, sleeper_then, key):
    desk = lived(tmp_path)
    sleeper, begun = suspended(desk, desk.bot.storage), []
    storage = Meanwhile(desk.bot.storage, lambda: begun.append(begin(sleeper, gone=set())), key=key)
    taker = on_storage(desk, storage, owner="taker")
    move_to_run(taker, NOW + 3 * HOUR)
    with pytest.raises(Retryable, match="has just been claimed by a process that was away"):
        run(taker)
    assert desk.journal.open_times() == [FIRST, NOW, NOW + 3 * HOUR]
    assert desk.journal.newest() == FIRST, "the books that followed from the absence are gone as well"
    sleeper_then(begun[0])
    assert run(another_process(desk, owner="next")).outcome is Outcome.DONE
    check_chain(desk, until=NOW + 3 * HOUR)


@pytest.mark.slow
def test_a_claim_gives_way_to_an_absence_that_is_in_the_books_already(tmp_path):
    desk = lived(tmp_path)
    sleeper, told = suspended(desk, desk.bot.storage), []

    def wake_up():
        with pytest.raises(HourPassed) as refused:
            begin(sleeper, gone=set())
        told.append(refused)

    taker = on_storage(desk, Meanwhile(desk.bot.storage, wake_up, key=STATE, after=True), owner="taker")
    move_to_run(taker, NOW + 3 * HOUR)
    assert run(taker).outcome is Outcome.DONE
    assert told
    assert desk.journal.open_times() == [FIRST, NOW + 2 * HOUR, NOW + 3 * HOUR]
    check_chain(desk, until=NOW + 3 * HOUR)


@pytest.mark.parametrize("after", [timedelta(seconds=5), timedelta(minutes=20)])
def test_a_time_far_ahead_closes_no_hour_and_the_right_one_goes_on(tmp_path, after):
    """The exchange's own time was wrong once; its klines are not."""
    desk = lived(tmp_path)
    wrong = VirtualClock(close_of(NOW + 30 * HOUR, "1h") + after)
    ahead = replace_bot(another_process(desk), clock=wrong, wait=timedelta(0))
    with pytest.raises(Retryable, match=r"the market (shows no kline of|has not published the kline of)"):
        run(ahead)
    assert desk.journal.newest() == FIRST
    assert [record.missed_from for record in records_of(desk)] == [None, None]
    (answer,) = run_symbols(another_process(desk, owner="right").bot)
    assert answer.outcome is Outcome.DONE
    assert answer.record.key.open_time == NOW
    move_to_run(desk, NOW + 31 * HOUR)
    run(desk)
    check_chain(desk, until=NOW + 31 * HOUR)
