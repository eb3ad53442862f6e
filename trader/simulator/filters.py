"""What Binance checks before an order reaches its matching engine, in its order and in its words.

Rules and wording are from https://github.com/binance/binance-spot-api-docs: `errors.md` for codes and messages,
`filters.md` for the filters ("0" switches a part of a filter off). Where the documentation leaves two readings, the
stricter one is taken: this simulator may refuse what Binance would have taken, never the other way round.

Not simulated, because a symbol's rules here do not carry them: PERCENT_PRICE and PRICE_FILTER (they bind orders with a
price), MAX_POSITION, MAX_ASSET, the order-count and request-weight limits, the price range execution rule.
"""

import re
from decimal import Decimal

from trader.core.errors import Rejected
from trader.core.orders import LotSize, OrderIntent, SymbolRules

ILLEGAL_CHARACTERS = -1100
PARAMETER_EMPTY = -1105
BAD_PRECISION = -1111
BAD_SYMBOL = -1121
INVALID_MESSAGE = -1013
NEW_ORDER_REJECTED = -2010

_CLIENT_ORDER_ID = "^[a-zA-Z0-9-_]{1,36}$"
_QUANTITY = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
_ID_PATTERN = re.compile(r"[a-zA-Z0-9-_]{1,36}")
_QUANTITY_PATTERN = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


def check_parameters(intent: OrderIntent, *, rules: SymbolRules) -> None:
    """Raise Rejected for a parameter that cannot be read: its characters, its precision, its symbol."""
    if not intent.client_order_id:
        raise Rejected("Parameter 'newClientOrderId' was empty.", code=PARAMETER_EMPTY)
    if not _ID_PATTERN.fullmatch(intent.client_order_id):
        raise _illegal("newClientOrderId", _CLIENT_ORDER_ID)
    if not _QUANTITY_PATTERN.fullmatch(f"{intent.quantity:f}"):
        raise _illegal("quantity", _QUANTITY)
    # Decimals count as written: whether Binance forgives trailing zeros is not documented.
    if -int(intent.quantity.as_tuple().exponent) > rules.base_precision:
        raise Rejected("Parameter 'quantity' has too much precision.", code=BAD_PRECISION)
    if intent.symbol != rules.symbol:
        raise Rejected("Invalid symbol.", code=BAD_SYMBOL)
    if intent.quantity == 0:
        raise Rejected("Invalid quantity.", code=INVALID_MESSAGE)


def check_filters(intent: OrderIntent, *, rules: SymbolRules, reference_price: Decimal) -> None:
    """Raise Rejected, -1013, when the symbol does not trade or a filter on market orders fails.

    `reference_price` stands for the price that a market order has not got: "the average price is used over the last
    `avgPriceMins` minutes ... 0 means the last price is used" (filters.md, MIN_NOTIONAL and NOTIONAL).
    """
    if rules.status != "TRADING":
        raise Rejected("Market is closed.", code=INVALID_MESSAGE)
    for name, lot in (("LOT_SIZE", rules.lot_size), ("MARKET_LOT_SIZE", rules.market_lot_size)):
        if not _fits(intent.quantity, lot):
            raise _filter_failure(name)
    notional = intent.quantity * reference_price
    if rules.min_notional is not None and notional < rules.min_notional:
        raise _filter_failure("NOTIONAL" if rules.max_notional is not None else "MIN_NOTIONAL")
    if rules.max_notional is not None and notional > rules.max_notional:
        raise _filter_failure("NOTIONAL")


def _fits(quantity: Decimal, lot: LotSize) -> bool:
    """Apply filters.md: quantity >= minQty, quantity <= maxQty, quantity % stepSize == 0; each is off at 0."""
    return (
        (lot.minimum <= 0 or quantity >= lot.minimum)
        and (lot.maximum <= 0 or quantity <= lot.maximum)
        and (lot.step <= 0 or quantity % lot.step == 0)
    )


def _filter_failure(name: str) -> Rejected:
    return Rejected(f"Filter failure: {name}", code=INVALID_MESSAGE)


def _illegal(parameter: str, legal: str) -> Rejected:
    message = f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'."
    return Rejected(message, code=ILLEGAL_CHARACTERS)
