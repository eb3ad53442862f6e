"""The account in the middle of a run: changes that nobody explains, resets, and what a person may say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, VENUE, another_process, make_desk, move_to_run, with_model
from tests.jobs.test_allocation import SYMBOLS, make_bot
from tests.jobs.test_run import orders_of, replace_bot, run_hours
from trader.adapters.simulated_exchange import KEY, SimulatedExchange
from trader.core.errors import Retryable
from trader.core.journal import Status
from trader.core.orders import NotSent
from trader.core.risk import ControlMode
from trader.jobs.bot import Desk
from trader.jobs.run import Outcome, run
from trader.jobs.symbols import run_symbols
from trader.simulator.account import decode, encode
from trader.store.control import say

KLINES = random_klines(1460, seed=6)
D = Decimal


@pytest.fixture
def desk(tmp_path):
    """A desk that has traded for some hours and holds a position."""
    made = with_model(make_desk(tmp_path, KLINES))
    assert run_hours(made, 3)[-1].state.execution.position != 0
    return made


def change_account(desk, change):
    """Do something to the account that the bot has not done."""
    stored = desk.bot.storage.get(KEY)
    account = change(decode(stored.data, source=KEY))
    if account is None:
        desk.bot.storage.delete(KEY)
    else:
        desk.bot.storage.put(KEY, encode(account))


def deposit(asset, amount):
    """A change of one balance out of nothing."""
    return lambda account: replace(account, balances={**account.balances, asset: account.balances[asset] + D(amount)})


def hours_until_trade(desk, *, first, limit=30):
    """Live on until something should be bought or sold; return that run's record."""
    for hour in range(limit):
        (record,) = run_hours(desk, 1, first=first + hour * HOUR)
        if record.legs or record.not_sent is NotSent.ACCOUNT_CHANGED:
            return record
    raise AssertionError("nothing was to be traded; the klines do not test this")


@pytest.mark.parametrize(("asset", "amount"), [("USDT", "250"), ("USDT", "-250"), ("BTC", "0.5"), ("BTC", "-0.5")])
def test_a_change_that_our_fills_do_not_explain_stops_trading_with_a_reason(desk, asset, amount):
    before = orders_of(desk)
    change_account(desk, deposit(asset, amount))
    record = hours_until_trade(desk, first=FIRST + 3 * HOUR)
    assert record.status is Status.COMPLETED, "the paper book goes on"
    assert record.not_sent is NotSent.ACCOUNT_CHANGED
    assert record.gap != 0
    assert len(record.unexplained) == 1
    assert asset in record.unexplained[0]
    assert orders_of(desk) == before
    assert record.new_epoch is None


def test_a_change_that_is_undone_is_forgotten(desk):
    say(desk.bot.storage, mode=ControlMode.HALT, why="to be flat", who="me", at=FIRST)
    change_account(desk, deposit("USDT", "250"))
    blocked = hours_until_trade(desk, first=FIRST + 3 * HOUR)
    change_account(desk, deposit("USDT", "-250"))
    (record,) = run_hours(desk, 1, first=blocked.key.open_time + HOUR)
    assert record.unexplained == ()
    assert record.legs[0].report.executed == record.legs[0].intent.quantity
    assert abs(record.gap) * 100 < 5


def test_resume_takes_the_account_as_it_is_and_later_changes_are_found_again(desk):
    change_account(desk, deposit("BTC", "0.5"))
    blocked = hours_until_trade(desk, first=FIRST + 3 * HOUR)
    say(desk.bot.storage, mode=ControlMode.RUN, why="it was me", who="me", at=FIRST)
    record = hours_until_trade(desk, first=blocked.key.open_time + HOUR)
    assert record.unexplained == ()
    assert record.legs
    assert record.state.epoch == 1
    assert record.state.opening["BTC"] == blocked.state.opening["BTC"] + D("0.5")
    change_account(desk, deposit("BTC", "0.5"))
    again = hours_until_trade(desk, first=record.key.open_time + HOUR)
    assert again.not_sent is NotSent.ACCOUNT_CHANGED


def test_a_reset_of_the_account_begins_an_epoch_and_brings_the_position_back(desk):
    (before,) = run_hours(desk, 1, first=FIRST + 3 * HOUR)
    change_account(desk, lambda account: None)
    (record,) = run_hours(desk, 1, first=FIRST + 4 * HOUR)
    assert (before.state.epoch, record.state.epoch) == (1, 2)
    assert before.state.last_filled.client_order_id in record.new_epoch
    book = record.state.execution
    assert record.unexplained == ()
    assert [leg.report.executed for leg in record.legs] == [record.legs[0].intent.quantity]
    assert abs(book.target - book.position) * 100 < 5, "what was held is held again"
    assert book.carried == before.state.execution.equity(D(repr(before.state.paper.close)))
    assert book.fees > before.state.execution.fees
    assert record.state.opening["USDT"] == VENUE.start_quote
    (after,) = run_hours(desk, 1, first=FIRST + 5 * HOUR)
    assert (after.state.epoch, after.new_epoch, after.unexplained) == (2, None, ())
    assert desk.ledger.read().column("epoch").to_pylist() == [1, 1, 1, 1, 2, 2]


def test_an_account_that_changed_before_anything_was_filled_is_taken_as_it_is(tmp_path):
    flat = with_model(make_desk(tmp_path, KLINES))
    say(flat.bot.storage, mode=ControlMode.HALT, why="nothing yet", who="me", at=FIRST)
    assert run_hours(flat, 2)[-1].legs == ()
    change_account(flat, deposit("USDT", "500"))
    (record,) = run_hours(flat, 1, first=FIRST + 2 * HOUR)
    assert (record.state.epoch, record.new_epoch, record.unexplained) == (1, None, ())
    assert record.state.allocation.quote == record.state.opening["USDT"] == VENUE.start_quote + 500


