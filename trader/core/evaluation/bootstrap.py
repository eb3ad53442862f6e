"""The stationary block bootstrap: how far a sum of hourly returns might have come out otherwise.

Politis & Romano (1994): a resample is made of blocks of the stream, taken from a circle, whose lengths are geometric;
so what depends on its neighbours (a position held for days, a wild week) stays together. It says nothing about regimes
that the stream has not seen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from trader.core.errors import BadConfig, BadData
from trader.core.klines import FloatArray, IntArray
from trader.core.performance import annual_factor, deviation

DRAWS = 1000
LEVEL = 0.90
SHORTEST_BLOCK = 24
"""Klines; for hourly ones a day, because hours of a day are not alike. See `block_length`."""
_CHUNK_BLOCKS = 500_000
_QUIET_LAGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """The middle `level` of the resampled values: so much lies between `low` and `high`."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Bootstrap intervals of one stream; `block` is the mean block length in klines.

    `sharpe` is annual, None for a constant stream. `loss_share` is the share of resamples whose net sum is not above 0.
    """

    draws: int
    block: float
    net: ConfidenceInterval
    sharpe: ConfidenceInterval | None
    loss_share: float


def uncertainty(
    net: FloatArray,
    *,
    interval: str,
    seed: int,
    draws: int = DRAWS,
    block: float | None = None,
    level: float = LEVEL,
) -> Uncertainty:
    """Return intervals for the net sum and the annual Sharpe ratio of net returns, per `block` or `block_length`."""
    length = block_length(net) if block is None else block
    centre = float(net.mean()) if len(net) else 0.0
    sums, squares = resampled_sums(np.stack([net, (net - centre) ** 2]), draws=draws, block=length, seed=seed)
    sharpe = None
    if deviation(net) > 0:
        ratios = _sharpes(sums, squares=squares, centre=centre, rows=len(net))
        sharpe = _middle(ratios * annual_factor(interval), level=level)
    return Uncertainty(
        draws=draws,
        block=float(length),
        net=_middle(sums, level=level),
        sharpe=sharpe,
        loss_share=float((sums <= 0).mean()),
    )


def paired_lower_bound(
    a_net: FloatArray,
    b_net: FloatArray,
    *,
    seed: int,
    confidence: float = 0.95,
    draws: int = DRAWS,
    block: float | None = None,
) -> float:
    """Return what the sum of `a_net` exceeds the sum of `b_net` by, with the given one-sided confidence.

    Both are net returns of the same hours: their difference is resampled, so what moves both alike cancels out.
    Raises BadData for different lengths or fewer than two hours.
    """
    if a_net.shape != b_net.shape:
        raise BadData(f"paired streams need the same hours, but they have {len(a_net)} and {len(b_net)}")
    _check_share("confidence", confidence)
    apart = a_net - b_net
    length = block_length(apart) if block is None else block
    sums = resampled_sums(apart[np.newaxis], draws=draws, block=length, seed=seed)[0]
    return float(np.quantile(sums, 1.0 - confidence))


def resampled_sums(columns: FloatArray, *, draws: int, block: float, seed: int) -> FloatArray:
    """Return the sums of every resample: (columns, rows) -> (columns, draws); columns are resampled together.

    Blocks are never copied out: a block's sum is a difference of running sums.
    Raises BadConfig for a block shorter than 1 or no draws, BadData for fewer than two rows or values not finite.
    """
    rows = columns.shape[1]
    if block < 1 or draws < 1:
        raise BadConfig(f"bootstrap: block length {block} and draws {draws} must be at least 1")
    if rows < 2 or not np.isfinite(columns).all():  # noqa: PLR2004 - one row has nothing to be mixed with
        raise BadData(f"bootstrap: {rows} rows, at least 2 are needed, all of them finite")
    running = np.zeros((len(columns), 2 * rows + 1))
    np.cumsum(np.tile(columns, 2), axis=1, out=running[:, 1:])
    rng, sums = default_rng(seed), []
    for count in _chunks(draws, blocks=rows / block + 1):
        begins = _block_begins(rows=rows, draws=count, block=block, rng=rng)
        lengths = np.diff(np.append(begins, rows * count))
        sources = rng.integers(0, rows, size=len(begins))
        firsts, ends = np.searchsorted(begins, np.arange(count) * rows), sources + lengths
        sums.append([np.add.reduceat(column[ends] - column[sources], firsts) for column in running])
    return np.concatenate(sums, axis=1)


def _chunks(draws: int, *, blocks: float) -> Iterator[int]:
    """Yield how many draws to make at once, so that memory does not grow with them."""
    at_once = max(1, int(_CHUNK_BLOCKS / blocks))
    for done in range(0, draws, at_once):
        yield min(at_once, draws - done)


def _block_begins(*, rows: int, draws: int, block: float, rng: Generator) -> IntArray:
    """Return where blocks begin in `draws` resamples laid end to end.

    Geometric lengths have no memory, so cutting one at the end of a resample changes nothing in the next.
    """
    total = rows * draws
    expected = total / block
    begins = np.cumsum(rng.geometric(1.0 / block, size=int(expected + 6 * math.sqrt(expected) + 10)))
    while begins[-1] < total:
        begins = np.concatenate([begins, begins[-1] + np.cumsum(rng.geometric(1.0 / block, size=1000))])
    begins = begins[: np.searchsorted(begins, total)]
    starts = np.arange(draws, dtype=np.int64) * rows
    places = np.searchsorted(begins, starts)
    missing = np.append(begins, total)[places] != starts
    return np.insert(begins, places[missing], starts[missing])


def block_length(returns: FloatArray) -> float:
    """Return the mean block length that suits returns: the automatic choice, between a day of hours and a third of all.

    Politis & White (2004), corrected by Patton, Politis & White (2009), minimises the error of the variance of the
    mean. It sees autocorrelation only; the lower bound is for what it cannot see.
    """
    rows = len(returns)
    longest = max(1.0, min(3.0 * math.sqrt(rows), rows / 3))
    if deviation(returns) == 0:
        return min(float(SHORTEST_BLOCK), longest)
    correlation = _autocovariances(returns)
    correlation = correlation / correlation[0]
    lags = np.arange(len(correlation))
    last = min(2 * _last_correlated(correlation, rows=rows), len(correlation) - 1)
    window = np.clip(2.0 * (1.0 - lags / max(last, 1)), 0.0, 1.0)
    spectrum = correlation[0] + 2.0 * (window * correlation)[1:].sum()
    slope = 2.0 * (window * lags * correlation).sum()
    # At a spectrum of 0 the formula has no value: returns that take themselves back need no longer blocks.
    best = (slope**2 / spectrum**2 * rows) ** (1 / 3) if spectrum > 0 else 0.0
    return float(min(max(best, SHORTEST_BLOCK), longest))


def _autocovariances(returns: FloatArray) -> FloatArray:
    """Return autocovariances at lags 0, 1, ..., as many as the automatic choice looks at."""
    rows = len(returns)
    apart = returns - returns.mean()
    lags = min(math.ceil(math.sqrt(rows)) + _QUIET_LAGS, rows - 1)
    return np.array([apart[: rows - lag] @ apart[lag:] for lag in range(lags + 1)]) / rows


def _last_correlated(correlation: FloatArray, *, rows: int) -> int:
    """Return the lag after which a whole run of lags is insignificant, the largest one when there is no such run."""
    insignificant = np.abs(correlation[1:]) < 2.0 * math.sqrt(math.log10(rows) / rows)
    for lag in range(len(insignificant) - _QUIET_LAGS + 1):
        if insignificant[lag : lag + _QUIET_LAGS].all():
            return max(lag, 1)
    return len(insignificant)


def _sharpes(sums: FloatArray, *, squares: FloatArray, centre: float, rows: int) -> FloatArray:
    """Return each resample's Sharpe ratio per kline, from sums and sums of squares around the stream's mean.

    A resample without any movement earned nothing for no risk: 0.
    """
    variance = (squares - (sums - centre * rows) ** 2 / rows) / (rows - 1)
    moved = variance > 1e-12 * squares.max() / rows
    ratios = np.zeros(len(sums))
    np.divide(sums / rows, np.sqrt(np.where(moved, variance, 1.0)), out=ratios, where=moved)
    return ratios


def _middle(values: FloatArray, *, level: float) -> ConfidenceInterval:
    _check_share("level", level)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return ConfidenceInterval(low=float(low), high=float(high), level=level)


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise BadConfig(f"bootstrap: {name} {value} must lie between 0 and 1")
