"""A process that is frozen for longer than its lease, while another one takes over, and then goes on.

The freeze is made inside the process, between two of its steps; what is tested is what it does when it wakes.
"""

import threading
from dataclasses import replace

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, another_process, move_to_run
from tests.jobs.test_killed import lived, on_storage
from tests.jobs.test_run import orders_of
from trader.core.errors import Rejected
from trader.core.journal import Status
from trader.jobs.run import Outcome, run
from trader.jobs.symbols import run_symbols

NOW = FIRST + HOUR
"""The hour that both are at; `lived` leaves the clock just after its close."""


class FreezingStorage:
    """The real storage of a process that stops just before its n-th write, until it is woken."""

    def __init__(self, real, *, at):
        self._real, self._at = real, at
        self._writes = 0
        self.frozen, self.woken = threading.Event(), threading.Event()

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if name not in ("put", "create", "replace", "delete"):
            return real

        def write(*arguments):
            self._writes += 1
            if self._writes == self._at:
                self.frozen.set()
                assert self.woken.wait(timeout=60)
            return real(*arguments)

        return write


@pytest.mark.parametrize("later", [0, 1])
@pytest.mark.parametrize("at", range(2, 8))
def test_a_woken_process_neither_trades_a_second_time_nor_overwrites(tmp_path, at, later):
    desk = lived(tmp_path)
    storage = FreezingStorage(desk.bot.storage, at=at)
    sleeper = on_storage(desk, storage, owner="sleeper")
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(run_symbols(sleeper.bot)))
    thread.start()
    assert storage.frozen.wait(timeout=30)
    taker = another_process(desk, owner="taker")
    move_to_run(taker, NOW + later * HOUR)
    run(taker)
    before = {time: desk.journal.read(time).record for time in desk.journal.open_times()}
    sent = orders_of(desk)
    storage.woken.set()
    thread.join(timeout=60)
    assert answers[0].outcome in (Outcome.IN_PROGRESS, Outcome.DONE)
    assert {time: desk.journal.read(time).record for time in desk.journal.open_times()} == before
    assert all(record.status is Status.COMPLETED for record in before.values())
    assert orders_of(desk) == sent, "the woken process sent nothing"
    booked = [leg.report.client_order_id for record in before.values() for leg in record.legs if leg.report]
    assert [order.client_order_id for order in sent] == booked
    assert desk.journal.newest() == NOW + later * HOUR
    move_to_run(taker, NOW + (later + 1) * HOUR)
    record = run(another_process(desk, owner="third")).record
    assert record.status is Status.COMPLETED
    assert desk.ledger.read().num_rows == len(desk.journal.open_times())


def test_an_order_that_was_settled_as_never_sent_is_refused_for_ever(tmp_path):
    """What the fence is made of: the answer "never sent" is written where the order would have to go through."""
    desk = lived(tmp_path)
    move_to_run(desk, NOW)
    record = run(desk).record
    intent = record.legs[0].intent
    assert desk.bot.exchange.settle(intent) == record.legs[0].report
    late = replace(intent, client_order_id="late-1")
    assert desk.bot.exchange.settle(late) is None
    with pytest.raises(Rejected, match="too late"):
        desk.bot.exchange.submit(late)
    with pytest.raises(Rejected, match="too late"):
        on_storage(desk, desk.bot.storage).bot.exchange.submit(late)
