"""The order book a simulated order meets: what is offered on each side, and what a quantity takes from it.

A book is a value. It is made from a price and a few settings, and nothing that the simulated account does changes it:
whoever asks next gets a book around the price of that moment.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

from trader.core.errors import BadConfig, BadData
from trader.core.orders import ZERO, Side, SymbolRules, floor_to_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One price in quote units and the quantity offered there in base units."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """Bids from the highest price down, asks from the lowest up; either side may be empty.

    Raises BadData when a price or quantity is not positive, a side is out of order, or the best bid reaches the ask.
    """

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def __post_init__(self) -> None:
        for name, levels, direction in (("bids", self.bids, -1), ("asks", self.asks, 1)):
            prices = [level.price * direction for level in levels]
            if any(level.price <= 0 or level.quantity <= 0 for level in levels):
                raise BadData(f"order book: a price or quantity of the {name} is not positive; its source is wrong")
            if any(later <= earlier for earlier, later in pairwise(prices)):
                raise BadData(f"order book: the {name} do not get worse level by level; its source is wrong")
        if self.bids and self.asks and self.bids[0].price >= self.asks[0].price:
            raise BadData(f"order book: bid {self.bids[0].price} reaches ask {self.asks[0].price}; its source is wrong")

    @property
    def mid(self) -> Decimal | None:
        """Halfway between the best bid and the best ask, None while a side is empty."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0].price + self.asks[0].price) / 2

    def facing(self, side: Side) -> tuple[Level, ...]:
        """Return the side of the book that an order of this side takes from, best price first."""
        return self.asks if side is Side.BUY else self.bids


def take(levels: tuple[Level, ...], quantity: Decimal) -> tuple[Level, ...]:
    """Return what a market order of `quantity` takes, one entry a level, best price first; less when it runs dry."""
    taken: list[Level] = []
    for level in levels:
        if quantity <= 0:
            break
        part = min(level.quantity, quantity)
        taken.append(Level(price=level.price, quantity=part))
        quantity -= part
    return tuple(taken)


def synthetic_book(
    *, price: Decimal, rules: SymbolRules, half_spread: Decimal, level_notional: Decimal, levels: int
) -> OrderBook:
    """Return a book around `price`, every rounding against the taker.

    `half_spread` is a fraction of the price (0.0001 = 1 basis point); the distance is at least half a tick, and prices
    are rounded outwards to the tick, so bid and ask are at least one tick apart. Each further level is one more such
    distance away. A level offers `level_notional` in quote units, its quantity floored to the lot step; one that comes
    out as nothing, or a bid at zero or below, is not in the book.
    """
    if price <= 0 or half_spread < 0 or level_notional < 0:
        raise BadConfig(f"order book: price {price}, half spread {half_spread}, level {level_notional}: need positives")
    tick = rules.tick_size if rules.tick_size > 0 else Decimal(1).scaleb(-rules.quote_precision)
    step = rules.step if rules.step > 0 else Decimal(1).scaleb(-rules.base_precision)
    distance = max(price * half_spread, tick / 2)
    ask = _to_tick(price + distance, tick, rounding=ROUND_CEILING)
    bid = _to_tick(price - distance, tick, rounding=ROUND_FLOOR)
    spacing = _to_tick(distance, tick, rounding=ROUND_CEILING)

    def side(best: Decimal, direction: int) -> tuple[Level, ...]:
        prices = [best + direction * position * spacing for position in range(levels)]
        offered = [(at, floor_to_step(level_notional / at, step)) for at in prices if at > 0]
        return tuple(Level(price=at, quantity=quantity) for at, quantity in offered if quantity > ZERO)

    return OrderBook(bids=side(bid, -1), asks=side(ask, 1))


def _to_tick(price: Decimal, tick: Decimal, *, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding=rounding) * tick
