"""What Binance checks of an order that it could read: the symbol's status and its filters, in its words.

Rules and wording are from https://github.com/binance/binance-spot-api-docs: `filters.md` for the filters ("0" switches
a part of a filter off), `errors.md` for the messages. Where the documentation leaves two readings, the stricter one is
taken: this simulator may refuse what Binance would have taken, never the other way round.

The order of the checks is that of the documentation, not documented as such. The filters on the order itself are
refused with -1013, before the matching engine; those on the whole account by the matching engine with -2010, as users
report it (https://github.com/JKorf/Binance.Net/issues/1212).

Not simulated: ICEBERG_PARTS, TRAILING_DELTA and the limits on algorithmic orders and order lists (there are no such
orders here), PERCENT_PRICE (a symbol has it or PERCENT_PRICE_BY_SIDE), MAX_ASSET and MAX_NUM_ORDER_AMENDS.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.errors import Rejected
from trader.core.orders import ZERO, LotSize, Side, SymbolRules
from trader.simulator.account import Account, NewOrder, OrderType
from trader.simulator.parameters import INVALID_MESSAGE

NEW_ORDER_REJECTED = -2010


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBand:
    """PERCENT_PRICE_BY_SIDE for one side: the lowest and highest price as multiples of the average price."""

    down: Decimal
    up: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFilters:
    """The filters of a symbol that `SymbolRules` does not carry, because no market order ever meets them; 0 = off.

    The price bounds, `max_num_orders` and the bands are what BTCUSDT has; it has no MAX_POSITION.
    """

    min_price: Decimal = Decimal("0.01")
    max_price: Decimal = Decimal(1000000)
    bid: PriceBand = PriceBand(down=Decimal("0.2"), up=Decimal(5))
    ask: PriceBand = PriceBand(down=Decimal("0.2"), up=Decimal(5))
    max_num_orders: int = 200
    exchange_max_num_orders: int = 1000
    max_position: Decimal = ZERO


USUAL_FILTERS = VenueFilters()


def check_filters(order: NewOrder, *, rules: SymbolRules, filters: VenueFilters, reference_price: Decimal) -> None:
    """Raise Rejected, -1013, when the symbol does not trade or a filter on the order itself fails.

    `reference_price` stands for "the average price ... over the last `avgPriceMins` minutes ... 0 means the last price
    is used" (filters.md): for a price's distance from it, and for the price that a market order has not got.
    """
    if rules.status != "TRADING":
        raise Rejected("Market is closed.", code=INVALID_MESSAGE)
    if order.price is not None:
        _check_price(order.side, order.price, rules=rules, filters=filters, reference_price=reference_price)
    if order.quantity is not None:
        check_lots(order.type, order.quantity, rules=rules)
    if order.quote_quantity is not None:
        notional = order.quote_quantity
    else:
        notional = (order.quantity or ZERO) * (order.price if order.price is not None else reference_price)
    if rules.min_notional is not None and notional < rules.min_notional:
        raise _failure("NOTIONAL" if rules.max_notional is not None else "MIN_NOTIONAL")
    if rules.max_notional is not None and notional > rules.max_notional:
        raise _failure("NOTIONAL")


def check_lots(kind: OrderType, quantity: Decimal, *, rules: SymbolRules) -> None:
    """Raise Rejected, -1013, when a quantity fails LOT_SIZE, or MARKET_LOT_SIZE for a market order."""
    if not _fits(quantity, rules.lot_size):
        raise _failure("LOT_SIZE")
    if kind is OrderType.MARKET and not _fits(quantity, rules.market_lot_size):
        raise _failure("MARKET_LOT_SIZE")


def check_account(
    account: Account, *, side: Side, quantity: Decimal, rules: SymbolRules, filters: VenueFilters
) -> None:
    """Raise Rejected, -2010, when the account has too many open orders or the position could get too large.

    A position is "free balance of the base asset, locked balance of the base asset, sum of the qty of all open BUY
    orders" (MAX_POSITION): the whole quantity, also of what is partly filled. A market order counts towards the number
    of orders although it never waits: the documentation makes no exception.
    """
    waiting = account.open_orders
    here = [order for order in waiting if order.symbol == rules.symbol]
    if 0 < filters.max_num_orders <= len(here):
        raise _failure("MAX_NUM_ORDERS", code=NEW_ORDER_REJECTED)
    if 0 < filters.exchange_max_num_orders <= len(waiting):
        raise _failure("EXCHANGE_MAX_NUM_ORDERS", code=NEW_ORDER_REJECTED)
    if side is Side.BUY and filters.max_position > 0:
        held = account.free(rules.base_asset) + account.locked_of(rules.base_asset)
        bought = sum((order.quantity for order in here if order.side is Side.BUY), ZERO)
        if held + bought + quantity > filters.max_position:
            raise _failure("MAX_POSITION", code=NEW_ORDER_REJECTED)


def _check_price(
    side: Side, price: Decimal, *, rules: SymbolRules, filters: VenueFilters, reference_price: Decimal
) -> None:
    if not _fits(price, LotSize(minimum=filters.min_price, maximum=filters.max_price, step=rules.tick_size)):
        raise _failure("PRICE_FILTER")
    band = filters.bid if side is Side.BUY else filters.ask
    too_low = band.down > 0 and price < reference_price * band.down
    too_high = band.up > 0 and price > reference_price * band.up
    if too_low or too_high:
        raise _failure("PERCENT_PRICE_BY_SIDE")


def _fits(value: Decimal, bounds: LotSize) -> bool:
    """Apply filters.md: value >= minimum, value <= maximum, value % step == 0; each is off at 0."""
    return (
        (bounds.minimum <= 0 or value >= bounds.minimum)
        and (bounds.maximum <= 0 or value <= bounds.maximum)
        and (bounds.step <= 0 or value % bounds.step == 0)
    )


def _failure(name: str, *, code: int = INVALID_MESSAGE) -> Rejected:
    return Rejected(f"Filter failure: {name}", code=code)
