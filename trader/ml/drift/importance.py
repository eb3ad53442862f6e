"""Importance drift: whether two champions that followed one another go by the same columns.

A figure without an alarm. Columns that say nearly the same stand in for each other, so two fits of one recipe to the
same rows with another seed already disagree, and one training sample cannot tell how much two samples would.
"""

from collections.abc import Mapping

import numpy as np

from trader.core.klines import FloatArray
from trader.ml.drift.report import Finding

_FEWEST = 3


def importance_drift(gains: Mapping[str, float], *, before: Mapping[str, float] | None, model_id: str) -> Finding:
    """Return the rank correlation of two models' shares of gain over the columns that both have; None for fewer than 3.

    `before` is that of the champion before, `model_id`; None when there was none, or its trees are gone.
    """
    if before is None:
        return Finding(name="importance", value=None, what="there is no champion before this one to compare with")
    shared = [name for name in gains if name in before]
    if len(shared) < _FEWEST:
        return Finding(name="importance", value=None, what=f"it shares {len(shared)} columns with {model_id}")
    now, then = np.array([[each[name] for name in shared] for each in (gains, before)])
    most = int(np.argmax(np.abs(now - then)))
    return Finding(
        name="importance",
        value=rank_correlation(now, then),
        what=(
            f"rank correlation of gains with {model_id}; {shared[most]} changed most, from {then[most]:.0%} to"
            f" {now[most]:.0%}"
        ),
    )


def rank_correlation(one: FloatArray, other: FloatArray) -> float | None:
    """Return Spearman's rank correlation, ties sharing their mean rank; None where one of them is constant."""
    ranks = [_ranks(each) for each in (one, other)]
    apart = [each - each.mean() for each in ranks]
    scale = float(np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum()))
    return float((apart[0] * apart[1]).sum() / scale) if scale > 0 else None


def _ranks(values: FloatArray) -> FloatArray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])
