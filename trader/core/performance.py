"""Performance: figures of one stream of hourly returns and exposures.

Every figure that a person may act on is printed with its costs and its number of round trips: never trading is no
evidence. Sums are on a fixed notional; only `compounded` reinvests.
"""

from dataclasses import dataclass

import numpy as np

from trader.core.klines import FloatArray, interval_ms

YEAR_MS = 8760 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Figures over `hours` settled klines. Fractions: 0.05 = 5 %.

    `sharpe` is annualised by the square root of the klines in a year (8760 for 1h), NaN for a constant stream;
    `hit_rate` is the share of exposed klines with a positive gross return, NaN when never exposed; `turnover` is the
    sum of |change of exposure|; a round trip is a position opened and left (a flip leaves one and opens the next).
    """

    hours: int
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


def evaluate(*, exposure: FloatArray, gross: FloatArray, net: FloatArray, interval: str) -> Performance:
    """Return the figures of returns settled for each kline, with the exposure that was held over it.

    The position before the first kline counts as flat; one still open at the end is not a round trip.
    """
    total = float(np.cumsum(net)[-1]) if len(net) else 0.0
    total_gross = float(np.cumsum(gross)[-1]) if len(gross) else 0.0
    # Of a constant stream numpy's deviation is rounding error, not 0, and the ratio would be astronomical.
    deviation = float(net.std(ddof=1)) if len(net) > 1 and (net != net[0]).any() else 0.0
    exposed = exposure != 0
    changes = np.abs(np.diff(exposure, prepend=0.0))
    return Performance(
        hours=len(net),
        gross=total_gross,
        net=total,
        compounded=float(np.prod(1.0 + net) - 1.0),
        costs=total_gross - total,
        sharpe=float(net.mean() / deviation * annual_factor(interval)) if deviation > 0 else float("nan"),
        max_drawdown=max_drawdown(net),
        hit_rate=float((gross[exposed] > 0).mean()) if exposed.any() else float("nan"),
        exposed=float(exposed.mean()) if len(exposed) else 0.0,
        turnover=float(changes.sum()),
        round_trips=round_trips(exposure),
    )


def round_trips(exposure: FloatArray) -> int:
    """Return how many positions were opened and left: each time the sign of a held position goes away."""
    sign = np.sign(exposure)
    return int(np.count_nonzero((sign[:-1] != 0) & (sign[1:] != sign[:-1])))


def max_drawdown(returns: FloatArray) -> float:
    """Return the largest fall of the summed returns from an earlier peak (the start counts as 0), 0 or positive."""
    if not len(returns):
        return 0.0
    equity = np.concatenate([[0.0], np.cumsum(returns)])
    return float((np.maximum.accumulate(equity) - equity).max())
