"""A machine that is suspended in the middle of a run: its clocks stand still with it, the exchange's does not."""

import pytest

from tests.builders import random_klines, ticked
from tests.desks import FIRST
from tests.jobs.test_run import replace_bot
from tests.worlds import trading_world
from trader.bootstrap import build_bot
from trader.config import load_settings
from trader.core.klines import close_of
from trader.core.orders import NotSent
from trader.jobs.account import look_at_account
from trader.jobs.bot import Desk
from trader.jobs.run import begin, finish, run
from trader.store.control import claim_store

pytestmark = pytest.mark.slow

KLINES = {"BTCUSDT": ticked(random_klines(1460, seed=6, price=60000.0))}
THREE_HOURS = 3 * 3600


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A testnet just after the close of FIRST, in which an order is due, and an empty store."""
    with trading_world(tmp_path, KLINES, first=FIRST, storage="folder") as running:
        running.enter(monkeypatch)
        running.move_to_run(FIRST)
        yield running


@pytest.fixture
def desk(world):
    """The desk of a bot that may trade there."""
    bot = build_bot(load_settings(), live=True)
    claim_store(bot.storage, mine=bot.stamp)
    return Desk(bot=bot, symbol="BTCUSDT")


def check_not_traded(desk, record):
    """The gap stays for the next hour, and the bot's own clock has not noticed anything."""
    assert record.not_sent is NotSent.NOT_THIS_HOUR
    assert record.gap == record.state.execution.target != 0
    assert desk.bot.clock.now() < close_of(FIRST, "1h") + desk.bot.max_lateness


def test_an_hour_is_not_traded_by_a_machine_that_was_suspended_before_its_order(world, desk):
    begun = begin(desk, gone=set())
    world.net.control.advance(THREE_HOURS)
    record = finish(begun, account=look_at_account(desk.bot, {"BTCUSDT": begun.state})).record
    assert record.legs == ()
    assert world.net.control.orders()["orders"] == []
    check_not_traded(desk, record)


class Suspending:
    """An exchange whose machine is suspended when an order is written down and about to be sent."""

    def __init__(self, real, *, control):
        self._real, self._control = real, control
        self._slept = False

    def __getattr__(self, name):
        return getattr(self._real, name)

    def submit(self, intent):
        if not self._slept:
            self._slept = True
            self._control.advance(THREE_HOURS)
        return self._real.submit(intent)


def test_an_order_that_is_hours_old_is_refused_and_not_sent_anew(world, desk):
    exchange = Suspending(desk.bot.exchange, control=world.net.control)
    record = run(replace_bot(desk, exchange=exchange)).record
    assert [(leg.is_absent, leg.report) for leg in record.legs] == [(True, None)]
    assert world.net.control.orders()["orders"] == []
    check_not_traded(desk, record)
