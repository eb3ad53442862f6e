"""A small market of BTCUSDT that the engine's tests trade on: a rich account, a book of two levels a side, an order."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.builders import symbol_rules
from trader.core.errors import Rejected
from trader.core.orders import Side
from trader.simulator.account import Account, NewOrder, OrderType, TimeInForce
from trader.simulator.book import Level, OrderBook
from trader.simulator.engine import cancel_order, match_open, place_order

D = Decimal
NOW = datetime(2024, 5, 1, 12, 0, 3, tzinfo=UTC)
RULES = symbol_rules()
RICH = Account(balances={"BTC": D(10), "USDT": D(1000000)})


def book(*, bids=((99, 1), (98, 2)), asks=((101, 1), (102, 2))):
    def side(pairs):
        return tuple(Level(price=D(price), quantity=D(quantity)) for price, quantity in pairs)

    return OrderBook(bids=side(bids), asks=side(asks))


def market(side=Side.BUY, quantity="1.5", identity="leg-1"):
    return NewOrder(symbol="BTCUSDT", side=side, type=OrderType.MARKET, quantity=D(quantity), client_order_id=identity)


def by_amount(side, amount, identity="leg-1"):
    return NewOrder(
        symbol="BTCUSDT",
        side=side,
        type=OrderType.MARKET,
        quantity=None,
        quote_quantity=D(amount),
        client_order_id=identity,
    )


def limit(side=Side.BUY, quantity="1", price="100", *, lasting=TimeInForce.GTC, identity="leg-1"):
    return NewOrder(
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT,
        quantity=D(quantity),
        price=D(price),
        time_in_force=lasting,
        client_order_id=identity,
    )


def limit_maker(side=Side.BUY, quantity="1", price="100", *, identity="leg-1"):
    return NewOrder(
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT_MAKER,
        quantity=D(quantity),
        price=D(price),
        client_order_id=identity,
    )


def place(account=RICH, *, order=None, offered=None, rate="0.001", rules=RULES, reference="100", now=NOW, **more):
    return place_order(
        account,
        order or market(),
        rules=rules,
        book=offered or book(),
        reference_price=D(reference),
        now=now,
        commission_rate=D(rate),
        **more,
    )


def refused(account=RICH, **arguments):
    with pytest.raises(Rejected) as caught:
        place(account, **arguments)
    return caught.value.code, str(caught.value)


def cancel(account, *, order_id=None, identity=None, symbol="BTCUSDT", now=NOW):
    return cancel_order(account, symbol=symbol, order_id=order_id, client_order_id=identity, now=now)


def move(account, low, high, *, rate="0.001", rules=RULES, now=NOW):
    return match_open(account, rules=rules, low=D(low), high=D(high), now=now, commission_rate=D(rate))
