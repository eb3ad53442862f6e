"""What is refused before it is matched: each of Binance's filters with its code and its words."""

from dataclasses import replace

import pytest

from tests.builders import symbol_rules
from tests.simulator.orders import RICH, D, by_amount, cancel, limit, limit_maker, market, place, refused
from trader.core.errors import Rejected
from trader.core.orders import LotSize, Side
from trader.simulator.filters import USUAL_FILTERS, PriceBand, VenueFilters, check_filters

RULES = symbol_rules(
    lot_size=LotSize(minimum=D("0.001"), maximum=D(50), step=D("0.001")),
    market_lot_size=LotSize(minimum=D("0.01"), maximum=D(20), step=D("0.002")),
    min_notional=D(10),
    max_notional=D(1000),
    tick_size=D("0.05"),
)
OFF = LotSize(minimum=D(0), maximum=D(0), step=D(0))
NO_BAND = PriceBand(down=D(0), up=D(0))


def passes(order, *, price="200", rules=RULES, filters=USUAL_FILTERS):
    return check_filters(order, rules=rules, filters=filters, reference_price=D(price)) is None


def refusal(order, **arguments):
    with pytest.raises(Rejected) as caught:
        passes(order, **arguments)
    assert caught.value.code == -1013
    return str(caught.value)


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY"])
def test_a_symbol_that_does_not_trade_is_closed(status):
    assert refusal(market(), rules=replace(RULES, status=status)) == "Market is closed."


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("0.0005", "LOT_SIZE"),  # below the minimum
        ("51", "LOT_SIZE"),  # above the maximum
        ("0.1005", "LOT_SIZE"),  # off the step of 0.001
        ("0.008", "MARKET_LOT_SIZE"),  # enough for the one, too little for the other
        ("21", "MARKET_LOT_SIZE"),
        ("0.101", "MARKET_LOT_SIZE"),  # on 0.001, off 0.002
        ("0.048", "NOTIONAL"),  # 9.60
        ("5.002", "NOTIONAL"),  # 1000.40
    ],
)
def test_each_filter_on_quantities_refuses_under_its_name(quantity, name):
    assert refusal(market(quantity=quantity)) == f"Filter failure: {name}"


@pytest.mark.parametrize("quantity", ["0.05", "5", "0.1"])
def test_the_bounds_themselves_pass(quantity):
    assert passes(market(quantity=quantity))


@pytest.mark.parametrize(
    ("price", "name"),
    [
        ("0.05", "PRICE_FILTER"),  # below the minimum
        ("10000.05", "PRICE_FILTER"),  # above the maximum
        ("100.01", "PRICE_FILTER"),  # off the tick
        ("39.95", "PERCENT_PRICE_BY_SIDE"),  # 0.2 * 200 is 40
        ("1000.05", "PERCENT_PRICE_BY_SIDE"),  # 5 * 200 is 1000
    ],
)
def test_each_filter_on_prices_refuses_under_its_name_and_before_the_quantity(price, name):
    filters = VenueFilters(min_price=D("0.1"), max_price=D(10000))
    for side in Side:
        assert refusal(limit(side, price=price, quantity="0.0005"), filters=filters) == f"Filter failure: {name}"


def test_each_side_has_its_own_band_and_its_bounds_pass():
    filters = VenueFilters(bid=PriceBand(down=D("0.2"), up=D("1.2")), ask=PriceBand(down=D("0.8"), up=D(5)))
    for side, low, high in ((Side.BUY, "40", "240"), (Side.SELL, "160", "1000")):
        for price in (low, high):
            assert passes(limit(side, price=price), filters=filters)
        for price in (D(low) - D("0.05"), D(high) + D("0.05")):
            assert refusal(limit_maker(side, price=price), filters=filters) == "Filter failure: PERCENT_PRICE_BY_SIDE"


def test_a_limit_order_is_held_to_lot_size_alone_and_its_notional_goes_by_its_price():
    assert passes(limit(quantity="0.101", price="200"))  # off the step of a market order
    assert refusal(limit(quantity="0.0505", price="200")) == "Filter failure: LOT_SIZE"
    assert refusal(limit(quantity="0.1", price="99.95")) == "Filter failure: NOTIONAL"
    assert passes(limit(quantity="0.1", price="100"))
    assert refusal(limit(quantity="10.001", price="100")) == "Filter failure: NOTIONAL"


def test_an_order_by_amount_is_its_own_notional():
    assert refusal(by_amount(Side.BUY, "9.99")) == "Filter failure: NOTIONAL"
    assert refusal(by_amount(Side.BUY, "1000.01")) == "Filter failure: NOTIONAL"
    assert passes(by_amount(Side.SELL, "10"))


def test_a_zero_switches_every_part_of_a_filter_off():
    rules = replace(RULES, lot_size=OFF, market_lot_size=OFF, min_notional=None, max_notional=None, tick_size=D(0))
    filters = VenueFilters(min_price=D(0), max_price=D(0), bid=NO_BAND, ask=NO_BAND, max_num_orders=0)
    for quantity in ("0.00000001", "12345678.12345678"):
        assert passes(market(quantity=quantity), rules=rules)
        assert passes(limit(quantity=quantity, price=quantity), rules=rules, filters=filters)


def test_a_market_orders_notional_goes_by_the_reference_price_and_is_named_by_the_filter_the_symbol_has():
    assert refusal(market(quantity="0.1"), price="99.99") == "Filter failure: NOTIONAL"
    old = replace(RULES, max_notional=None)
    assert refusal(market(quantity="0.1"), price="99.99", rules=old) == "Filter failure: MIN_NOTIONAL"
    assert passes(market(quantity="0.1"), price="100", rules=old)


def test_the_number_of_open_orders_is_limited_by_symbol_and_over_all():
    account = RICH
    for number in range(2):
        account, _ = place(account, order=limit(price="90", identity=f"leg-{number}"))
    for kind in ("max_num_orders", "exchange_max_num_orders"):
        full = VenueFilters(**{kind: 2})
        message = f"Filter failure: {kind.upper()}"
        assert refused(account, order=limit(price="90", identity="leg-2"), filters=full) == (-2010, message)
        assert refused(account, order=market(identity="leg-2"), filters=full) == (-2010, message)
        freed, _ = cancel(account, order_id=1)
        assert place(freed, order=limit(price="90", identity="leg-2"), filters=full)[1].is_open
    ether = {
        "order": replace(market(identity="leg-2"), symbol="ETHUSDT"),
        "rules": symbol_rules(symbol="ETHUSDT", base_asset="ETH"),
    }
    assert place(account, filters=VenueFilters(max_num_orders=2), **ether)[1].executed > 0
    assert refused(account, filters=VenueFilters(exchange_max_num_orders=2), **ether)[0] == -2010


def test_a_position_counts_what_is_free_locked_and_being_bought():
    account, _ = place(order=limit(Side.SELL, price="110", quantity="4"))  # 6 free, 4 locked
    account, _ = place(account, order=limit(price="90", quantity="2", identity="leg-2"))
    limits = {"filters": VenueFilters(max_position=D("12.5"))}
    refusal = (-2010, "Filter failure: MAX_POSITION")
    assert refused(account, order=market(quantity="0.50001", identity="leg-3"), **limits) == refusal
    assert refused(account, order=limit(price="90", quantity="0.6", identity="leg-3"), **limits) == refusal
    assert place(account, order=market(quantity="0.5", identity="leg-3"), **limits)[1].executed == D("0.5")
    assert place(account, order=market(Side.SELL, "3", identity="leg-3"), **limits)[1].executed == D(3)
