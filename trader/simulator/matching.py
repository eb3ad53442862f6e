"""What an order takes from the book at once, what it needs for that, and how it stands afterwards.

Nothing here knows an account. What the order leaves on the book is not kept: the book is made anew for whoever asks
next, and an account's own resting orders are not in it, so no order ever meets another one of the same account.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.errors import Rejected
from trader.core.orders import ZERO, OrderStatus, Side, SymbolRules, floor_to_step
from trader.simulator.account import NewOrder, OrderType, TimeInForce
from trader.simulator.book import Level, OrderBook, take
from trader.simulator.filters import NEW_ORDER_REJECTED, check_lots
from trader.simulator.parameters import INVALID_MESSAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What became of an order at once.

    `quantity` is the whole order in base units, `taken` what it took, level by level, and `needed` what must be free
    for it: quote units for a BUY, base units for a SELL.
    """

    quantity: Decimal
    needed: Decimal
    taken: tuple[Level, ...]
    status: OrderStatus


def match(
    order: NewOrder, *, rules: SymbolRules, book: OrderBook, reference_price: Decimal, fill_limit: Decimal | None
) -> Match:
    """Return what an order takes from a book. Raises Rejected when it may not take, or finds too little to begin with.

    `fill_limit` is a fault: at most this much of the order is filled, as if somebody else had been faster.
    """
    levels = _within(book.facing(order.side), order)
    if order.type is OrderType.LIMIT_MAKER and levels:
        raise Rejected("Order would immediately match and take.", code=NEW_ORDER_REJECTED)
    if order.quantity is not None:
        quantity, left = order.quantity, ZERO
    else:
        quantity, left = _by_amount(order.quote_quantity or ZERO, levels=levels, rules=rules)
    limit = quantity if fill_limit is None else min(quantity, floor_to_step(fill_limit, rules.lot_size.step))
    taken = take(levels, limit)
    executed = sum((level.quantity for level in taken), ZERO)
    if order.time_in_force is TimeInForce.FOK and executed < quantity:
        taken, executed = (), ZERO
    return Match(
        quantity=quantity,
        needed=_needed(order, quantity=quantity, levels=levels, left=left, reference_price=reference_price),
        taken=taken,
        status=_status(order, executed=executed, is_whole=executed == quantity and left == 0),
    )


def _within(levels: tuple[Level, ...], order: NewOrder) -> tuple[Level, ...]:
    """Return the levels that are no worse than the order's price."""
    if order.price is None:
        return levels
    if order.side is Side.BUY:
        return tuple(level for level in levels if level.price <= order.price)
    return tuple(level for level in levels if level.price >= order.price)


def _by_amount(amount: Decimal, *, levels: tuple[Level, ...], rules: SymbolRules) -> tuple[Decimal, Decimal]:
    """Return the quantity that a quote amount comes to, and how much of the amount the book is too thin for.

    "MARKET orders using quoteOrderQty will not break LOT_SIZE filter rules; the order will execute a quantity that will
    have the notional value as close as possible to quoteOrderQty" (rest-api.md). Rounded down to the step here, so that
    no more is spent than was asked for.
    """
    if not levels:
        message = "Order book liquidity is less than symbol minimum quantity."
        raise Rejected(message, code=NEW_ORDER_REJECTED)
    quantity, left = ZERO, amount
    for level in levels:
        whole = level.quantity * level.price <= left
        quantity += level.quantity if whole else left / level.price
        left = left - level.quantity * level.price if whole else ZERO
    quantity = floor_to_step(quantity, rules.step)
    if left > 0:
        for name, lot in (("LOT_SIZE", rules.lot_size), ("MARKET_LOT_SIZE", rules.market_lot_size)):
            if quantity < lot.minimum:
                message = f"Order book liquidity is less than `{name}` filter minimum quantity."
                raise Rejected(message, code=NEW_ORDER_REJECTED)
    check_lots(OrderType.MARKET, quantity, rules=rules)
    if quantity == 0:
        raise Rejected("Invalid quantity.", code=INVALID_MESSAGE)
    return quantity, left


def _needed(
    order: NewOrder, *, quantity: Decimal, levels: tuple[Level, ...], left: Decimal, reference_price: Decimal
) -> Decimal:
    """Return what has to be free for the order *completely filled* (market_orders_faq.md).

    A limit order is charged at its own price. What the book does not hold of a market order is priced at the worst
    level that was reached: Binance does not say at which price it checks, and asking for less would be kinder than its
    rule.
    """
    taken = take(levels, quantity)
    worst = taken[-1].price if taken else reference_price
    if order.side is Side.SELL:
        return quantity + left / worst
    if order.quote_quantity is not None:
        return order.quote_quantity
    if order.price is not None:
        return quantity * order.price
    missing = quantity - sum((level.quantity for level in taken), ZERO)
    return sum((level.price * level.quantity for level in taken), ZERO) + missing * worst


def _status(order: NewOrder, *, executed: Decimal, is_whole: bool) -> OrderStatus:
    if is_whole:
        return OrderStatus.FILLED
    if order.type is OrderType.MARKET or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return OrderStatus.EXPIRED
    return OrderStatus.PARTIALLY_FILLED if executed > 0 else OrderStatus.NEW
