"""Limit orders, orders by quote amount, and what a moving price fills."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulator.orders import (
    NOW,
    RICH,
    RULES,
    D,
    book,
    by_amount,
    cancel,
    limit,
    limit_maker,
    move,
    place,
    refused,
)
from trader.core.errors import BadConfig, Rejected
from trader.core.orders import LotSize, OrderStatus, Side
from trader.simulator.account import Account, TimeInForce
from trader.simulator.engine import find_order

LATER = NOW + timedelta(hours=1)
INSUFFICIENT = (-2010, "Account has insufficient balance for requested action.")
OFF = LotSize(minimum=D(0), maximum=D(0), step=D(0))


def spent(account):
    return RICH.free("USDT") - account.free("USDT")


def test_a_limit_order_away_from_the_book_rests_and_locks_its_price():
    account, order = place(order=limit(price="100", quantity="2"))
    assert (order.status, order.trades, order.locked, order.locked_asset) == (OrderStatus.NEW, (), D(200), "USDT")
    assert (account.free("USDT"), account.locked) == (D(999800), {"USDT": D(200)})
    account, order = place(order=limit(Side.SELL, price="100", quantity="2"))
    assert (account.free("BTC"), account.locked, order.price) == (D(8), {"BTC": D(2)}, D(100))


def test_a_limit_order_takes_what_is_no_worse_than_its_price_and_rests_with_the_rest():
    account, order = place(order=limit(price="101", quantity="1.5"))
    assert (order.status, order.executed, order.quote_executed) == (OrderStatus.PARTIALLY_FILLED, D(1), D(101))
    assert account.locked == {"USDT": D("50.5")}
    assert spent(account) == D(101) + D("50.5")
    assert account.free("BTC") == D("10.999")
    assert [trade.is_maker for trade in order.trades] == [False]


def test_a_limit_order_is_filled_at_the_books_prices_and_locks_nothing_then():
    account, order = place(order=limit(price="105", quantity="3"))
    assert (order.status, order.quote_executed) == (OrderStatus.FILLED, D(305))
    assert (account.locked, order.locked, order.locked_asset) == ({}, D(0), "")
    account, order = place(order=limit(Side.SELL, price="97", quantity="3"))
    assert (order.status, order.quote_executed) == (OrderStatus.FILLED, D(99 + 2 * 98))


def test_a_limit_order_needs_the_money_at_its_own_price_even_when_the_book_is_cheaper():
    order = limit(price="105", quantity="1")
    assert place(Account(balances={"USDT": D(105)}), order=order)[0].balances == {"USDT": D(4), "BTC": D("0.999")}
    assert refused(Account(balances={"USDT": D("104.99")}), order=order) == INSUFFICIENT


def test_immediate_or_cancel_expires_with_the_rest():
    account, order = place(order=limit(price="101", quantity="1.5", lasting=TimeInForce.IOC))
    assert (order.status, order.executed, account.locked) == (OrderStatus.EXPIRED, D(1), {})
    assert spent(account) == D(101)
    account, order = place(order=limit(price="100", quantity="1", lasting=TimeInForce.IOC))
    assert (order.status, order.executed, account.balances) == (OrderStatus.EXPIRED, D(0), RICH.balances)
    assert place(order=limit(price="101", lasting=TimeInForce.IOC))[1].status is OrderStatus.FILLED


def test_fill_or_kill_fills_everything_or_nothing():
    account, order = place(order=limit(price="102", quantity="3.00001", lasting=TimeInForce.FOK))
    assert (order.status, order.trades, account.balances) == (OrderStatus.EXPIRED, (), RICH.balances)
    assert account.next_trade_id == 1
    _, order = place(order=limit(price="102", quantity="3", lasting=TimeInForce.FOK))
    assert (order.status, order.executed) == (OrderStatus.FILLED, D(3))
    _, order = place(order=limit(price="102", quantity="3", lasting=TimeInForce.FOK), fill_limit=D(2))
    assert (order.status, order.executed) == (OrderStatus.EXPIRED, D(0))


def test_a_scripted_limit_leaves_the_rest_of_a_limit_order_in_the_book():
    account, order = place(order=limit(price="102", quantity="3"), fill_limit=D("0.5"))
    assert (order.status, order.executed, account.locked) == (OrderStatus.PARTIALLY_FILLED, D("0.5"), {"USDT": D(255)})
    assert place(order=limit(price="102"), fill_limit=D(0))[1].status is OrderStatus.NEW


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "101"), (Side.BUY, "103"), (Side.SELL, "99")])
def test_a_limit_maker_that_would_take_is_refused(side, price):
    assert refused(order=limit_maker(side, price=price)) == (-2010, "Order would immediately match and take.")


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.99"), (Side.SELL, "99.01")])
def test_a_limit_maker_inside_the_spread_rests(side, price):
    _, order = place(order=limit_maker(side, price=price))
    assert (order.status, order.time_in_force) == (OrderStatus.NEW, TimeInForce.GTC)


def test_a_buy_by_amount_gets_as_much_as_the_amount_buys_and_never_spends_more():
    account, order = place(order=by_amount(Side.BUY, "200"))  # 1 at 101, then 99 at 102: 0.970588...
    assert (order.status, order.quantity, order.executed) == (OrderStatus.FILLED, D("1.97058"), D("1.97058"))
    assert (order.quote_quantity, order.quote_executed) == (D(200), D("199.99916"))
    assert spent(account) == D("199.99916")


def test_a_sell_by_amount_sells_no_more_than_the_amount_needs():
    _, order = place(order=by_amount(Side.SELL, "150"))  # 1 at 99, then 51 at 98: 0.520408...
    assert (order.status, order.quantity, order.quote_executed) == (OrderStatus.FILLED, D("1.52040"), D("149.9992"))


def test_an_amount_that_the_book_does_not_hold_is_filled_as_far_as_it_goes():
    account, order = place(order=by_amount(Side.BUY, "305.01"))
    assert (order.status, order.quantity, order.executed) == (OrderStatus.EXPIRED, D(3), D(3))
    assert spent(account) == D(305)
    _, order = place(order=by_amount(Side.BUY, "305"))
    assert (order.status, order.executed) == (OrderStatus.FILLED, D(3))


def test_an_order_by_amount_needs_all_that_it_asks_for():
    assert refused(Account(balances={"USDT": D("199.99")}), order=by_amount(Side.BUY, "200")) == INSUFFICIENT
    assert place(Account(balances={"USDT": D(200)}), order=by_amount(Side.BUY, "200"))[1].status is OrderStatus.FILLED
    thin = by_amount(Side.SELL, str(99 + 2 * 98 + 98))  # one more at the worst bid than there is
    assert refused(Account(balances={"BTC": D("3.99")}), order=thin) == INSUFFICIENT
    assert place(Account(balances={"BTC": D(4)}), order=thin)[1].executed == D(3)


def test_an_amount_meets_a_book_that_holds_too_little_to_begin_with():
    nobody = (-2010, "Order book liquidity is less than symbol minimum quantity.")
    assert refused(order=by_amount(Side.BUY, "100"), offered=book(asks=())) == nobody
    crumbs = book(asks=((101, "0.004"),))
    for name in ("LOT_SIZE", "MARKET_LOT_SIZE"):
        lots = {
            "lot_size": OFF,
            "market_lot_size": OFF,
            name.lower(): LotSize(minimum=D("0.01"), maximum=D(9), step=D("0.001")),
        }
        message = f"Order book liquidity is less than `{name}` filter minimum quantity."
        assert refused(order=by_amount(Side.BUY, "100"), offered=crumbs, rules=replace(RULES, **lots)) == (
            -2010,
            message,
        )


def test_an_amount_keeps_to_the_lots_and_the_notional():
    assert refused(order=by_amount(Side.BUY, "4.99")) == (-1013, "Filter failure: NOTIONAL")
    deep = book(asks=((1, 1000000),), bids=())
    assert refused(order=by_amount(Side.BUY, "101"), offered=deep) == (-1013, "Filter failure: MARKET_LOT_SIZE")
    free = replace(RULES, lot_size=LotSize(minimum=D(0), maximum=D(0), step=D(1)), min_notional=None)
    assert refused(order=by_amount(Side.BUY, "50"), rules=free) == (-1013, "Invalid quantity.")


def test_a_price_that_went_through_fills_a_resting_order_at_its_own_price_as_maker():
    waiting, order = place(order=limit(price="100", quantity="2"))
    account = move(waiting, "99.99", "105", now=LATER)
    filled = find_order(account, "BTCUSDT", order_id=order.order_id)
    assert (filled.status, filled.executed, filled.quote_executed) == (OrderStatus.FILLED, D(2), D(200))
    assert (filled.at, filled.updated_at, filled.trades[0].at) == (NOW, LATER, LATER)
    assert (filled.trades[0].is_maker, filled.trades[0].commission) == (True, D("0.002"))
    assert (account.balances, account.locked) == ({"USDT": D(999800), "BTC": D("11.998")}, {})
    assert account.next_trade_id == 2


def test_a_touch_is_no_fill():
    buy, _ = place(order=limit(price="100"))
    assert move(buy, "100", "105") is buy
    sell, _ = place(order=limit(Side.SELL, price="100"))
    assert move(sell, "95", "100") is sell
    assert move(sell, "95", "100.01").balances == {"USDT": D("1000099.9"), "BTC": D(9)}


def test_the_rest_of_a_partly_filled_order_is_filled_later_under_new_trade_ids():
    waiting, order = place(order=limit(price="101", quantity="1.5"))
    account = move(waiting, "100", "102", now=LATER)
    filled = find_order(account, "BTCUSDT", order_id=order.order_id)
    assert [(trade.id, trade.quantity, trade.is_maker) for trade in filled.trades] == [
        (1, D(1), False),
        (2, D("0.5"), True),
    ]
    assert (spent(account), account.locked, filled.locked) == (D(101) + D("50.5"), {}, D(0))


def test_a_moving_price_leaves_other_symbols_and_finished_orders_alone():
    waiting, order = place(order=limit(price="100"))
    assert move(waiting, "1", "1000", rules=replace(RULES, symbol="ETHUSDT", base_asset="ETH")) is waiting
    gone, _ = cancel(waiting, order_id=order.order_id)
    assert move(gone, "1", "1000") is gone
    done = move(waiting, "1", "1000")
    assert move(done, "1", "1000") is done


def test_every_order_that_was_passed_is_filled():
    account = RICH
    for number, (side, price) in enumerate(
        [(Side.BUY, "90"), (Side.SELL, "110"), (Side.BUY, "80"), (Side.SELL, "120")]
    ):
        account, _ = place(account, order=limit(side, price=price, identity=f"leg-{number}"))
    account = move(account, "85", "115", rate="0")
    assert [order.status.value for order in account.orders] == ["FILLED", "FILLED", "NEW", "NEW"]
    assert account.locked == {"USDT": D(80), "BTC": D(1)}
    assert account.balances == {"BTC": D(9), "USDT": D(1000000) - 90 + 110 - 80}


def test_a_move_with_a_commission_that_is_no_fraction_is_refused():
    with pytest.raises(BadConfig, match="is not a fraction"):
        move(RICH, "1", "2", rate="1")


def test_a_cancelled_order_gives_back_what_it_held():
    waiting, order = place(order=limit(price="101", quantity="1.5"))
    account, gone = cancel(waiting, order_id=order.order_id, now=LATER)
    assert (gone.status, gone.executed, gone.updated_at, gone.at) == (OrderStatus.CANCELED, D(1), LATER, NOW)
    assert (account.locked, spent(account), gone.locked) == ({}, D(101), D(0))
    assert find_order(account, "BTCUSDT", order_id=order.order_id) == gone


def test_only_an_open_order_of_that_symbol_and_those_ids_is_cancelled():
    waiting, order = place(place()[0], order=limit(price="90", identity="leg-2"))
    assert cancel(waiting, identity="leg-2")[1].order_id == order.order_id
    assert cancel(waiting, order_id=2, identity="leg-2")[1].status is OrderStatus.CANCELED
    for ids in ({"order_id": 1}, {"identity": "leg-1"}, {"order_id": 2, "identity": "leg-1"}, {"order_id": 3}):
        with pytest.raises(Rejected, match=r"^Unknown order sent\.$") as caught:
            cancel(waiting, **ids)
        assert caught.value.code == -2011
    with pytest.raises(Rejected, match="Unknown order sent"):
        cancel(waiting, order_id=2, symbol="ETHUSDT")
    with pytest.raises(Rejected, match="Unknown order sent"):
        cancel(cancel(waiting, order_id=2)[0], order_id=2)


def test_a_cancel_that_names_no_order_is_refused():
    with pytest.raises(Rejected, match=r"^Cancel order is invalid\. Check origClOrdId and orderId\.$") as caught:
        cancel(RICH)
    assert caught.value.code == -2011
