"""Performance: figures of one stream of hourly returns and exposures.

Every figure that a person may act on is printed with its costs and its number of round trips: never trading is no
evidence. Sums are on a fixed notional; only `compounded` reinvests.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trader.core.accounting import Costs, cumulative
from trader.core.klines import BoolArray, FloatArray, interval_ms

YEAR_MS = 8760 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Figures over `klines` settled klines. Fractions: 0.05 = 5 %.

    `sharpe` is annualised by the square root of the klines in a year (8760 for 1h), NaN for a constant stream;
    `hit_rate` is the share of exposed klines with a positive gross return, NaN when never exposed; `turnover` is the
    sum of |change of exposure|; a round trip is a position opened and left (a flip leaves one and opens the next).
    """

    klines: int
    gross: float
    net: float
    compounded: float
    costs: float
    sharpe: float
    max_drawdown: float
    hit_rate: float
    exposed: float
    turnover: float
    round_trips: int


def annual_factor(interval: str) -> float:
    """Return the square root of the number of klines in a year of 8760 hours."""
    return float(np.sqrt(YEAR_MS / interval_ms(interval)))


def deviation(returns: FloatArray) -> float:
    """Return the sample standard deviation; exactly 0 for a constant stream, and for fewer than two returns."""
    # Of a constant stream numpy's deviation is rounding error, not 0, and a ratio to it would be astronomical.
    if len(returns) < 2 or (returns == returns[0]).all():  # noqa: PLR2004 - a deviation needs two
        return 0.0
    return float(returns.std(ddof=1))


def evaluate(
    *, exposure: FloatArray, gross: FloatArray, net: FloatArray, interval: str, scorable: BoolArray | None = None
) -> Performance:
    """Return the figures of a stream of decisions, and what each earned until the next kline's close.

    `exposure` has an element a decision; `gross` and `net` may be one shorter, because the last return is not known
    yet. The position before the first decision counts as flat; one still open at the end is not a round trip. Rows that
    are not `scorable` (filled klines) count for everything but the hit rate.
    """
    held = exposure[: len(net)]
    total = float(cumulative(net)[-1]) if len(net) else 0.0
    total_gross = float(cumulative(gross)[-1]) if len(gross) else 0.0
    spread = deviation(net)
    scored = (held != 0) if scorable is None else (held != 0) & scorable[: len(net)]
    return Performance(
        klines=len(net),
        gross=total_gross,
        net=total,
        compounded=float(np.prod(1.0 + net) - 1.0),
        costs=total_gross - total,
        sharpe=float(net.mean() / spread * annual_factor(interval)) if spread > 0 else float("nan"),
        max_drawdown=max_drawdown(net),
        hit_rate=float((gross[scored] > 0).mean()) if scored.any() else float("nan"),
        exposed=float((held != 0).mean()) if len(held) else 0.0,
        turnover=float(np.abs(np.diff(held, prepend=0.0)).sum()),
        round_trips=round_trips(exposure),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What no model at all would have earned between the same closes.

    `hold` is buying once and keeping the quantity; the other two are in the measure of `net`, sums of returns on a
    fixed notional, less the cost of entering once.
    """

    hold: float
    always_long: float
    always_short: float


def baselines(close: FloatArray, *, costs: Costs) -> Baselines:
    """Return the baselines over closes, oldest first; all 0 for fewer than two."""
    if len(close) < 2:  # noqa: PLR2004 - a return needs two closes
        return Baselines(hold=0.0, always_long=0.0, always_short=0.0)
    moves = float(cumulative(close[1:] / close[:-1] - 1.0)[-1])
    return Baselines(
        hold=float(close[-1] / close[0] - 1.0), always_long=moves - costs.rate, always_short=-moves - costs.rate
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What the execution book did: profit and loss and fees in quote units, orders, and runs that ended off target.

    A run is off target when the position is short of it by more than 1 % of the notional; `off_target` counts those
    by the reason why nothing, or not enough, was sent.
    """

    pnl: float
    fees: float
    orders: int
    incomplete: int
    off_target: Mapping[str, int]


MIN_ROUND_TRIPS = 30


def evidence(trips: int) -> str:
    """Return how much a return after so many round trips says, in words for people; empty when it may say something."""
    return "" if trips >= MIN_ROUND_TRIPS else f"fewer than {MIN_ROUND_TRIPS} round trips: NO EVIDENCE"


def charged(costs: Costs, *, paid: float, turnover: float) -> str:
    """Return the costs in words; what was really charged when the settings were others for a part of the stretch.

    `paid` is gross less net, a fraction of the notional; `turnover` is what it was paid for.
    """
    rate = paid / turnover if turnover else costs.rate
    if math.isclose(rate, costs.rate, abs_tol=1e-6):
        return str(costs)
    return f"charged {rate * 1e4:.1f} bp a side on average; the settings now say {costs}"


def round_trips(exposure: FloatArray) -> int:
    """Return how many positions were opened and left: each time the sign of a held position goes away."""
    sign = np.sign(exposure)
    return int(np.count_nonzero((sign[:-1] != 0) & (sign[1:] != sign[:-1])))


def max_drawdown(returns: FloatArray) -> float:
    """Return the largest fall of the summed returns from an earlier peak (the start counts as 0), 0 or positive."""
    return float(falls(returns).max())


def falls(returns: FloatArray) -> FloatArray:
    """Return how far the summed returns are below their highest so far: at the start (0), and after each return."""
    equity = np.concatenate([[0.0], cumulative(returns)])
    return np.asarray(np.maximum.accumulate(equity) - equity)
