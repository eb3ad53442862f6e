"""Do the probabilities mean what they say? Brier score, log loss, ranking, and a reliability table."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trader.core.klines import FloatArray

BINS = 10
_LEAST = 1e-15
_Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows with similar probabilities: how many, what was said on average, what came, with its 95 % Wilson interval."""

    count: int
    mean_p: float
    rate: float
    rate_low: float
    rate_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How p(up) and what came agree, over `rows` that were asked and scored.

    `brier` is the mean squared error; `brier_skill` its share below that of always saying `base_rate` (0: no better,
    None when only one class came). `log_loss` in nats, probabilities kept 1e-15 away from 0 and 1. `auc` is the chance
    that an hour that went up got a higher probability than one that did not (None when only one class came).
    `reliability` has bins of about equal count, lowest probability first.
    """

    rows: int
    base_rate: float
    brier: float
    brier_skill: float | None
    log_loss: float
    auc: float | None
    reliability: tuple[Bin, ...]


def calibrate(p_up: FloatArray, labels: FloatArray, *, bins: int = BINS) -> Calibration | None:
    """Return how probabilities and labels (1 up, 0 not up) agree where neither is NaN; None without such rows."""
    known = np.isfinite(p_up) & np.isfinite(labels)
    if not known.any():
        return None
    p, came = p_up[known], labels[known]
    base = float(came.mean())
    brier = float(np.mean((p - came) ** 2))
    clipped = np.clip(p, _LEAST, 1.0 - _LEAST)
    return Calibration(
        rows=len(p),
        base_rate=base,
        brier=brier,
        brier_skill=1.0 - brier / (base * (1.0 - base)) if 0 < base < 1 else None,
        log_loss=-float(np.mean(np.where(came == 1, np.log(clipped), np.log1p(-clipped)))),
        auc=_auc(p, came),
        reliability=_reliability(p, came, bins=bins),
    )


def wilson(successes: float, count: float, *, z: float = _Z95) -> tuple[float, float]:
    """Return Wilson's score interval of a rate (1927), 95 % by default; it stays within 0 and 1."""
    rate, weight = successes / count, z**2 / count
    centre = (rate + weight / 2) / (1 + weight)
    half = z * math.sqrt(rate * (1 - rate) / count + weight / (4 * count)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def _auc(p: FloatArray, came: FloatArray) -> float | None:
    """Return the area under the ROC curve by Mann and Whitney's rank sum, ties counting half."""
    ups = int(came.sum())
    downs = len(came) - ups
    if not ups or not downs:
        return None
    _, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][came == 1].sum() - ups * (ups + 1) / 2) / (ups * downs))


def _reliability(p: FloatArray, came: FloatArray, *, bins: int) -> tuple[Bin, ...]:
    """Return bins of about equal count; equal probabilities are never parted, so there may be fewer."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, p, side="left")
    return tuple(_bin(p[place == each], came[place == each]) for each in np.unique(place))


def _bin(p: FloatArray, came: FloatArray) -> Bin:
    low, high = wilson(float(came.sum()), len(came))
    return Bin(count=len(p), mean_p=float(p.mean()), rate=float(came.mean()), rate_low=low, rate_high=high)
