"""What cannot be read as an order: each refusal with its code and its words."""

from dataclasses import replace

import pytest

from tests.simulator.orders import RULES, D, by_amount, limit, limit_maker, market
from trader.core.errors import Rejected
from trader.core.orders import Side
from trader.simulator.account import TimeInForce
from trader.simulator.parameters import check_parameters

LEGAL = "legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."
GTC = TimeInForce.GTC


def refusal(order, **changes):
    with pytest.raises(Rejected) as caught:
        check_parameters(replace(order, **changes), rules=RULES)
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize("identity", ["a b", "x" * 37, "umlaut-ä", "dot.dot", "line\n"])
def test_a_client_order_id_outside_the_pattern_is_illegal(identity):
    assert refusal(market(), client_order_id=identity) == (
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
    )


def test_an_empty_client_order_id_is_an_empty_parameter():
    assert refusal(market(), client_order_id="") == (-1105, "Parameter 'newClientOrderId' was empty.")


@pytest.mark.parametrize("number", ["-1", "NaN", "Infinity", "1E+21", "1E-21"])
@pytest.mark.parametrize(
    ("order", "field", "name"),
    [
        (market(), "quantity", "quantity"),
        (by_amount(Side.BUY, "1"), "quote_quantity", "quoteOrderQty"),
        (limit(), "price", "price"),
    ],
)
def test_what_is_no_plain_number_is_illegal(order, field, name, number):
    assert refusal(order, **{field: D(number)}) == (-1100, f"Illegal characters found in parameter '{name}'; {LEGAL}")


@pytest.mark.parametrize("number", ["0.123456789", "0.100000000"])
def test_more_decimals_than_the_asset_has_are_too_much_precision(number):
    for order, field, name in (
        (market(), "quantity", "quantity"),
        (by_amount(Side.BUY, "1"), "quote_quantity", "quoteOrderQty"),
        (limit(), "price", "price"),
    ):
        assert refusal(order, **{field: D(number)}) == (-1111, f"Parameter '{name}' has too much precision.")


def test_another_symbol_and_nothing_at_all_are_invalid():
    assert refusal(market(), symbol="ETHUSDT") == (-1121, "Invalid symbol.")
    assert refusal(market(), quantity=D("0.00")) == (-1013, "Invalid quantity.")
    assert refusal(by_amount(Side.BUY, "0")) == (-1013, "Invalid quote order qty.")
    assert refusal(limit(price="0")) == (-1013, "Invalid price.")


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (replace(limit(), time_in_force=None), "timeInForce"),
        (replace(limit(), quantity=None), "quantity"),
        (replace(limit(), price=None), "price"),
        (replace(limit_maker(), quantity=None), "quantity"),
        (replace(limit_maker(), price=None), "price"),
    ],
)
def test_a_limit_order_needs_its_parameters(order, name):
    assert refusal(order) == (-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def test_a_market_order_needs_a_quantity_or_an_amount():
    message = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
    assert refusal(market(), quantity=None) == (-1102, message)


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (replace(market(), quote_quantity=D(1)), "quoteOrderQty"),
        (replace(market(), price=D(1)), "price"),
        (replace(market(), time_in_force=GTC), "timeInForce"),
        (replace(by_amount(Side.BUY, "1"), price=D(1)), "price"),
        (replace(limit(), quote_quantity=D(1)), "quoteOrderQty"),
        (replace(limit_maker(), time_in_force=GTC), "timeInForce"),
        (replace(limit_maker(), quote_quantity=D(1)), "quoteOrderQty"),
    ],
)
def test_a_parameter_that_the_type_does_not_take_is_not_required(order, name):
    assert refusal(order) == (-1106, f"Parameter '{name}' sent when not required.")


def test_a_full_length_id_and_the_last_decimal_are_fine():
    for order in (market(quantity="0.00000001"), by_amount(Side.SELL, "0.00000001"), limit(), limit_maker()):
        assert check_parameters(replace(order, client_order_id="A-_9" * 9), rules=RULES) is None
