"""How much of a Sharpe ratio is luck: of a short record, and of having picked the best of many.

Sharpe ratios here are per kline, not annual, and kurtosis is 3 for a normal law. Sources, both by Bailey & López de
Prado: "The Sharpe ratio efficient frontier" (2012) for the probabilistic Sharpe ratio and the minimum track-record
length; "The deflated Sharpe ratio" (2014) for the expected maximum and the deflated ratio. They allow for skew and fat
tails but take returns as independent.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trader.core.errors import BadData
from trader.core.klines import FloatArray
from trader.core.performance import deviation

CONFIDENCE = 0.95
_NORMAL = NormalDist()
_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What the ratios need of `klines` returns: Sharpe ratio per kline, skewness, kurtosis (3 for a normal law)."""

    klines: int
    sharpe: float
    skewness: float
    kurtosis: float

    @property
    def spread(self) -> float:
        """The variance of the estimated Sharpe ratio, times klines - 1; 1 for a normal law without an edge."""
        return 1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsInfo:
    """The search behind a selected stream.

    `raw` counts its trials, `effective` how many independent ones they amount to (clustered), and `sharpe_variance` is
    the variance of their Sharpe ratios per kline. Raises BadData for fewer than one trial or a negative variance.
    """

    raw: int
    effective: float
    sharpe_variance: float

    def __post_init__(self) -> None:
        if self.raw < 1 or not self.effective >= 1 or not self.sharpe_variance >= 0:
            raise BadData(f"{self} cannot be: trials are at least 1, a variance at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflated:
    """The chance that the selected stream's true Sharpe ratio is above 0 although it is the best of many trials.

    `expected_best` is the Sharpe ratio per kline that the best of so many worthless trials would show; `probability` is
    the deflated Sharpe ratio. Both once for the effective number of trials, once for the raw one.
    """

    trials: TrialsInfo
    expected_best: float
    probability: float | None
    raw_expected_best: float
    raw_probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """How far one record speaks for itself; None for a constant stream.

    `probability` is the chance that its true Sharpe ratio is above 0 (the probabilistic Sharpe ratio); `needed` how
    many klines a record of this ratio must have before that is `confidence` (None at or below 0: no length would do).
    `deflated` is given when the stream was selected in a search.
    """

    moments: Moments | None
    probability: float | None
    needed: float | None
    confidence: float
    deflated: Deflated | None


def assess(net: FloatArray, *, trials: TrialsInfo | None = None, confidence: float = CONFIDENCE) -> Luck:
    """Return how much of a stream of net returns may be luck."""
    found = moments(net)
    if found is None:
        return Luck(moments=None, probability=None, needed=None, confidence=confidence, deflated=None)
    return Luck(
        moments=found,
        probability=probabilistic_sharpe(found),
        needed=minimum_track_record(found, confidence=confidence),
        confidence=confidence,
        deflated=None if trials is None else deflate(found, trials=trials),
    )


def moments(returns: FloatArray) -> Moments | None:
    """Return the moments of returns; None when they are constant or fewer than two."""
    spread = deviation(returns)
    if spread == 0:
        return None
    apart = returns - returns.mean()
    variance = float(np.mean(apart**2))
    return Moments(
        klines=len(returns),
        sharpe=float(returns.mean()) / spread,
        skewness=float(np.mean(apart**3)) / variance**1.5,
        kurtosis=float(np.mean(apart**4)) / variance**2,
    )


def probabilistic_sharpe(found: Moments, *, benchmark: float = 0.0) -> float | None:
    """Return the probability that the true Sharpe ratio is above `benchmark` (per kline); None without a spread."""
    if found.spread <= 0:
        return None
    return _NORMAL.cdf((found.sharpe - benchmark) * math.sqrt((found.klines - 1) / found.spread))


def minimum_track_record(found: Moments, *, benchmark: float = 0.0, confidence: float = CONFIDENCE) -> float | None:
    """Return how many klines such a record needs to be above `benchmark` with confidence; None when it is not above."""
    if found.sharpe <= benchmark:
        return None
    return 1.0 + found.spread * (_NORMAL.inv_cdf(confidence) / (found.sharpe - benchmark)) ** 2


def expected_best_sharpe(*, trials: float, variance: float) -> float:
    """Return the Sharpe ratio to expect of the best of `trials` independent worthless ones; 0 for one trial."""
    if trials <= 1:
        return 0.0
    best = (1 - _EULER) * _NORMAL.inv_cdf(1 - 1 / trials) + _EULER * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    # The approximation is for many trials; below about 1.4 it falls under the 0 of a single one.
    return max(0.0, math.sqrt(variance) * best)


def deflate(found: Moments, *, trials: TrialsInfo) -> Deflated:
    """Return the deflated Sharpe ratio of the stream that was selected from `trials`."""
    best = expected_best_sharpe(trials=trials.effective, variance=trials.sharpe_variance)
    raw_best = expected_best_sharpe(trials=trials.raw, variance=trials.sharpe_variance)
    return Deflated(
        trials=trials,
        expected_best=best,
        probability=probabilistic_sharpe(found, benchmark=best),
        raw_expected_best=raw_best,
        raw_probability=probabilistic_sharpe(found, benchmark=raw_best),
    )
