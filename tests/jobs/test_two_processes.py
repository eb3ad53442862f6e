"""Two processes of one bot at the same time, each with its own list of symbols, on one account.

What one of them has had filled and not booked yet must not look like a deposit, a withdrawal or a reset to the other.
"""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, move_to_run
from tests.jobs.test_allocation import SYMBOLS, assert_claims_are_covered, live, make_bot
from tests.jobs.test_killed import DyingStorage, Killed
from tests.jobs.test_symbols import on
from trader.adapters.simulated_exchange import KEY
from trader.core.errors import Retryable
from trader.core.risk import ControlMode
from trader.jobs import account
from trader.jobs.bot import Desk
from trader.jobs.run import Outcome
from trader.jobs.symbols import run_symbols
from trader.simulator.account import decode
from trader.store.control import say

pytestmark = pytest.mark.slow

BOTH = BTC, ETH = SYMBOLS[:2]


@pytest.fixture
def bot(tmp_path):
    """A bot on two symbols that share an asset; it has not run yet."""
    return replace(make_bot(tmp_path), symbols=BOTH, notional=Decimal(500))


def record_of(bot, symbol, hour):
    return Desk(bot=bot, symbol=symbol).journal.read(FIRST + hour * HOUR).record


def executed(bot):
    """The client order ids of everything that was filled."""
    return [order.client_order_id for order in decode(bot.storage.get(KEY).data, source=KEY).orders if order.executed]


class Pausing:
    """The real storage of a process that stops just before one symbol's commit, until it is told to go on."""

    def __init__(self, real, *, symbol):
        self._real, self._symbol = real, symbol
        self.paused, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._real, name)

    def replace(self, key, data, etag):
        if key.startswith(f"journal/{self._symbol}/") and b'"status":"completed"' in data:
            self.paused.set()
            assert self.go_on.wait(timeout=30)
        return self._real.replace(key, data, etag)


@pytest.mark.parametrize("together", [True, False])
def test_a_fill_that_another_process_books_during_the_look_is_no_deposit(bot, monkeypatch, together):
    """The first fill of the account: one process commits it while the other one compares books and balances."""
    say(bot.storage, mode=ControlMode.HALT, why="not yet", who="me", at=FIRST)
    live(bot, BOTH, 2)
    say(bot.storage, mode=ControlMode.RUN, why="go", who="me", at=FIRST)
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST + 2 * HOUR)
    storage = Pausing(bot.storage, symbol=ETH)
    other = replace(on(bot, storage, owner="eth"), symbols=(ETH,))
    thread = threading.Thread(target=lambda: run_symbols(other))
    thread.start()
    assert storage.paused.wait(timeout=30)
    look_for_orders = account._unknown_orders

    def commit_first(*asked):
        storage.go_on.set()
        thread.join(timeout=30)
        return look_for_orders(*asked)

    monkeypatch.setattr(account, "_unknown_orders", commit_first)
    (answer,) = run_symbols(replace(bot, symbols=(BTC,), owner="btc"))
    assert answer.outcome is Outcome.DONE
    assert record_of(bot, ETH, 2).legs, "nothing was filled, so that this shows nothing"
    later = (BOTH,) if together else ((BTC,), (ETH,))
    records = [record for hour in (3, 4) for symbols in later for record in live(bot, symbols, 1, first=hour)]
    assert [record.unexplained for record in records] == [()] * 4
    assert_claims_are_covered(bot)


def test_nobody_is_given_a_share_while_another_process_has_its_first_order_filled(bot):
    """The second symbol lives its whole first hour between the first one's look at the books and at the balances."""
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST)
    asked, answers = [], []

    class Trading:
        def __getattr__(self, name):
            return getattr(bot.exchange, name)

        def balances(self):
            asked.append("balances")
            if len(asked) == 2:  # the first look is at the account, the second at what is free
                answers.extend(run_symbols(replace(bot, symbols=(ETH,), owner="eth")))
            return bot.exchange.balances()

    (answer,) = run_symbols(replace(bot, symbols=(BTC,), exchange=Trading(), owner="btc"))
    assert answers[0].record.legs, "nothing was filled, so that this shows nothing"
    assert answer.outcome is Outcome.FAILED
    assert "one has just been filled" in str(answer.error)
    (answer,) = run_symbols(replace(bot, symbols=(BTC,), owner="next"))
    assert answer.record.state.opening["USDT"] == Decimal(10000)
    assert [record.unexplained for record in live(bot, BOTH, 2, first=1)] == [()] * 4
    assert_claims_are_covered(bot)


@pytest.mark.parametrize("symbol", BOTH)
def test_killed_between_a_first_commit_and_its_copy_the_fill_is_not_taken_for_what_the_account_began_with(bot, symbol):
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST)

    class Dying(DyingStorage):
        def create(self, key, data):
            self._dead |= key == f"state/{symbol}/1h.json"
            return super().create(key, data)

    with pytest.raises(Killed):
        run_symbols(on(bot, Dying(bot.storage), owner="mortal"))
    run_symbols(on(bot, bot.storage, owner="next"))
    assert {record_of(bot, each, 0).state.opening["USDT"] for each in BOTH} == {Decimal(10000)}
    assert record_of(bot, BTC, 0).legs, "nothing was filled, so that this shows nothing"
    assert [record.unexplained for record in live(bot, BOTH, 3, first=1)] == [()] * 6


def test_a_first_fill_counts_although_the_copy_of_its_books_could_not_be_written(bot):
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST)

    class Failing(DyingStorage):
        def create(self, key, data):
            if key == f"state/{BTC}/1h.json":
                raise Retryable("503")
            return super().create(key, data)

    answers = run_symbols(on(bot, Failing(bot.storage), owner="first"))
    assert [answer.outcome for answer in answers] == [Outcome.DONE] * 2
    assert {answer.record.state.opening["USDT"] for answer in answers} == {Decimal(10000)}
    assert_claims_are_covered(bot)
    assert [record.unexplained for record in live(bot, BOTH, 3, first=1)] == [()] * 6


def test_four_processes_with_different_lists_execute_and_book_every_order_once(bot):
    live(bot, BOTH, 2)
    for hour in range(2, 6):
        move_to_run(Desk(bot=bot, symbol=BTC), FIRST + hour * HOUR)
        lists = (BOTH, (ETH, BTC), (BTC,), (ETH,))
        bots = [replace(on(bot, bot.storage, owner=f"{hour}-{number}"), symbols=lists[number]) for number in range(4)]
        threads = [threading.Thread(target=run_symbols, args=(each,)) for each in bots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        run_symbols(replace(bot, owner=f"{hour}-last"))
    records = [record_of(bot, symbol, hour) for symbol in BOTH for hour in range(6)]
    booked = [leg.report.client_order_id for record in records for leg in record.legs if leg.report]
    assert sorted(booked) == sorted(executed(bot))
    assert len(booked) == len(set(booked)) > 4
    assert [record.unexplained for record in live(bot, BOTH, 1, first=6)] == [()] * 2
    assert_claims_are_covered(bot)
