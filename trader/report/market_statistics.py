"""What klines say about themselves: coverage, returns, volatility, autocorrelation, profiles of the hour and the day.

Numbers only, nothing is drawn here. Every return used is between two klines that the exchange really published: a
filled row is neither the start nor the end of one. Returns are fractions per interval.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trader.core.accounting import Costs
from trader.core.klines import FloatArray, Gap, IntArray, Klines, from_ms
from trader.core.labels import directions, next_returns, scorable
from trader.core.performance import annual_factor

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
NORMAL_95 = 1.959964
"""Half the width of a normal 95 % interval, in standard errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many klines there are; `zero_volume` are published ones without a trade; `gaps` the longest first."""

    klines: int
    real: int
    filled: int
    zero_volume: int
    gaps: tuple[Gap, ...]


def coverage(klines: Klines) -> Coverage:
    """Count gap-filled klines; equally long gaps are in order of time."""
    edges = np.diff(klines.filled.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    gaps = [Gap(start=from_ms(klines.open_time[a]), count=int(b - a)) for a, b in zip(starts, ends, strict=True)]
    filled = int(klines.filled.sum())
    return Coverage(
        klines=len(klines),
        real=len(klines) - filled,
        filled=filled,
        zero_volume=int(((klines.volume == 0) & ~klines.filled).sum()),
        gaps=tuple(sorted(gaps, key=lambda gap: (-gap.count, gap.start))),
    )


def monthly_coverage(klines: Klines) -> tuple[IntArray, FloatArray, IntArray]:
    """Return the years, the share of klines present and the number missing, each year a row of 12 months.

    Only the hours between the first and the last kline count; the share of a month outside is NaN.
    """
    months = klines.open_time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    first_year = 1970 + int(months[0]) // 12
    years = np.arange(first_year, 1970 + int(months[-1]) // 12 + 1)
    position = months - (first_year - 1970) * 12
    cells = len(years) * 12
    expected = np.bincount(position, minlength=cells)
    missing = np.bincount(position, weights=klines.filled, minlength=cells).astype(np.int64)
    share = np.full(cells, np.nan)
    np.divide(expected - missing, expected, out=share, where=expected > 0)
    return years, share.reshape(-1, 12), missing.reshape(-1, 12)


def own_returns(klines: Klines) -> FloatArray:
    """Return what each kline's close made on the one before; NaN where either is filled and for the first one."""
    ahead = np.where(scorable(klines), next_returns(klines), np.nan)
    return np.concatenate([np.full(min(1, len(ahead)), np.nan), ahead[:-1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The distribution of returns; skew and excess kurtosis are 0 for a normal one, NaN for a constant."""

    count: int
    mean: float
    deviation: float
    skew: float
    excess_kurtosis: float
    smallest: float
    largest: float
    quantiles: tuple[float, ...]


def moments(returns: FloatArray) -> Moments:
    """Describe the finite returns, of which there has to be one; population moments."""
    known = returns[np.isfinite(returns)]
    centred = known - known.mean()
    deviation = float(np.sqrt(np.mean(centred**2)))
    return Moments(
        count=len(known),
        mean=float(known.mean()),
        deviation=deviation,
        skew=float(np.mean(centred**3)) / deviation**3 if deviation else float("nan"),
        excess_kurtosis=float(np.mean(centred**4)) / deviation**4 - 3.0 if deviation else float("nan"),
        smallest=float(known.min()),
        largest=float(known.max()),
        quantiles=tuple(float(value) for value in np.quantile(known, QUANTILES)),
    )


def rolling_volatility(returns: FloatArray, *, window: int, interval: str) -> FloatArray:
    """Return the annualised deviation of the last `window` returns, NaN where more than a tenth of them is unknown."""
    deviation = pd.Series(returns).rolling(window, min_periods=max(2, window * 9 // 10)).std()
    return np.asarray(deviation.to_numpy(dtype=np.float64)) * annual_factor(interval)


def autocorrelation(values: FloatArray, *, lags: int) -> FloatArray:
    """Return the autocorrelation at lags 1 to `lags`; pairs with an unknown value are left out."""
    known = np.isfinite(values)
    centred = np.where(known, values - values[known].mean(), 0.0)
    total = float(centred @ centred)
    if total == 0:
        return np.full(lags, np.nan)
    return np.array([centred[lag:] @ centred[:-lag] for lag in range(1, lags + 1)]) / total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """Mean, standard error of the mean and count in each group; NaN in an empty group."""

    mean: FloatArray
    error: FloatArray
    count: IntArray


def profile(values: FloatArray, groups: IntArray, *, size: int) -> Profile:
    """Return the profile of the finite values over groups 0 to size - 1."""
    known = np.isfinite(values)
    groups, values = groups[known], values[known]
    count = np.bincount(groups, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(groups, weights=values, minlength=size) / count
        spread = np.bincount(groups, weights=(values - mean[groups]) ** 2, minlength=size)
        error = np.sqrt(spread / (count - 1) / count)
    return Profile(mean=mean, error=np.where(count > 1, error, np.nan), count=count)


def hours_of_day(open_time: IntArray) -> IntArray:
    """Return the UTC hour, 0 to 23, in which each kline opened."""
    return open_time % DAY_MS // HOUR_MS


def days_of_week(open_time: IntArray) -> IntArray:
    """Return the UTC day of the week, Monday 0 to Sunday 6, on which each kline opened."""
    return (open_time // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday


def noun(interval: str) -> str:
    """Return what a kline of this interval is called in a sentence."""
    return "hour" if interval == "1h" else f"{interval} kline"


def years(open_time: IntArray) -> IntArray:
    """Return the UTC year in which each kline opened."""
    return open_time.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One year's labels: how many, the share that rose with its 95 % interval, and the size of the moves.

    `beyond_costs` is the share of hours whose absolute return exceeds what a position of one hour costs.
    """

    year: int
    count: int
    base_rate: float
    low: float
    high: float
    mean_move: float
    median_move: float
    beyond_costs: float


def by_year(klines: Klines, *, costs: Costs) -> list[Year]:
    """Return each year that has labels, and last the whole as year 0; nothing when there is no label."""
    labels, ahead, year = directions(klines), next_returns(klines), years(klines.open_time)
    known = np.isfinite(labels)
    rows = [(int(value), known & (year == value)) for value in np.unique(year[known])]
    groups = [*rows, (0, known)] if rows else []
    return [_year(labels[group], ahead[group], year=value, costs=costs) for value, group in groups]


def _year(labels: FloatArray, ahead: FloatArray, *, year: int, costs: Costs) -> Year:
    move = np.abs(ahead)
    low, high = wilson(labels.sum(), len(labels))
    return Year(
        year=year,
        count=len(labels),
        base_rate=float(labels.mean()),
        low=float(low),
        high=float(high),
        mean_move=float(move.mean()),
        median_move=float(np.median(move)),
        beyond_costs=float((move > 2 * costs.rate).mean()),
    )


def wilson(successes: FloatArray | float, count: IntArray | int) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's 95 % interval of a share of independent trials; the count is positive."""
    share, z = np.asarray(successes) / count, NORMAL_95
    centre = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * np.asarray(count, dtype=np.float64) ** 2))
    low, high = (centre - half) / (1 + z**2 / count), (centre + half) / (1 + z**2 / count)
    return np.minimum(low, share), np.maximum(high, share)  # at 0 and 1 the last digit may fall on the wrong side


def break_even_hit_rate(*, mean_move: float, costs: Costs) -> float:
    """Return the share of right hours at which a position turned round every hour pays its costs; above 1 none does.

    A flip costs twice the rate, and being right is taken to be as likely in large moves as in small ones.
    """
    return 0.5 + costs.rate / mean_move if mean_move > 0 else float("inf")