def test_missing_orders_alone_are_not_a_reset(desk):
    """One sign of the two: the exchange has forgotten its orders, but the balances are what our fills explain."""
    change_account(desk, lambda account: replace(account, orders=()))
    (record,) = run_hours(desk, 1, first=FIRST + 3 * HOUR)
    assert (record.state.epoch, record.new_epoch, record.unexplained) == (1, None, ())


class Lost:
    """An exchange that takes an order and never answers, and cannot be asked until it is back."""

    def __init__(self, real, *, takes):
        self._real, self._takes = real, takes

    def __getattr__(self, name):
        return getattr(self._real, name)

    def submit(self, intent):
        if self._takes:
            self._real.submit(intent)
        raise Retryable("the answer was lost")

    def settle(self, intent):
        raise Retryable("nobody answers")


def exchange_of(desk):
    bot = desk.bot
    return SimulatedExchange(storage=bot.storage, market=bot.market, clock=bot.clock, venue=VENUE)


@pytest.mark.parametrize("later", [0, 1])
def test_an_order_whose_outcome_was_unknown_when_the_account_was_reset_is_closed_as_wiped(desk, later):
    lost = replace_bot(desk, exchange=Lost(exchange_of(desk), takes=True))
    say(desk.bot.storage, mode=ControlMode.HALT, why="to be flat", who="me", at=FIRST)
    move_to_run(lost, FIRST + 3 * HOUR)
    with pytest.raises(Retryable, match="nobody answers"):
        run(lost)
    change_account(desk, lambda account: None)
    found = replace_bot(another_process(desk), exchange=exchange_of(desk))
    move_to_run(found, FIRST + (3 + later) * HOUR)
    record = run(found).record
    interrupted = desk.journal.read(FIRST + 3 * HOUR).record
    assert interrupted.status is Status.COMPLETED
    assert (interrupted.legs[0].is_wiped, interrupted.legs[0].is_absent) == (True, False)
    assert record.state.epoch == 2
    assert record.state.execution.position == 0
    assert orders_of(desk) == (), "flat is what was wanted, and a new account is"


def test_an_order_that_never_arrived_is_closed_as_absent_and_sent_under_another_id(desk):
    lost = replace_bot(desk, exchange=Lost(exchange_of(desk), takes=False))
    say(desk.bot.storage, mode=ControlMode.HALT, why="to be flat", who="me", at=FIRST)
    move_to_run(lost, FIRST + 3 * HOUR)
    with pytest.raises(Retryable, match="nobody answers"):
        run(lost)
    found = replace_bot(another_process(desk), exchange=exchange_of(desk))
    record = run(found).record
    first, second = record.legs
    assert (first.is_absent, first.is_wiped) == (True, False)
    assert second.report is not None
    assert first.intent.client_order_id != second.intent.client_order_id
    assert abs(record.state.execution.position) * 100 < 5


def test_a_run_that_is_resumed_too_late_learns_its_order_and_sends_nothing(desk):
    lost = replace_bot(desk, exchange=Lost(exchange_of(desk), takes=False))
    say(desk.bot.storage, mode=ControlMode.HALT, why="to be flat", who="me", at=FIRST)
    move_to_run(lost, FIRST + 3 * HOUR)
    with pytest.raises(Retryable, match="nobody answers"):
        run(lost)
    desk.bot.clock.move_to(desk.bot.clock.now() + timedelta(minutes=20))
    before = orders_of(desk)
    found = replace_bot(another_process(desk), exchange=exchange_of(desk))
    result = run(found)
    assert result.outcome is Outcome.DONE
    assert [leg.is_absent for leg in result.record.legs] == [True]
    assert result.record.not_sent is NotSent.NOT_THIS_HOUR
    assert orders_of(desk) == before
    (following,) = run_hours(desk, 1, first=FIRST + 4 * HOUR)
    assert following.legs[0].report is not None, "the next hour trades what is left"


def test_while_another_symbols_order_is_unknown_nothing_is_concluded_from_the_balances(tmp_path):
    """The first order ever has filled and nobody has booked it: that is neither a reset nor ours to accept."""
    bot = replace(make_bot(tmp_path), symbols=SYMBOLS[:2], notional=D(500))
    lost = Lost(bot.exchange, takes=True)
    first = SYMBOLS[0]
    move_to_run(Desk(bot=bot, symbol=first), FIRST)
    alone = run_symbols(replace(bot, symbols=(first,), exchange=lost))
    assert alone[0].outcome is Outcome.FAILED
    answers = run_symbols(replace(bot, exchange=_Silent(bot.exchange, about=first), owner="other"))
    assert [answer.outcome for answer in answers] == [Outcome.FAILED, Outcome.FAILED]
    assert "has no share of the account yet" in str(answers[1].error)
    move_to_run(Desk(bot=bot, symbol=first), FIRST + HOUR)
    healed = run_symbols(replace(bot, owner="third"))
    assert [answer.outcome for answer in healed] == [Outcome.DONE, Outcome.DONE]
    assert all((answer.record.unexplained, answer.record.state.epoch) == ((), 1) for answer in healed)
    assert Desk(bot=bot, symbol=first).journal.read(FIRST).record.legs[0].report is not None
    assert healed[0].record.state.execution.position != 0


class _Silent:
    """An exchange that cannot be asked about one symbol's order."""

    def __init__(self, real, *, about):
        self._real, self._about = real, about

    def __getattr__(self, name):
        return getattr(self._real, name)

    def settle(self, intent):
        if intent.symbol == self._about:
            raise Retryable("nobody answers")
        return self._real.settle(intent)
