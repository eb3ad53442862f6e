"""What is refused before it is matched: each of Binance's checks with its code and its words."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.builders import symbol_rules
from trader.core.errors import Rejected
from trader.core.orders import LotSize, OrderIntent, Side
from trader.simulator.filters import check_filters, check_parameters

D = Decimal
RULES = symbol_rules(
    lot_size=LotSize(minimum=D("0.001"), maximum=D(50), step=D("0.001")),
    market_lot_size=LotSize(minimum=D("0.01"), maximum=D(20), step=D("0.002")),
    min_notional=D(10),
    max_notional=D(1000),
)
INTENT = OrderIntent(
    symbol="BTCUSDT",
    side=Side.BUY,
    quantity=D("0.1"),
    client_order_id="one-order_1",
    signed_at=datetime(2024, 1, 1, tzinfo=UTC),
)
OFF = LotSize(minimum=D(0), maximum=D(0), step=D(0))


def refusal(check, **arguments):
    with pytest.raises(Rejected) as caught:
        check(**arguments)
    return caught.value.code, str(caught.value)


def parameters(**changes):
    return refusal(lambda: check_parameters(replace(INTENT, **changes), rules=RULES))


def filters(quantity, *, price="200", rules=RULES):
    intent = replace(INTENT, quantity=D(quantity))
    return refusal(lambda: check_filters(intent, rules=rules, reference_price=D(price)))


@pytest.mark.parametrize("identity", ["a b", "x" * 37, "umlaut-ä", "dot.dot", "line\n"])
def test_a_client_order_id_outside_the_pattern_is_illegal(identity):
    code, message = parameters(client_order_id=identity)
    assert code == -1100
    assert message == (
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
    )


def test_an_empty_client_order_id_is_an_empty_parameter():
    assert parameters(client_order_id="") == (-1105, "Parameter 'newClientOrderId' was empty.")


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity", "1E+21", "1E-21"])
def test_a_quantity_that_is_no_plain_number_is_illegal(quantity):
    code, message = parameters(quantity=D(quantity))
    assert code == -1100
    assert "parameter 'quantity'" in message


@pytest.mark.parametrize("quantity", ["0.123456789", "0.100000000"])
def test_more_decimals_than_the_base_asset_has_are_too_much_precision(quantity):
    assert parameters(quantity=D(quantity)) == (-1111, "Parameter 'quantity' has too much precision.")


def test_another_symbol_and_no_quantity_are_invalid():
    assert parameters(symbol="ETHUSDT") == (-1121, "Invalid symbol.")
    assert parameters(quantity=D("0.00")) == (-1013, "Invalid quantity.")


def test_a_full_length_id_and_the_last_decimal_are_fine():
    fine = replace(INTENT, client_order_id="A-_9" * 9, quantity=D("0.00000001"))
    assert check_parameters(fine, rules=RULES) is None


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY"])
def test_a_symbol_that_does_not_trade_is_closed(status):
    assert filters("0.1", rules=replace(RULES, status=status)) == (-1013, "Market is closed.")


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
def test_each_filter_refuses_under_its_name(quantity, name):
    assert filters(quantity) == (-1013, f"Filter failure: {name}")


@pytest.mark.parametrize("quantity", ["0.05", "5", "0.1"])
def test_the_bounds_themselves_pass(quantity):
    intent = replace(INTENT, quantity=D(quantity))
    assert check_filters(intent, rules=RULES, reference_price=D(200)) is None


def test_a_zero_switches_every_part_of_a_filter_off():
    rules = replace(RULES, lot_size=OFF, market_lot_size=OFF, min_notional=None, max_notional=None)
    for quantity in ("0.00000001", "12345678.12345678"):
        intent = replace(INTENT, quantity=D(quantity))
        assert check_filters(intent, rules=rules, reference_price=D(200)) is None


def test_the_notional_goes_by_the_reference_price_and_is_named_by_the_filter_the_symbol_has():
    assert filters("0.1", price="99.99") == (-1013, "Filter failure: NOTIONAL")
    old = replace(RULES, max_notional=None)
    assert filters("0.1", price="99.99", rules=old) == (-1013, "Filter failure: MIN_NOTIONAL")
    assert check_filters(INTENT, rules=old, reference_price=D(100)) is None
