"""How many trials a search really was: what its selected stream has to be deflated by, and whether it overfits.

A sampler that closes in on something tries nearly the same recipe again and again; a hundred of those are not a
hundred chances of luck. Trials are clustered by the correlation of their daily net returns, after López de Prado &
Lewis (2019), "Detection of false investment strategies using unsupervised learning methods": the distance is
sqrt((1 - correlation) / 2), and the number of clusters the one with the highest mean silhouette. Theirs is k-means from
random starts; this is average linkage, which has none. Without clusters worth the name every trial counts.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from trader.core.errors import BadData
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.overfitting import BLOCKS, Overfitting, backtest_overfitting
from trader.core.klines import FloatArray, IntArray
from trader.ml.study import Study, Trial, TrialState

MIN_SILHOUETTE = 0.25
"""Below this there is no structure to speak of (Kaufman & Rousseeuw 1990). Random recipes that share nothing but the
market reach 0.24, as one heap and a few outliers, and unrelated streams 0.02."""
_LUCK = 0.02
"""A silhouette higher by no more than this is no reason for fewer clusters: two unrelated trials are never quite so."""
SAME = 0.99
"""Trials whose daily returns correlate by more than this are one and the same."""


def trials_info(study: Study) -> TrialsInfo | None:
    """Return what the deflated Sharpe ratio has to know of a study; None when no completed trial has ever moved.

    Pruned trials were chances, too: they count among the raw ones, and the effective number is scaled up as if they
    were as alike as the completed ones. Failed trials, and those that never traded, could not have been selected. The
    variance is that of completed trials alone, so a pruner makes it look smaller than it was.
    """
    tried = [trial for trial in completed(study) if trial.sharpe is not None and np.ptp(trial.daily) > 0]
    if not tried:
        return None
    labels = clusters(_matrix(tried))
    raw = len(tried) + study.count(TrialState.PRUNED)
    return TrialsInfo(
        raw=raw,
        effective=(int(labels.max()) + 1) * raw / len(tried),
        sharpe_variance=sharpe_variance(np.array([trial.sharpe for trial in tried], dtype=np.float64), labels=labels),
    )


def overfitting_of(study: Study, *, blocks: int = BLOCKS) -> Overfitting | None:
    """Return the probability of overfitting over the trials that could win; None for fewer than two, or too few days.

    One that hardly trades cannot win, and beside trials that lose to their costs its zeros would look like an edge.
    """
    tried = [trial for trial in completed(study) if trial.is_evidence]
    try:
        return backtest_overfitting(_matrix(tried), blocks=blocks) if tried else None
    except BadData:
        return None


def completed(study: Study) -> list[Trial]:
    """Return the trials that were scored on the whole span."""
    return [trial for trial in study.trials if trial.state is TrialState.COMPLETE]


def clusters(returns: FloatArray) -> IntArray:
    """Return the cluster of each trial, numbered from 0, from returns (rows, trials), none of them constant."""
    if returns.shape[1] == 1:
        return np.zeros(1, dtype=np.int64)
    distance = np.sqrt(np.clip(1.0 - np.corrcoef(returns, rowvar=False), 0.0, 2.0) / 2.0)
    np.fill_diagonal(distance, 0.0)
    best, highest = np.arange(returns.shape[1]), MIN_SILHOUETTE - _LUCK
    for labels, joined_at in average_linkage(distance):
        value = silhouette(distance, labels)
        if joined_at <= np.sqrt((1.0 - SAME) / 2.0):
            best, highest = labels, max(value, MIN_SILHOUETTE - _LUCK)
        elif value > highest + _LUCK:
            best, highest = labels, value
    return best


def average_linkage(distance: FloatArray) -> Iterator[tuple[IntArray, float]]:
    """Yield the clusters after each merger of the two nearest, and the mean distance at which those were joined.

    Sokal & Michener (1958). Of equal distances the first in the order of the trials goes first.
    """
    apart = distance.copy()
    np.fill_diagonal(apart, np.inf)
    labels, sizes = np.arange(len(apart)), np.ones(len(apart))
    for _ in range(len(apart) - 1):
        one, other = sorted(divmod(int(apart.argmin()), len(apart)))
        joined_at = float(apart[one, other])
        mean = (sizes[one] * apart[one] + sizes[other] * apart[other]) / (sizes[one] + sizes[other])
        apart[one], apart[:, one] = mean, mean
        apart[other], apart[:, other], apart[one, one] = np.inf, np.inf, np.inf
        sizes[one] += sizes[other]
        labels = np.where(labels == other, one, labels)
        yield np.unique(labels, return_inverse=True)[1], joined_at


def silhouette(distance: FloatArray, labels: IntArray) -> float:
    """Return the mean silhouette (Rousseeuw 1987): how much nearer its own cluster is to a trial than the next one.

    A trial alone in its cluster has 0, and so has everything when there is one cluster.
    """
    members = np.equal.outer(np.arange(labels.max() + 1), labels).astype(np.float64)
    sizes = members.sum(axis=1)
    if len(sizes) == 1:
        return 0.0
    sums = distance @ members.T
    own = np.arange(len(labels)), labels
    inside = sums[own] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[own] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(inside, outside)
    alone = (sizes[labels] == 1) | (widest == 0)
    return float(np.where(alone, 0.0, (outside - inside) / np.where(alone, 1.0, widest)).mean())


def sharpe_variance(sharpes: FloatArray, *, labels: IntArray) -> float:
    """Return the variance of Sharpe ratios when each cluster counts once, however many trials it has.

    It is that of the clusters' means plus the mean of that within clusters. The variance over all trials would shrink
    with every repetition of the same recipe, and that between clusters alone is unknown for a single one.
    """
    groups = [sharpes[labels == number] for number in range(int(labels.max()) + 1)]
    means = [float(group.mean()) for group in groups]
    between = float(np.var(means, ddof=1)) if len(means) > 1 else 0.0
    return between + float(np.mean([group.var() for group in groups]))


def _matrix(trials: Sequence[Trial]) -> FloatArray:
    return np.array([trial.daily for trial in trials], dtype=np.float64).T
