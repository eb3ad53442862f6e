"""Limits that give a stated number of false alarms a year, by simulation from the training sample itself.

On each simulated path a year is looked at daily, as live, against a *training sample of its own*, dealt out anew like
the path: the real one is but one sample, too. The allowance is divided among the detectors (`SHARES`); the features
share theirs: each statistic is taken in units of its own 99 % quantile, PSI by its root because it is a square, and
the largest of all is what is limited.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from trader.core.klines import FloatArray
from trader.ml.drift.distance import Counts, kolmogorov_smirnov, stability_index
from trader.ml.drift.outcomes import earned, label_rate, lags_of, pair_sums, relation
from trader.ml.drift.paths import FEWEST_DAYS, block_days, draw_days, limit_for, path_length, windows
from trader.ml.drift.sample import Rows

SHARES: Mapping[str, float] = {
    "features": 0.40,
    "prediction": 0.15,
    "label rate": 0.10,
    "relation": 0.25,
    "performance": 0.10,
}
"""Each detector's part of the false alarms of all of them together."""

_CAUTION = {"features": 0.35, "prediction": 0.35, "label rate": 0.35}
"""What limits aim at, as a part of their share: blocks lose what lasts longer than they do, so windows of dealt out
days differ less than real ones. Measured on processes that are not dealt out (docs/drift.md). What is in units of its
own deviation does not need it."""

YEARS = 400
"""Simulated years where all columns are counted; less takes less, and has the time for more."""

_MORE = 3
_AT_ONCE = 20
_COMMON = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How windows are looked at (days), and how many false alarms a year all detectors may give."""

    window: int
    false_alarms_per_year: float

    def of(self, detector: str) -> float:
        """Return the rate that the limits of a detector aim at."""
        return self.false_alarms_per_year * SHARES[detector] * _CAUTION.get(detector, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of KS and PSI, an element a column, for a full window; 0 where a column never moves.

    `psi` is empty where KS alone is looked at.
    """

    ks: tuple[float, ...]
    psi: tuple[float, ...] = ()


def widening(rows: FloatArray, *, full: float, sample: float) -> FloatArray:
    """Return by how much a distance from a sample is larger over fewer rows than a full window has.

    The variance of a difference of means is 1/n + 1/m times something; PSI, a square, widens by the square.
    """
    return np.asarray(np.sqrt((1.0 / np.maximum(rows, 1.0) + 1.0 / sample) / (1.0 / full + 1.0 / sample)))


def feature_limits(counts: Counts, *, budget: Budget, slots: int, seed: int) -> Limits:
    """Return the limits of columns counted by day, (days, columns, BINS), that together keep the features' share."""
    ks, psi = _shared(
        _simulated(counts, years=YEARS, window=budget.window, slots=slots, seed=seed), budget.of("features")
    )
    return Limits(ks=ks, psi=tuple(each**2 for each in psi))


def prediction_limits(counts: Counts, *, budget: Budget, slots: int, seed: int) -> Limits:
    """Return the limit of KS of p(up) counted by day, (days, 1, BINS)."""
    found = _simulated(counts, years=YEARS * _MORE, window=budget.window, slots=slots, seed=seed)
    return Limits(ks=_shared(found[:, :, :1], budget.of("prediction"))[0])


def _shared(levels: Counts, rate: float) -> list[tuple[float, ...]]:
    """Return limits of (paths, looks, statistics, columns) that the largest of all passes at this rate."""
    common = np.quantile(levels.reshape(-1, *levels.shape[2:]), _COMMON, axis=0)
    ratios = levels / np.where(common > 0, common, np.inf)
    factor = limit_for(ratios.max(axis=(-1, -2)), rate=rate)
    return [tuple(map(float, each)) for each in common * factor]


def _simulated(counts: Counts, *, years: int, window: int, slots: int, seed: int) -> Counts:
    rng = default_rng(seed)
    return np.concatenate(
        [_distances(counts, paths=each, window=window, slots=slots, rng=rng) for each in _chunks(years)]
    )


