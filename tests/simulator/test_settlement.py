"""Commissions to the last decimal, and conservation: whatever happens, nothing is created, lost or owed."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.orders import (
    RULES,
    D,
    book,
    by_amount,
    cancel,
    limit,
    limit_maker,
    market,
    move,
    place,
)
from trader.core.accounting import ExecutionBook, apply_report
from trader.core.errors import Rejected
from trader.core.orders import OrderStatus, Side
from trader.simulator.account import Account, TimeInForce
from trader.simulator.engine import execution_report

FREE = replace(RULES, min_notional=None, max_notional=None)


@pytest.mark.parametrize(
    ("quantity", "rate", "commission"),
    [
        ("0.00012", "0.000075", "0.00000001"),  # 9e-9
        ("0.06", "0.00075", "0.000045"),
        ("0.06001", "0.00075", "0.00004501"),  # 0.0000450075
        ("0.06", "0", "0"),
    ],
)
def test_a_commission_is_rounded_up_at_eight_decimals(quantity, rate, commission):
    _, order = place(order=market(quantity=quantity), rate=rate, rules=FREE)
    assert order.trades[0].commission == D(commission)


def test_the_documented_commission_example_comes_out_as_printed():
    """faqs/commission_faq.md: a sell of 0.49975 at 35000 at 0.00000230 costs 0.04022988."""
    offered = book(bids=((35000, 1),), asks=())
    _, order = place(order=market(Side.SELL, "0.49975"), offered=offered, rate="0.00000230", reference="35000")
    assert order.trades[0].commission == D("0.04022988")


def test_a_commission_never_exceeds_what_was_received():
    rules = replace(FREE, lot_size=replace(RULES.lot_size, step=D(0), minimum=D(0)))
    account, order = place(order=market(quantity="0.00000001"), rules=rules)
    assert order.trades[0].commission == D("0.00000001")
    assert account.balances["BTC"] == D(10)


sides = st.sampled_from(Side)
quantities = st.one_of(st.decimals("0.01", "3", places=5), st.decimals("0.00001", "30", places=5))
prices = st.decimals("90", "110", places=2)
lasting = st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
identities = st.sampled_from(["a", "b", "c", "d"])  # few, so that open orders get in each other's way
new_orders = st.one_of(
    st.builds(market, sides, quantities, identities),
    st.builds(by_amount, sides, st.decimals("0.01", "3000", places=2), identities),
    st.builds(limit, sides, quantities, prices, lasting=lasting, identity=identities),
    st.builds(limit, sides, quantities, prices, identity=identities),
    st.builds(limit_maker, sides, quantities, prices, identity=identities),
)
offers = st.lists(quantities, max_size=4)
limits = st.sampled_from([None, None, D(0), D("0.5")])
steps = st.one_of(
    st.tuples(st.just("place"), new_orders, offers, limits),
    st.tuples(st.just("place"), new_orders, offers, st.none()),
    st.tuples(st.just("cancel"), st.integers(1, 6)),
    st.tuples(st.just("move"), prices, prices),
)


def happens(account, step, *, rate):
    """The account after one step of a story; unchanged, the very same, where it was refused."""
    kind, *details = step
    try:
        if kind == "place":
            order, offered, fill_limit = details
            bids = tuple((99 - level, size) for level, size in enumerate(offered))
            asks = tuple((101 + level, size) for level, size in enumerate(offered))
            shown = book(bids=bids, asks=asks)
            return place(account, order=order, offered=shown, rate=rate, rules=FREE, fill_limit=fill_limit)[0]
        if kind == "cancel":
            return cancel(account, order_id=details[0])[0]
    except Rejected:
        return account
    return move(account, min(details), max(details), rate=rate)


def check_order(order, *, rate):
    filled = order.executed
    assert 0 <= filled <= order.quantity
    assert order.status is not OrderStatus.FILLED or filled == order.quantity or order.quote_quantity > 0
    assert not order.is_open or (filled < order.quantity and order.locked_asset)
    for trade in order.trades:
        received = trade.quantity if order.side is Side.BUY else trade.quantity * trade.price
        assert rate * received <= trade.commission <= received
        if order.price > 0:
            assert trade.price <= order.price if order.side is Side.BUY else trade.price >= order.price


def check_account(account, *, start, rate):
    """Everything that must hold at any time; the flows are added up by the bot's own bookkeeping."""
    ledger, locked = ExecutionBook(), {"BTC": D(0), "USDT": D(0)}
    for order in account.orders:
        check_order(order, rate=rate)
        if order.is_open:
            locked[order.locked_asset] += order.locked
        report = execution_report(replace(order, status=OrderStatus.FILLED))
        ledger = apply_report(ledger, report, rules=FREE)
    assert {asset: amount for asset, amount in locked.items() if amount} == account.locked
    assert all(amount > 0 for amount in (*account.balances.values(), *account.locked.values()))
    assert account.free("BTC") + account.locked_of("BTC") == start / 100 + ledger.position
    assert account.free("USDT") + account.locked_of("USDT") == start + ledger.cash
    waiting = [order.client_order_id for order in account.open_orders]
    assert len(set(waiting)) == len(waiting)
    assert account.open_orders == tuple(order for order in account.orders if order.is_open)
    numbers = [trade.id for order in account.orders for trade in order.trades]
    assert sorted(numbers) == list(range(1, account.next_trade_id))
    assert [order.order_id for order in account.orders] == list(range(1, account.next_order_id))


@settings(deadline=None, max_examples=300)
@given(
    story=st.lists(steps, min_size=4, max_size=14),
    rate=st.decimals("0", "0.01", places=5),
    start=st.sampled_from([D(0), D(300), D("5000.01"), D(100000)]),
)
def test_nothing_is_created_or_lost_whatever_is_placed_cancelled_and_matched(story, rate, start):
    account = Account(balances={asset: amount for asset, amount in (("BTC", start / 100), ("USDT", start)) if amount})
    for step in story:
        account = happens(account, step, rate=rate)
        check_account(account, start=start, rate=rate)
    for number in count(1):  # at the end everything that waits is called back
        if number == account.next_order_id:
            break
        account = happens(account, ("cancel", number), rate=rate)
    check_account(account, start=start, rate=rate)
    assert account.locked == {}
