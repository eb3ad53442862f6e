"""Why the two books differ: what the paper book earned and the execution book did not, by cause.

In quote units, over the hour from one run to the next, with the position that each book held meanwhile:

    rebalancing  a fixed notional is rebalanced every hour on paper, the quantity that was ordered is not
    unfilled     the execution position is not what was wanted
    basis        an order's venue had another price on arrival than the market's close
    shortfall    the fills were worse than the price on arrival (Perold 1988, implementation shortfall)
    fees         commissions beyond the costs that the paper book charges

The five sum to the difference of the two equities, but for dust: a commission taken in the base asset is valued at its
fill's price and leaves the position at the close.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.journal import RunRecord
from trader.core.orders import ZERO, Side, as_decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Paper less execution equity by cause, in quote units; positive where the paper book is better off.

    Both books have paid for the orders of the newest run.
    """

    rebalancing: float = 0.0
    unfilled: float = 0.0
    basis: float = 0.0
    shortfall: float = 0.0
    fees: float = 0.0

    @property
    def total(self) -> float:
        """The difference of the two equities, but for dust."""
        return self.rebalancing + self.unfilled + self.basis + self.shortfall + self.fees


def costs_of_orders(record: RunRecord) -> tuple[Decimal, Decimal]:
    """Return basis and shortfall of a run's own orders in quote units, positive where they cost.

    Both are 0 for a run without a close. An order without a price on arrival puts everything into the shortfall.
    """
    if record.inputs is None:
        return ZERO, ZERO
    close, basis, shortfall = as_decimal(record.inputs.price), ZERO, ZERO
    for leg in record.legs:
        price = leg.report.average_price if leg.report else None
        if leg.report is None or price is None:
            continue
        signed = leg.report.executed if leg.intent.side is Side.BUY else -leg.report.executed
        arrival = close if leg.intent.arrival_price is None else leg.intent.arrival_price
        basis += signed * (arrival - close)
        shortfall += signed * (price - arrival)
    return basis, shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Both books after a run, as far as the difference needs them. Prices, costs and fees in quote units.

    `gross` and `net` are the paper book's sums as fractions of the notional, `fees` the execution book's so far;
    `basis` and `shortfall` belong to the run's own orders. `owed` is what the paper book charges for the run's own
    change of exposure, with the kline that follows: the execution book has paid for it already. `notional` is what the
    fractions of the hours after the run are of, in quote units; it may be another one in the next run.
    """

    notional: float
    close: float
    gross: float
    net: float
    target: float
    position: float
    fees: float
    basis: float
    shortfall: float
    owed: float = 0.0


def decompose(before: Held | None, after: Held) -> Decomposition:
    """Return what the hours between two runs, and the orders of the second one, add to each cause."""
    if before is None:
        charged = (after.gross - after.net + after.owed) * after.notional
        return Decomposition(basis=after.basis, shortfall=after.shortfall, fees=after.fees - charged)
    move = after.close - before.close
    settled = (after.gross - before.gross) - (after.net - before.net) - before.owed
    return Decomposition(
        rebalancing=(after.gross - before.gross) * before.notional - before.target * move,
        unfilled=(before.target - before.position) * move,
        basis=after.basis,
        shortfall=after.shortfall,
        fees=after.fees - before.fees - settled * before.notional - after.owed * after.notional,
    )