def _chunks(years: int) -> list[int]:
    return [_AT_ONCE] * (years // _AT_ONCE)


def _distances(counts: Counts, *, paths: int, window: int, slots: int, rng: Generator) -> Counts:
    """Return KS and the root of PSI in the measure of a full window, (paths, looks, 2, columns)."""
    days = len(counts)
    sample = _samples(counts, paths=paths, rng=rng)
    running = np.zeros((paths, path_length() + 1, *counts.shape[1:]), dtype=np.float32)
    np.cumsum(counts[draw_days(days=days, paths=paths, length=path_length(), rng=rng)], axis=1, out=running[:, 1:])
    ends = np.arange(FEWEST_DAYS, path_length() + 1)
    seen = running[:, ends] - running[:, np.maximum(ends - window, 0)]
    wide = widening(seen[..., -1], full=window * slots, sample=float(counts[:, 0, -1].sum())).astype(np.float32)
    ks = kolmogorov_smirnov(seen, sample[:, np.newaxis]) / wide
    psi = stability_index(seen, sample[:, np.newaxis])
    return np.stack([ks, np.sqrt(psi) / wide], axis=2)


def _samples(counts: Counts, *, paths: int, rng: Generator) -> Counts:
    """Return the counts of a training sample for each path, of as many blocks as the real one has."""
    days, block = len(counts), block_days(len(counts))
    around = np.concatenate([np.zeros_like(counts[:1]), np.cumsum(np.concatenate([counts, counts[:block]]), axis=0)])
    blocks = around[block : block + days] - around[:days]
    drawn = rng.integers(0, days, size=(paths, round(days / block)))
    return np.stack([blocks[each].sum(axis=0) for each in drawn])


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeLimits:
    """Limits on outcomes: how far the label rate may be off, and below what the two statistics alarm (negative)."""

    label_rate: float
    relation: float
    performance: float


def outcome_limits(
    rows: Rows, *, moves: FloatArray, budget: Budget, horizon: int, slots: int, seed: int
) -> OutcomeLimits:
    """Return the limits from a training sample; `moves` are the market's returns over the next kline of each row.

    Probabilities and labels are dealt out apart from each other: so they keep their habits, and know nothing.
    """
    rng = default_rng(seed)
    p, y = rows.by_hour(rows.p_up, slots=slots), rows.by_hour(rows.labels, slots=slots)
    market = rows.by_day(np.nan_to_num(moves))
    lags = lags_of(horizon, slots=slots)
    found = [
        _outcomes(p, y, market=market, budget=budget, lags=lags, paths=paths, rng=rng)
        for paths in _chunks(YEARS * _MORE)
    ]
    off, related, gained = np.concatenate(found, axis=1)
    return OutcomeLimits(
        label_rate=limit_for(off, rate=budget.of("label rate")),
        relation=-limit_for(-related, rate=budget.of("relation")),
        performance=-limit_for(-gained, rate=budget.of("performance")),
    )


def _outcomes(
    p_up: FloatArray,
    labels: FloatArray,
    *,
    market: FloatArray,
    budget: Budget,
    lags: int,
    paths: int,
    rng: Generator,
) -> FloatArray:
    """Return three statistics at each look, (3, paths, looks), from tables of (days, slots)."""
    days, slots = labels.shape
    drawn, apart = (draw_days(days=days, paths=paths, length=path_length(), rng=rng) for _ in range(2))
    seen = windows(pair_sums(p_up[apart], labels[drawn]), window=budget.window)
    pairs = pair_sums(labels, labels)
    own = label_rate(pairs[draw_days(days=days, paths=paths, length=days, rng=rng)])
    wide = widening(seen[..., 0].sum(axis=-1), full=budget.window * slots, sample=float(pairs[:, 0].sum()))
    sides = rng.choice((-1.0, 1.0), size=drawn.shape)
    gained = earned(windows(market[drawn] * sides, window=budget.window))
    return np.stack([np.abs(label_rate(seen) - own[:, np.newaxis]) / wide, relation(seen, lags=lags), gained])
