"""Ctrl-C, or the account reset, in the middle of a run: what was begun is left so that the next process goes on."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, another_process, make_desk, move_to_run, with_model
from tests.jobs.test_account import KLINES, change_account, exchange_of
from tests.jobs.test_allocation import SYMBOLS, live, make_bot
from tests.jobs.test_run import orders_of, replace_bot, run_hours
from tests.jobs.test_symbols import on
from trader.core.errors import Retryable
from trader.core.journal import Status
from trader.core.risk import ControlMode
from trader.jobs.bot import Desk
from trader.jobs.claim import NOBODY
from trader.jobs.run import Outcome, run
from trader.jobs.symbols import run_symbols
from trader.store.control import say

BOTH = BTC, ETH = SYMBOLS[:2]


class Interrupted:
    """The real storage of a process that is interrupted when it creates a record of one symbol."""

    def __init__(self, real, *, symbol):
        self._real, self._symbol = real, symbol

    def __getattr__(self, name):
        return getattr(self._real, name)

    def create(self, key, data):
        if key.startswith(f"journal/{self._symbol}/"):
            raise KeyboardInterrupt
        return self._real.create(key, data)


@pytest.mark.slow
def test_interrupted_while_the_second_symbol_begins_the_first_one_is_given_back(tmp_path):
    bot = replace(make_bot(tmp_path), symbols=BOTH, notional=Decimal(500))
    live(bot, BOTH, 1)
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST + HOUR)
    with pytest.raises(KeyboardInterrupt):
        run_symbols(on(bot, Interrupted(bot.storage, symbol=ETH), owner="interrupted"))
    left = Desk(bot=bot, symbol=BTC).journal.read(FIRST + HOUR).record
    assert (left.owner, left.status) == (NOBODY, Status.CLAIMED)
    assert [answer.outcome for answer in run_symbols(replace(bot, owner="next"))] == [Outcome.DONE] * 2


class ResettingOnSubmit:
    """An account that is reset under its first order, whose answer is lost."""

    def __init__(self, desk):
        self._desk, self._real = desk, exchange_of(desk)
        self._was_reset = False

    def __getattr__(self, name):
        return getattr(self._real, name)

    def submit(self, intent):
        if self._was_reset:
            return self._real.submit(intent)
        self._was_reset = True
        change_account(self._desk, lambda account: None)
        self._real = exchange_of(self._desk)
        raise Retryable("504")


def test_an_account_that_is_reset_under_an_order_is_not_traded_with_the_books_of_the_old_one(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES))
    before = run_hours(desk, 3)[-1]
    say(desk.bot.storage, mode=ControlMode.HALT, why="to be flat", who="me", at=FIRST)
    move_to_run(desk, FIRST + 3 * HOUR)
    with pytest.raises(Retryable, match="the next run begins a new epoch"):
        run(replace_bot(desk, exchange=ResettingOnSubmit(desk)))
    assert orders_of(desk) == ()
    found = replace_bot(another_process(desk), exchange=exchange_of(desk))
    record = run(found).record
    assert [(leg.is_wiped, leg.report) for leg in record.legs] == [(True, None)]
    assert (before.state.epoch, record.state.epoch) == (1, 2)
    assert before.state.execution.position != 0 == record.state.execution.position
    assert orders_of(desk) == (), "flat is what was wanted, and a new account is"
    (after,) = run_hours(found, 1, first=FIRST + 4 * HOUR)
    assert (after.state.epoch, after.unexplained, after.legs) == (2, (), ())
