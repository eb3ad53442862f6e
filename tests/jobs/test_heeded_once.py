"""`trader resume` takes the account as it is, once: by the run that heeds it, for every symbol that it concerns."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, make_desk, move_to_run, with_model
from tests.jobs.test_account import KLINES, Lost, change_account, deposit
from tests.jobs.test_allocation import SYMBOLS, assert_claims_are_covered, live, make_bot
from tests.jobs.test_killed import DyingStorage, Killed
from tests.jobs.test_run import replace_bot, run_hours
from tests.jobs.test_symbols import on
from trader.core.errors import Retryable
from trader.core.risk import ControlMode
from trader.jobs.bot import Desk
from trader.jobs.run import Outcome, run
from trader.jobs.symbols import run_symbols
from trader.store.control import say

pytestmark = pytest.mark.slow

BOTH = BTC, ETH = SYMBOLS[:2]


@pytest.fixture
def bot(tmp_path):
    """A bot on two symbols that share an asset, after four hours of both."""
    made = replace(make_bot(tmp_path), symbols=BOTH, notional=Decimal(500))
    live(made, BOTH, 4)
    return made


def desk_of(bot, symbol=BTC):
    return Desk(bot=bot, symbol=symbol)


def resume(bot):
    say(bot.storage, mode=ControlMode.RUN, why="it was me", who="me", at=FIRST)


@pytest.mark.parametrize("lived_by", [BOTH, (BTC,)], ids=["by both", "by one, the other is not traded any more"])
def test_a_change_after_a_resume_was_heeded_is_not_taken(bot, lived_by):
    """However often the account changes, and whatever became of the other symbol."""
    resume(bot)
    live(bot, lived_by, 1, first=4)
    alone = replace(bot, symbols=(BTC,))
    for hour in range(5, 8):
        change_account(desk_of(bot), deposit("USDT", "-300"))
        (record,) = live(alone, (BTC,), 1, first=hour)
        assert len(record.unexplained) == 1
        assert "USDT" in record.unexplained[0]


def test_a_change_is_not_taken_although_one_symbol_has_not_heeded_the_resume_yet(bot):
    """Its klines cannot be had, so that it completes no run at all."""

    class NoKlines:
        def __getattr__(self, name):
            return getattr(bot.market, name)

        def klines(self, symbol, *rest, **range_):
            if symbol == ETH:
                raise Retryable("503")
            return bot.market.klines(symbol, *rest, **range_)

    resume(bot)
    broken = replace(bot, market=NoKlines())
    for hour in range(4, 7):
        if hour > 4:
            change_account(desk_of(bot), deposit("USDT", "-300"))
        move_to_run(desk_of(bot), FIRST + hour * HOUR)
        trading, failing = run_symbols(broken)
        assert (trading.outcome, failing.outcome) == (Outcome.DONE, Outcome.FAILED)
        assert len(trading.record.unexplained) == (hour > 4)


def test_one_process_a_symbol_takes_the_account_as_it_is_once_for_both(bot):
    change_account(desk_of(bot), deposit("USDT", "250"))
    resume(bot)
    records = [record for hour in (4, 5) for symbol in BOTH for record in live(bot, (symbol,), 1, first=hour)]
    assert [record.unexplained for record in records] == [()] * 4
    assert {record.state.opening["USDT"] for record in records} == {Decimal(10250)}
    assert_claims_are_covered(bot)


def test_a_resume_that_one_symbol_has_taken_when_the_process_dies_is_taken_by_the_other_in_the_next(bot):
    change_account(desk_of(bot), deposit("USDT", "250"))
    resume(bot)
    move_to_run(desk_of(bot), FIRST + 4 * HOUR)

    class Dying(DyingStorage):
        def replace(self, key, data, etag):
            written = super().replace(key, data, etag)
            self._dead |= key == f"state/{BTC}/1h.json"
            return written

    with pytest.raises(Killed):
        run_symbols(on(bot, Dying(bot.storage), owner="mortal"))
    run_symbols(on(bot, bot.storage, owner="next"))
    records = live(bot, BOTH, 2, first=5)
    assert [record.unexplained for record in records] == [()] * 4
    assert {record.state.opening["USDT"] for record in records} == {Decimal(10250)}
    assert_claims_are_covered(bot)


def test_a_resume_that_is_said_after_the_account_was_looked_at_is_heeded_by_the_next_run(tmp_path):
    """It would be spent without having been taken."""
    desk = with_model(make_desk(tmp_path, KLINES))
    run_hours(desk, 3)
    change_account(desk, deposit("USDT", "250"))
    said = []

    class Saying:
        def __getattr__(self, name):
            return getattr(desk.bot.market, name)

        def klines(self, *asked, **range_):
            said or said.append(resume(desk.bot))
            return desk.bot.market.klines(*asked, **range_)

    move_to_run(desk, FIRST + 3 * HOUR)
    record = run(replace_bot(desk, market=Saying())).record
    assert said
    assert (record.inputs.control.sequence, len(record.unexplained)) == (0, 1)
    (record,) = run_hours(desk, 1, first=FIRST + 4 * HOUR)
    assert (record.inputs.control.mode, record.unexplained) == (ControlMode.RUN, ())
    assert record.inputs.control.sequence > 0


class Silent:
    """An exchange that cannot tell what became of one order."""

    def __init__(self, real, *, identity):
        self._real, self._identity = real, identity

    def __getattr__(self, name):
        return getattr(self._real, name)

    def settle(self, intent):
        if intent.client_order_id == self._identity:
            raise Retryable("it may still be taken")
        return self._real.settle(intent)


def test_nothing_is_taken_as_it_is_while_the_outcome_of_an_order_is_unknown(bot):
    """What an unknown order has bought or sold would be taken as it is, and be missing when it is booked."""
    say(bot.storage, mode=ControlMode.HALT, why="so that something is sold or bought", who="me", at=FIRST)
    move_to_run(desk_of(bot), FIRST + 4 * HOUR)
    run_symbols(replace(bot, symbols=(ETH,), exchange=Lost(bot.exchange, takes=True), owner="lost"))
    (leg,) = desk_of(bot, ETH).journal.read(FIRST + 4 * HOUR).record.legs
    assert leg.is_open
    change_account(desk_of(bot), deposit("BTC", "0.5"))
    resume(bot)
    silent = Silent(bot.exchange, identity=leg.intent.client_order_id)
    trading, failing = run_symbols(replace(bot, exchange=silent, owner="silent"))
    assert (trading.outcome, failing.outcome) == (Outcome.DONE, Outcome.FAILED)
    assert trading.record.state.opening["USDT"] == Decimal(10000), "nothing was concluded from it"
    live(bot, BOTH, 1, first=5)
    resume(bot)
    records = live(bot, BOTH, 1, first=6)
    assert [record.unexplained for record in records] == [(), ()]
    assert [record.state.opening["USDT"] for record in records] == [Decimal(10000)] * 2
    assert_claims_are_covered(bot)
