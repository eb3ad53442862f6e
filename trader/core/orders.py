"""Orders: from a target exposure to one net order that the exchange will accept, in exact decimals.

This is the one place where floats become `Decimal`. The rules are Binance's spot filters
(https://github.com/binance/binance-spot-api-docs/blob/master/filters.md): LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL,
NOTIONAL; "0" switches a rule off. What cannot be sent is not an error but an answer with a reason.
"""

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from trader.core.errors import BadConfig

ZERO = Decimal(0)


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "BUY"
    SELL = "SELL"


class OrderStatus(StrEnum):
    """The states of an order (Binance's names)."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can be filled."""
        return self not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSize:
    """Minimum, maximum and step of a quantity, in base units; 0 = the rule is off."""

    minimum: Decimal
    maximum: Decimal
    step: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """What the exchange says about a symbol; `status` is TRADING when orders are taken.

    `min_notional` and `max_notional` are in quote units and already None where they do not apply to market orders.
    `quote_precision` is the number of decimals of quote amounts.
    """

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    lot_size: LotSize
    market_lot_size: LotSize
    min_notional: Decimal | None
    max_notional: Decimal | None
    tick_size: Decimal
    base_precision: int = 8
    quote_precision: int = 8

    @property
    def step(self) -> Decimal:
        """The step that satisfies both lot filters of a market order; the asset's precision when neither has one."""
        steps = [lot.step for lot in (self.lot_size, self.market_lot_size) if lot.step > 0]
        return _common_multiple(steps) if steps else Decimal(1).scaleb(-self.base_precision)

    @property
    def min_quantity(self) -> Decimal:
        """The smallest quantity that both lot filters accept."""
        return max(self.lot_size.minimum, self.market_lot_size.minimum)

    @property
    def max_quantity(self) -> Decimal | None:
        """The largest quantity that both lot filters accept, None for no limit."""
        limits = [lot.maximum for lot in (self.lot_size, self.market_lot_size) if lot.maximum > 0]
        return min(limits) if limits else None


def _common_multiple(steps: list[Decimal]) -> Decimal:
    exponent = min(int(step.as_tuple().exponent) for step in steps)
    unit = Decimal(1).scaleb(exponent)
    return math.lcm(*(int(step / unit) for step in steps)) * unit


class NotSent(StrEnum):
    """Why no order was sent although the position is not the target."""

    NOTHING_TO_DO = "on-target"
    BELOW_STEP = "below-lot-step"
    BELOW_MIN_QUANTITY = "below-min-quantity"
    BELOW_MIN_NOTIONAL = "below-min-notional"
    NO_BASE = "base-allocation-exhausted"
    NO_QUOTE = "quote-allocation-exhausted"
    NOT_TRADING = "symbol-not-trading"
    REFUSED = "refused-by-exchange"
    ACCOUNT_CHANGED = "account-changed"
    NEVER_ARRIVED = "never-arrived"
    NOT_THIS_HOUR = "hour-not-traded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """One net market order, or the reason why there is none. `quantity` is in base units, 0 with a reason.

    `capped` tells that the exchange's maximum or the allocation made the order smaller than the gap.
    """

    side: Side | None
    quantity: Decimal
    not_sent: NotSent | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution: price in quote units, quantity in base units, commission in its own asset."""

    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """A market order as it will be sent, written down before it is.

    `signed_at` is the timestamp that the signed request will bear, in the exchange's time. The exchange refuses a
    request that is older than `window`, so an order that was not taken by then never will be. Both are written down,
    because who sends the order and who looks for it may be configured differently.
    `arrival_price` is the venue's own price just before, in quote units, where it is known.
    """

    symbol: str
    side: Side
    quantity: Decimal
    client_order_id: str
    signed_at: datetime
    window: timedelta = timedelta(0)
    arrival_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReport:
    """What the exchange says of an order. One that found too little on the book is EXPIRED, partly filled."""

    client_order_id: str
    order_id: int
    side: Side
    status: OrderStatus
    quantity: Decimal
    executed: Decimal
    fills: tuple[Fill, ...]
    at: datetime

    @property
    def average_price(self) -> Decimal | None:
        """The mean price per base unit, None when nothing was filled."""
        quantity = sum((fill.quantity for fill in self.fills), ZERO)
        if quantity <= 0:
            return None
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO) / quantity


