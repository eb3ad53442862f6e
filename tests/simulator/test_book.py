"""The order book: what it refuses to be, what an order takes from it, and how it is made from a price."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import symbol_rules
from trader.core.errors import BadConfig, BadData
from trader.core.orders import LotSize, Side
from trader.simulator.book import Level, OrderBook, synthetic_book, take

D = Decimal
RULES = symbol_rules()


def levels(*pairs):
    return tuple(Level(price=D(price), quantity=D(quantity)) for price, quantity in pairs)


def made(price, *, rules=RULES, half_spread="0.0001", notional="1000", count=3):
    return synthetic_book(
        price=D(price), rules=rules, half_spread=D(half_spread), level_notional=D(notional), levels=count
    )


@pytest.mark.parametrize(
    ("bids", "asks", "fault"),
    [
        (levels((99, 1)), levels((99, 1)), "bid 99 reaches ask 99"),
        (levels((98, 1), (99, 1)), (), "bids do not get worse"),
        ((), levels((101, 1), (101, 1)), "asks do not get worse"),
        (levels((0, 1)), (), "bids is not positive"),
        ((), levels((101, 0)), "asks is not positive"),
    ],
)
def test_a_book_that_cannot_be_is_refused(bids, asks, fault):
    with pytest.raises(BadData, match=fault):
        OrderBook(bids=bids, asks=asks)


def test_mid_is_halfway_and_unknown_while_a_side_is_empty():
    assert OrderBook(bids=levels((99, 1)), asks=levels((102, 1))).mid == D("100.5")
    assert OrderBook(bids=levels((99, 1)), asks=()).mid is None
    assert OrderBook(bids=(), asks=levels((102, 1))).mid is None


def test_a_buy_faces_the_asks_and_a_sell_the_bids():
    book = OrderBook(bids=levels((99, 1)), asks=levels((102, 2)))
    assert book.facing(Side.BUY) == levels((102, 2))
    assert book.facing(Side.SELL) == levels((99, 1))


def test_taking_walks_the_levels_and_stops_where_they_end():
    side = levels((100, 1), (101, 2))
    assert take(side, D("0.4")) == levels((100, "0.4"))
    assert take(side, D("1")) == levels((100, 1))
    assert take(side, D("2.5")) == levels((100, 1), (101, "1.5"))
    assert take(side, D("9")) == side
    assert take((), D("1")) == ()


def test_prices_are_rounded_outwards_to_the_tick_and_quantities_down_to_the_step():
    book = made("30000.123", half_spread="0.0001")
    # 30000.123 +- 3.0000123: 30003.1230123 up, 29997.1229877 down; 3.0000123 up to the tick is 3.01.
    assert [level.price for level in book.asks] == [D("30003.13"), D("30006.14"), D("30009.15")]
    assert [level.price for level in book.bids] == [D("29997.12"), D("29994.11"), D("29991.10")]
    assert book.asks[0].quantity == D("0.03332")  # 1000 / 30003.13 = 0.033329...
    assert book.bids[0].quantity == D("0.03333")  # 1000 / 29997.12 = 0.033336...


@pytest.mark.parametrize(("price", "bid", "ask"), [("100", "99.99", "100.01"), ("100.005", "100.00", "100.01")])
def test_without_a_spread_there_is_still_a_tick_between_bid_and_ask(price, bid, ask):
    book = made(price, half_spread="0")
    assert (book.bids[0].price, book.asks[0].price) == (D(bid), D(ask))


def test_levels_too_small_for_the_lot_step_and_bids_at_zero_are_left_out():
    coarse = symbol_rules(lot_size=LotSize(minimum=D(1), maximum=D(100), step=D(1)))
    assert made("30000", rules=coarse) == OrderBook(bids=(), asks=())
    assert [level.price for level in made("0.02", half_spread="0", count=5).bids] == [D("0.01")]
    assert made("100", count=0) == OrderBook(bids=(), asks=())


def test_rules_that_are_off_leave_the_precision_of_the_assets():
    free = symbol_rules(
        tick_size=D(0),
        lot_size=LotSize(minimum=D(0), maximum=D(0), step=D(0)),
    )
    book = made("3", rules=free, half_spread="0.1", notional="10", count=1)
    assert (book.asks[0].price, book.asks[0].quantity) == (D("3.3"), D("3.03030303"))


@pytest.mark.parametrize(
    "wrong", [{"price": "0"}, {"price": "1", "half_spread": "-1"}, {"price": "1", "notional": "-1"}]
)
def test_a_book_is_not_made_of_negative_settings(wrong):
    with pytest.raises(BadConfig, match="need positives"):
        made(wrong.pop("price"), **wrong)


@settings(deadline=None)
@given(
    price=st.decimals("0.01", "100000", places=4),
    half_spread=st.decimals("0", "0.01", places=5),
    notional=st.decimals("0", "50000", places=2),
    count=st.integers(0, 12),
)
def test_a_made_book_is_never_better_than_its_spread_and_lies_on_the_grid(price, half_spread, notional, count):
    book = made(price, half_spread=half_spread, notional=notional, count=count)
    for level in book.asks:
        assert level.price >= price * (1 + half_spread)
    for level in book.bids:
        assert level.price <= price * (1 - half_spread)
    for level in (*book.asks, *book.bids):
        assert level.price % RULES.tick_size == 0
        assert level.quantity % RULES.step == 0
        assert level.price * level.quantity <= notional
