"""Two distances between a served window and the training sample, both from counts in the sample's quantile bins.

*PSI*, the population stability index, over the sample's tenths: the sum of (p - q) ln(p / q), which is Kullback and
Leibler's divergence taken both ways (Siddiqi 2006, Credit Risk Scorecards; Yurdakul 2018 for its distribution). Half a
row is added to each bin, so that an empty one is not infinitely far away. *KS*, Kolmogorov and Smirnov's two-sample
distance: the largest difference of the two distribution functions, here at the edges of fifty bins, which misses at
most what lies inside one bin.

The customary rule "PSI above 0.2" and the textbook p-value of KS are for independent rows. Hourly indicators are not:
thirty days of them hold perhaps thirty independent values. So neither is used; `limits.py` makes limits.
"""

import numpy as np
import numpy.typing as npt

from trader.core.klines import FloatArray, IntArray

BINS = 50
TENTHS = 10
_STEP = BINS // TENTHS

Counts = npt.NDArray[np.float32]
"""Cumulative counts (..., columns, BINS): how many rows are in a bin or a lower one. Whole numbers far below 2^24."""


def edges_of(rows: FloatArray) -> FloatArray:
    """Return the inner edges of the bins of each column: (rows, columns) -> (columns, BINS - 1), ascending.

    Where many values are equal, edges coincide, and the bins between them stay empty in every sample alike.
    """
    return np.ascontiguousarray(np.quantile(rows, np.linspace(0.0, 1.0, BINS + 1)[1:-1], axis=0).T)


def count_days(rows: FloatArray, *, edges: FloatArray, days: IntArray, number: int) -> Counts:
    """Return cumulative counts a day, (number, columns, BINS); `days` has the day of each row, from 0 on."""
    counts = np.empty((number, len(edges), BINS), dtype=np.float32)
    for column, inner in enumerate(edges):
        place = np.searchsorted(inner, rows[:, column]) + BINS * days
        counts[:, column] = np.bincount(place, minlength=number * BINS).reshape(number, BINS)
    return np.cumsum(counts, axis=-1, dtype=np.float32)


def kolmogorov_smirnov(served: Counts, sample: Counts) -> Counts:
    """Return KS of cumulative counts (..., columns, BINS) against a sample's that broadcast: (..., columns)."""
    apart = _shares(served)
    apart -= _shares(sample)
    np.abs(apart, out=apart)
    return np.asarray(apart.max(axis=-1))


def stability_index(served: Counts, sample: Counts) -> Counts:
    """Return PSI of cumulative counts (..., columns, BINS) against a sample's that broadcast: (..., columns)."""
    p, q = _smoothed(served), _smoothed(sample)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def _shares(counts: Counts) -> Counts:
    return np.asarray(counts / np.maximum(counts[..., -1:], 1.0))


def _smoothed(counts: Counts) -> Counts:
    tenths = np.diff(counts[..., _STEP - 1 :: _STEP], axis=-1, prepend=np.float32(0.0))
    return np.asarray((tenths + np.float32(0.5)) / (counts[..., -1:] + np.float32(TENTHS / 2)), dtype=np.float32)
