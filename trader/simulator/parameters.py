"""Whether a new order can be read at all: which parameters its type takes, their characters and their precision.

Codes and messages are those of https://github.com/binance/binance-spot-api-docs/blob/master/errors.md; which
parameters an order type takes is in rest-api.md, "New order". A parameter that the type does not take is refused:
the documentation lists only what is mandatory, and -1106 for the rest.
"""

import re
from decimal import Decimal

from trader.core.errors import Rejected
from trader.core.orders import SymbolRules
from trader.simulator.account import NewOrder, OrderType

INVALID_MESSAGE = -1013
ILLEGAL_CHARACTERS = -1100
PARAMETER_MISSING = -1102
PARAMETER_EMPTY = -1105
NOT_REQUIRED = -1106
BAD_PRECISION = -1111
BAD_SYMBOL = -1121

_CLIENT_ORDER_ID = "^[a-zA-Z0-9-_]{1,36}$"
_NUMBER = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
_ID_PATTERN = re.compile(r"[a-zA-Z0-9-_]{1,36}")
_NUMBER_PATTERN = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


def check_parameters(order: NewOrder, *, rules: SymbolRules) -> None:
    """Raise Rejected for a parameter that is missing, too many, or cannot be read."""
    if order.symbol != rules.symbol:
        raise Rejected("Invalid symbol.", code=BAD_SYMBOL)
    _check_client_order_id(order.client_order_id)
    _check_presence(order)
    for name, value, decimals in (
        ("quantity", order.quantity, rules.base_precision),
        ("quoteOrderQty", order.quote_quantity, rules.quote_precision),
        ("price", order.price, rules.quote_precision),
    ):
        if value is not None:
            _check_number(name, value, decimals=decimals)
    if order.price == 0:
        raise Rejected("Invalid price.", code=INVALID_MESSAGE)
    if order.quantity == 0:
        raise Rejected("Invalid quantity.", code=INVALID_MESSAGE)
    if order.quote_quantity == 0:
        raise Rejected("Invalid quote order qty.", code=INVALID_MESSAGE)


def _check_client_order_id(identity: str) -> None:
    if not identity:
        raise Rejected("Parameter 'newClientOrderId' was empty.", code=PARAMETER_EMPTY)
    if not _ID_PATTERN.fullmatch(identity):
        raise _illegal("newClientOrderId", _CLIENT_ORDER_ID)


def _check_presence(order: NewOrder) -> None:
    """Raise Rejected for a parameter that the order's type needs and has not got, or has got and does not take."""
    sent = {
        "timeInForce": order.time_in_force is not None,
        "quantity": order.quantity is not None,
        "quoteOrderQty": order.quote_quantity is not None,
        "price": order.price is not None,
    }
    needed = {
        OrderType.MARKET: (),
        OrderType.LIMIT: ("timeInForce", "quantity", "price"),
        OrderType.LIMIT_MAKER: ("quantity", "price"),
    }[order.type]
    for name in needed:
        if not sent[name]:
            message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            raise Rejected(message, code=PARAMETER_MISSING)
    if order.type is OrderType.MARKET:
        if not sent["quantity"] and not sent["quoteOrderQty"]:
            message = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
            raise Rejected(message, code=PARAMETER_MISSING)
        needed = ("quantity",) if sent["quantity"] else ("quoteOrderQty",)
    for name, was_sent in sent.items():
        if was_sent and name not in needed:
            raise Rejected(f"Parameter '{name}' sent when not required.", code=NOT_REQUIRED)


def _check_number(name: str, value: Decimal, *, decimals: int) -> None:
    if not _NUMBER_PATTERN.fullmatch(f"{value:f}"):
        raise _illegal(name, _NUMBER)
    # Decimals count as written: whether Binance forgives trailing zeros is not documented.
    if -int(value.as_tuple().exponent) > decimals:
        raise Rejected(f"Parameter '{name}' has too much precision.", code=BAD_PRECISION)


def _illegal(parameter: str, legal: str) -> Rejected:
    message = f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'."
    return Rejected(message, code=ILLEGAL_CHARACTERS)