def as_decimal(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this float (0.1 becomes Decimal('0.1'))."""
    return Decimal(repr(float(value)))


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` not above a non-negative quantity; unchanged when the step is 0."""
    if step <= 0:
        return quantity
    return (quantity / step).to_integral_value(rounding=ROUND_DOWN) * step


def target_quantity(*, exposure: float, notional: Decimal, price: Decimal, rules: SymbolRules) -> Decimal:
    """Return the signed base quantity of an exposure, its size floored to the lot step. `notional` is in quote units.

    It is set when the exposure changes and not rebalanced with the price.
    """
    size = floor_to_step(abs(as_decimal(exposure)) * notional / price, rules.step)
    return size if exposure > 0 else -size


def plan_order(  # noqa: PLR0911 - one rule after the other reads best in one place
    *,
    target: Decimal,
    held: Decimal,
    price: Decimal,
    rules: SymbolRules,
    available_base: Decimal,
    available_quote: Decimal,
    max_slippage: Decimal = Decimal("0.01"),
) -> OrderPlan:
    """Return the one order that brings the position from `held` to `target` (signed base quantities).

    A sell is limited by the base that this symbol may sell, a buy by its quote (with `max_slippage` of head-room over
    `price`, because a market order's price is not known before). A quantity above the exchange's maximum is capped; the
    rest is planned again in the next run.
    """
    gap = target - held
    if gap == 0:
        return OrderPlan(side=None, quantity=ZERO, not_sent=NotSent.NOTHING_TO_DO)
    side = Side.BUY if gap > 0 else Side.SELL
    if rules.status != "TRADING":
        return _not_sent(NotSent.NOT_TRADING)
    wanted = floor_to_step(abs(gap), rules.step)
    if wanted <= 0:
        return _not_sent(NotSent.BELOW_STEP)
    affordable = available_quote / (price * (1 + max_slippage)) if side is Side.BUY else available_base
    quantity = min(wanted, floor_to_step(max(affordable, ZERO), rules.step))
    if rules.max_quantity is not None:
        quantity = min(quantity, floor_to_step(rules.max_quantity, rules.step))
    if rules.max_notional is not None:
        quantity = min(quantity, floor_to_step(rules.max_notional / (price * (1 + max_slippage)), rules.step))
    if quantity <= 0:
        return _not_sent(NotSent.NO_QUOTE if side is Side.BUY else NotSent.NO_BASE)
    if quantity < rules.min_quantity:
        return _not_sent(NotSent.BELOW_MIN_QUANTITY)
    if rules.min_notional is not None and quantity * price < rules.min_notional:
        return _not_sent(NotSent.BELOW_MIN_NOTIONAL)
    return OrderPlan(side=side, quantity=quantity, capped=quantity < wanted)


def _not_sent(reason: NotSent) -> OrderPlan:
    return OrderPlan(side=None, quantity=ZERO, not_sent=reason)


_ID_PATTERN = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")


def client_order_id(*, bot_id: str, symbol: str, interval: str, open_time: datetime, leg: int) -> str:
    """Return the one id that this leg of this run may ever use, at most 36 characters of `[a-zA-Z0-9-_]`.

    It reads as symbol, kline and leg; eight characters of a hash tell bots and intervals apart.
    """
    open_time = open_time.astimezone(UTC)
    key = f"{bot_id}|{symbol}|{interval}|{open_time:%Y%m%d%H%M}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    identity = f"{symbol[:10]}-{open_time:%y%m%d%H%M}-{leg}-{digest}"
    if not _ID_PATTERN.match(identity):
        raise BadConfig(f"client order id {identity!r} does not fit Binance's pattern; check the symbol's name")
    return identity
