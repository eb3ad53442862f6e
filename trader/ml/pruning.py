"""Pruning: giving up a trial whose first folds are too bad for the rest to matter.

A rule sees scores in the order of the folds and trials that have completed before, nothing else: how many workers there
are, and how fast, changes nothing. Only trials with enough round trips are compared with: a rule that never trades has
a score of 0 all along, and would have everything pruned that loses at first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, median

import numpy as np

from trader.core.klines import FloatArray
from trader.ml.study import Trial


class Pruner(StrEnum):
    """When a trial is given up."""

    NONE = "none"
    MEDIAN = "median"
    """its sum so far is below the median of what the others had after as many folds"""
    WILCOXON = "wilcoxon"
    """fold by fold it is worse than the best one so far, by a signed-rank test at 10 %"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningRule:
    """A pruner; it looks at a trial after `warm_up_folds` and every few after it, once `warm_up_trials` can compare."""

    kind: Pruner = Pruner.NONE
    warm_up_trials: int = 5
    warm_up_folds: int = 6


_EVERY = 3
_SIGNIFICANCE = 0.1


def is_looked_at(rule: PruningRule, done: int) -> bool:
    """Tell whether a trial with so many folds done may be pruned."""
    after = done - max(1, rule.warm_up_folds)
    return rule.kind is not Pruner.NONE and after >= 0 and after % _EVERY == 0


def is_hopeless(rule: PruningRule, *, scores: Sequence[float], finished: Sequence[Trial]) -> bool:
    """Tell whether a trial with these scores of its first folds is given up, given the trials before it."""
    done = len(scores)
    others = [trial for trial in finished if trial.is_evidence]
    if rule.kind is Pruner.NONE or len(others) < max(1, rule.warm_up_trials):
        return False
    if rule.kind is Pruner.MEDIAN:
        return math.fsum(scores) < median(math.fsum(trial.fold_scores[:done]) for trial in others)
    best = max(others, key=lambda trial: math.fsum(trial.fold_scores))
    lag = np.array(scores) - np.array(best.fold_scores[:done])
    return signed_rank(lag) < _SIGNIFICANCE and float(lag.mean()) < 0


def signed_rank(differences: FloatArray) -> float:
    """Return the one-sided p-value that differences are centred at 0 or above, small when they are mostly below.

    Wilcoxon's signed-rank test (1945) in its normal approximation; zeros count half for each side, ties share ranks.
    """
    count = len(differences)
    _, place, sizes = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[place]
    above = float(ranks[differences > 0].sum() + ranks[differences == 0].sum() / 2)
    spread = math.sqrt(float(np.square(ranks).sum())) / 2
    return NormalDist().cdf((above - count * (count + 1) / 4) / spread) if spread else 0.5
