"""What came of the predictions: the label rate, the relation of p(up) to what came, and what the positions earned.

The relation asks one-sidedly: does p(up) say the opposite of what comes? Its statistic is the window's sum of
(p - mean p)(y - mean y), in units of its own deviation over days. The null is a model *without skill*: the expectation
of that sum is 0 or more. Labels that look `horizon` klines ahead overlap, so days that follow one another are
correlated: the deviation takes that in with Bartlett's weights (Newey and West 1987). A model that
was good and has become worthless is within the null; it costs nothing but fees, which the retraining trigger sees.

Performance asks the same of money: are the positions worse than coins, before costs? The sum of daily gross returns in
units of the root of the sum of their squares; under the null (daily returns of positions that know nothing) such a
self-normalised sum has thin tails however fat those of the returns are (de la Peña, Lai and Shao 2009).
"""

import numpy as np

from trader.core.klines import FloatArray
from trader.ml.drift.sample import Rows

Sums = FloatArray
"""(..., days, 4): of each day, over rows with p(up) and label: their number, and the sums of p, y and p * y."""


def pair_sums(p_up: FloatArray, labels: FloatArray) -> Sums:
    """Return the sums over the last axis of hourly p(up) and labels of equal shape; NaN is no row."""
    known = ~(np.isnan(p_up) | np.isnan(labels))
    p, y = np.where(known, p_up, 0.0), np.where(known, labels, 0.0)
    return np.stack([known.sum(axis=-1, dtype=np.float64), p.sum(axis=-1), y.sum(axis=-1), (p * y).sum(axis=-1)], -1)


def daily_pairs(rows: Rows, *, slots: int) -> Sums:
    """Return the sums of each day, (days, 4)."""
    return pair_sums(rows.by_hour(rows.p_up, slots=slots), rows.by_hour(rows.labels, slots=slots))


def lags_of(horizon: int, *, slots: int) -> int:
    """Return over how many days an overlap of labels reaches."""
    return 0 if horizon <= 1 else -(-(horizon - 1) // slots)


def relation(sums: Sums, *, lags: int) -> FloatArray:
    """Return the statistic of windows of daily sums, (..., days, 4) -> (...); about 0 without skill."""
    total = sums.sum(axis=-2)
    count = np.maximum(total[..., :1], 1.0)
    p_mean, y_mean = total[..., 1:2] / count, total[..., 2:3] / count
    daily = sums[..., 3] - p_mean * sums[..., 2] - y_mean * sums[..., 1] + p_mean * y_mean * sums[..., 0]
    own = (daily**2).sum(axis=-1)
    variance = own.copy()
    for lag in range(1, lags + 1):
        weight = 2.0 * (1.0 - lag / (lags + 1))
        variance += weight * (daily[..., lag:] * daily[..., :-lag]).sum(axis=-1)
    # Few days can make the sum of the lags anything; half of what independent days had is believed at least.
    return in_deviations(daily.sum(axis=-1), variance=np.maximum(variance, own / 2))


def earned(daily_gross: FloatArray) -> FloatArray:
    """Return the statistic of windows of daily gross returns, (..., days) -> (...); 0 where nothing was held."""
    return in_deviations(daily_gross.sum(axis=-1), variance=(daily_gross**2).sum(axis=-1))


def in_deviations(total: FloatArray, *, variance: FloatArray) -> FloatArray:
    """Return a sum in units of its deviation, 0 where that is 0."""
    deviation = np.sqrt(variance)
    return np.divide(total, deviation, out=np.zeros_like(total), where=deviation > 0)


def label_rate(sums: Sums) -> FloatArray:
    """Return the share of labels that are 1 in windows of daily sums, (..., days, 4) -> (...); 0 if empty."""
    total = sums.sum(axis=-2)
    return np.asarray(total[..., 2] / np.maximum(total[..., 0], 1.0))
