"""The metrics of one stream: return, risk, and what the round trips brought.

Sums are on a fixed notional, as in the paper book; only `compounded` and `cagr` reinvest. Ratios use hourly net
returns, annualised by the square root of the klines in a year of 8760 hours.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trader.core.accounting import cumulative
from trader.core.evaluation.stream import Stream
from trader.core.evaluation.trips import trip_returns
from trader.core.evaluation.undefined import defined
from trader.core.klines import FloatArray, from_ms, interval_ms
from trader.core.performance import annual_factor, deviation, evaluate, evidence, falls


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """The largest fall of the summed net returns from an earlier peak (the start counts as one), 0 or positive.

    Times are closes: `peak` the last one before the fall, `trough` its lowest point, `recovery` the first one back at
    the peak. All None without a fall; `recovery` also when the peak was not reached again.
    """

    depth: float
    peak: datetime | None
    trough: datetime | None
    recovery: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures over `klines` rows; fractions (0.05 = 5 %), None where undefined.

    `cagr` is `compounded` per year of 8760 hours (None when all was lost, or absurdly large over a few hours).
    `volatility` is the annual sample deviation of net returns (None for one row). `sharpe`, `sortino` (against the root
    mean square of losses, counted over all rows) and `calmar` (net sum a year over the largest drawdown, both on the
    fixed notional) are None where their denominator is 0. `hit_rate`: share of exposed, scorable rows with a positive
    gross return. `turnover`: sum of |change of exposure| from flat. `exposed`: share of rows not flat;
    `mean_exposure`: mean of |exposure|. Of completed round trips, net of their own costs: `profit_factor` is gains over
    losses (None without a loss), `expectancy` the mean (None without a trip), `winners` the share above 0.
    """

    klines: int
    gross: float
    net: float
    costs: float
    compounded: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown
    hit_rate: float | None
    turnover: float
    exposed: float
    mean_exposure: float
    round_trips: int
    profit_factor: float | None
    expectancy: float | None
    winners: float | None
    best_hour: float | None
    worst_hour: float | None
    evidence: str


def measure(stream: Stream) -> Metrics:
    """Return the metrics of a stream; the position before its first row counts as flat."""
    net, interval = stream.net, stream.interval
    base = evaluate(exposure=stream.exposure, gross=stream.gross, net=net, interval=interval, scorable=stream.scorable)
    years = len(stream) / annual_factor(interval) ** 2
    drawdown = find_drawdown(stream)
    trips = trip_returns(stream)
    return Metrics(
        klines=base.klines,
        gross=base.gross,
        net=base.net,
        costs=base.costs,
        compounded=base.compounded,
        cagr=yearly(base.compounded, years=years),
        volatility=deviation(net) * annual_factor(interval) if len(net) > 1 else None,
        sharpe=defined(base.sharpe),
        sortino=defined(sortino(net) * annual_factor(interval)),
        calmar=base.net / years / drawdown.depth if drawdown.depth > 0 else None,
        drawdown=drawdown,
        hit_rate=defined(base.hit_rate),
        turnover=base.turnover,
        exposed=base.exposed,
        mean_exposure=float(np.abs(stream.exposure).mean()) if len(stream) else 0.0,
        round_trips=base.round_trips,
        profit_factor=defined(profit_factor(trips)),
        expectancy=float(trips.mean()) if len(trips) else None,
        winners=float((trips > 0).mean()) if len(trips) else None,
        best_hour=float(net.max()) if len(net) else None,
        worst_hour=float(net.min()) if len(net) else None,
        evidence=evidence(base.round_trips),
    )


def yearly(compounded: float, *, years: float) -> float | None:
    """Return the growth rate per year; None for no time, a total loss, or more than a float holds."""
    if years <= 0 or compounded <= -1:
        return None
    try:
        return math.expm1(math.log1p(compounded) / years)
    except OverflowError:
        return None


def sortino(returns: FloatArray) -> float:
    """Return the mean over the root mean square of the losses, per kline; NaN when nothing was lost."""
    downside = math.sqrt(np.square(np.minimum(returns, 0.0)).mean()) if len(returns) else 0.0
    return float(returns.mean()) / downside if downside > 0 else math.nan


def profit_factor(trips: FloatArray) -> float:
    """Return the gains of winning trips over the losses of losing ones; NaN when none lost."""
    lost = -float(trips[trips < 0].sum())
    return float(trips[trips > 0].sum()) / lost if lost > 0 else math.nan


def find_drawdown(stream: Stream) -> Drawdown:
    """Return the largest fall and when it happened; of two equal ones the first."""
    fallen = falls(stream.net)
    depth = float(fallen.max())
    if depth <= 0:
        return Drawdown(depth=0.0, peak=None, trough=None, recovery=None)
    trough = int(fallen.argmax())
    peak = int(np.flatnonzero(fallen[:trough] == 0)[-1])
    equity = np.concatenate([[0.0], cumulative(stream.net)])
    back = np.flatnonzero(equity[trough:] >= equity[peak])
    step = interval_ms(stream.interval)
    # The start is the close of the first kline; a row's return is known one kline after its own close.
    closes = np.concatenate([stream.open_time[:1] + step, stream.open_time + 2 * step])
    return Drawdown(
        depth=depth,
        peak=from_ms(closes[peak]),
        trough=from_ms(closes[trough]),
        recovery=from_ms(closes[trough + int(back[0])]) if len(back) else None,
    )
