"""The paper book's returns and the execution book's cash, by hand and as properties."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import START, random_klines, symbol_rules
from trader.core.accounting import (
    Costs,
    ExecutionBook,
    apply_fill,
    apply_report,
    cumulative,
    gross_return,
    net_return,
)
from trader.core.orders import ExecutionReport, Fill, OrderStatus, Side

D = Decimal
TEN_BP = Costs(fee_rate=0.001, slippage_rate=0.0)
RULES = symbol_rules()


def fill(price, quantity, *, commission="0", asset="USDT"):
    return Fill(price=D(price), quantity=D(quantity), commission=D(commission), commission_asset=asset)


def report(side, *fills, quantity=None, status=OrderStatus.FILLED):
    executed = sum((one.quantity for one in fills), D(0))
    return ExecutionReport(
        client_order_id="BTCUSDT-2401010000-0-00000000",
        order_id=1,
        side=side,
        status=status,
        quantity=executed if quantity is None else D(quantity),
        executed=executed,
        fills=fills,
        at=START,
    )


@pytest.mark.parametrize(
    ("exposure", "close", "next_close", "expected"),
    [
        (1.0, 100.0, 110.0, 0.10),
        (-1.0, 100.0, 110.0, -0.10),
        (-1.0, 100.0, 90.0, 0.10),
        (0.5, 100.0, 90.0, -0.05),
        (0.0, 100.0, 200.0, 0.0),
    ],
)
def test_the_gross_return_is_exposure_times_the_change_of_the_close(exposure, close, next_close, expected):
    assert gross_return(exposure=exposure, close=close, next_close=next_close) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("change", "cost"),
    [(0.0, 0.0), (1.0, 0.001), (2.0, 0.002), (0.3, 0.0003)],  # a flip changes by 2 and costs twice
)
def test_the_net_return_pays_for_the_change_of_exposure(change, cost):
    assert net_return(gross=0.01, change=change, costs=TEN_BP) == pytest.approx(0.01 - cost, abs=1e-15)


def test_costs_are_fee_and_slippage_and_are_printed_as_both():
    costs = Costs(fee_rate=0.001, slippage_rate=0.0005)
    assert costs.rate == pytest.approx(0.0015, abs=1e-18)
    assert str(costs) == "fee 10 bp, slippage 5 bp a side"
    assert str(TEN_BP) == "fee 10 bp, slippage 0 bp a side"


def test_arrays_give_bit_for_bit_what_numbers_do():
    close = random_klines(500, seed=3).close
    rng = np.random.default_rng(4)
    exposure = rng.choice([-1.0, -0.37, 0.0, 0.37, 1.0], len(close) - 1)
    change = np.abs(np.diff(exposure, prepend=0.0))
    gross = gross_return(exposure=exposure, close=close[:-1], next_close=close[1:])
    net = net_return(gross=gross, change=change, costs=TEN_BP)
    total = 0.0
    for hour in range(len(exposure)):
        one = gross_return(exposure=float(exposure[hour]), close=float(close[hour]), next_close=float(close[hour + 1]))
        assert one == gross[hour]
        total += net_return(gross=one, change=float(change[hour]), costs=TEN_BP)
        assert total == cumulative(net)[hour]


def test_the_cumulative_return_is_a_plain_sum_and_not_compounded():
    np.testing.assert_array_equal(cumulative(np.array([0.5, 0.5, -1.0])), [0.5, 1.0, 0.0])
    assert len(cumulative(np.array([]))) == 0


def test_a_buy_with_its_commission_in_base_brings_less_base_for_the_same_cash():
    book = apply_fill(
        ExecutionBook(), fill("50000", "0.01", commission="0.00001", asset="BTC"), side=Side.BUY, rules=RULES
    )
    assert (book.position, book.cash) == (D("0.00999"), D(-500))
    assert book.fees == D("0.5")  # 0.00001 BTC at 50000
    assert book.equity(D(50000)) == D("-0.5")


def test_a_sale_with_its_commission_in_quote_brings_less_cash():
    book = apply_fill(ExecutionBook(), fill("50000", "0.01", commission="0.5"), side=Side.SELL, rules=RULES)
    assert (book.position, book.cash, book.fees) == (D("-0.01"), D("499.5"), D("0.5"))
    assert book.equity(D(50000)) == D("-0.5")
    assert book.equity(D(40000)) == D("99.5")  # a short earns when the price falls


def test_a_commission_in_a_third_asset_is_kept_apart_and_adds_up():
    book = ExecutionBook()
    for side, commission in ((Side.BUY, "0.0008"), (Side.SELL, "0.0007")):
        book = apply_fill(book, fill("50000", "0.01", commission=commission, asset="BNB"), side=side, rules=RULES)
    assert (book.position, book.cash, book.fees) == (0, 0, 0)
    assert book.other_fees == {"BNB": D("0.0015")}


def test_a_round_trip_earns_the_difference_less_both_fees():
    book = apply_report(ExecutionBook(), report(Side.BUY, fill("100", "2", commission="0.2")), rules=RULES)
    book = apply_report(book, report(Side.SELL, fill("110", "2", commission="0.22")), rules=RULES)
    assert book.position == 0
    assert book.cash == book.equity(D(1)) == D(20) - D("0.42")
    assert book.fees == D("0.42")


def test_a_partial_fill_counts_what_was_filled_and_nothing_else():
    partly = report(Side.BUY, fill("100", "0.3"), fill("101", "0.2"), quantity="1", status=OrderStatus.EXPIRED)
    book = apply_report(ExecutionBook(target=D(1)), partly, rules=RULES)
    assert (book.position, book.cash, book.target) == (D("0.5"), D("-50.2"), D(1))


def test_an_order_that_found_nothing_changes_nothing():
    book = ExecutionBook(position=D(1), cash=D(-100))
    assert apply_report(book, report(Side.SELL, quantity="1", status=OrderStatus.EXPIRED), rules=RULES) == book


def test_applying_a_fill_leaves_the_old_book_alone():
    book = ExecutionBook(other_fees={"BNB": D(1)})
    after = apply_fill(book, fill("1", "1", commission="1", asset="BNB"), side=Side.BUY, rules=RULES)
    assert book == ExecutionBook(other_fees={"BNB": D(1)})
    assert after.other_fees == {"BNB": D(2)}


def test_a_hundred_small_fills_are_exact():
    book = ExecutionBook()
    for _ in range(100):
        book = apply_fill(book, fill("0.1", "0.1", commission="0.0001"), side=Side.BUY, rules=RULES)
    assert (book.position, book.cash, book.fees) == (D(10), D("-1.01"), D("0.01"))


trades = st.builds(
    lambda side, price, quantity, commission, asset: (side, fill(price, quantity, commission=commission, asset=asset)),
    st.sampled_from(Side),
    st.decimals(min_value="0.01", max_value=100_000, places=2),
    st.decimals(min_value="0.00001", max_value=100, places=5),
    st.decimals(min_value=0, max_value=1, places=8),
    st.sampled_from(["BTC", "USDT", "BNB"]),
)


@given(st.lists(trades, max_size=30), st.decimals(min_value="0.01", max_value=100_000, places=2))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_equity_is_the_sum_of_all_fills_valued_less_their_fees(history, price):
    book = ExecutionBook()
    for side, one in history:
        book = apply_fill(book, one, side=side, rules=RULES)
    earned = D(0)
    for side, one in history:
        sign = 1 if side is Side.BUY else -1
        earned += sign * one.quantity * (price - one.price)
        earned -= {"BTC": one.commission * price, "USDT": one.commission, "BNB": D(0)}[one.commission_asset]
    assert book.equity(price) == earned
    assert book.equity(price) == book.cash + book.position * price


@given(st.lists(trades, min_size=2, max_size=10), st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True)
def test_the_order_of_fills_does_not_matter(history, random):
    shuffled = list(history)
    random.shuffle(shuffled)
    books = []
    for sequence in (history, shuffled):
        book = ExecutionBook()
        for side, one in sequence:
            book = apply_fill(book, one, side=side, rules=RULES)
        books.append(book)
    assert replace(books[0], other_fees=dict(books[0].other_fees)) == books[1]
