"""Looks: every statistic at the end of each UTC day, over the rows of the days before; for one day or many years."""

from dataclasses import dataclass

import numpy as np

from trader.core.klines import BoolArray, FloatArray, IntArray
from trader.ml.drift.distance import Counts, count_days, kolmogorov_smirnov, stability_index
from trader.ml.drift.limits import widening
from trader.ml.drift.outcomes import daily_pairs, earned, label_rate, lags_of, relation
from trader.ml.drift.paths import FEWEST_DAYS, windows
from trader.ml.drift.reference import Counted, Reference
from trader.ml.drift.sample import Rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks:
    """An element a look, at the end of each day but for the first six; `ks` and `psi` are (looks, columns).

    `rows` were served, `own` of them decided by the model itself, which `prediction`, `relation` and `performance` are
    about. `wide` and `own_wide` are by how much the limits of distances are wider than those of a full window.
    """

    day: IntArray
    rows: FloatArray
    own: FloatArray
    wide: FloatArray
    own_wide: FloatArray
    ks: FloatArray
    psi: FloatArray
    prediction: FloatArray
    rate: FloatArray
    relation: FloatArray
    performance: FloatArray

    def __len__(self) -> int:
        return len(self.day)


def look_daily(reference: Reference, rows: Rows) -> Looks:
    """Return a look a day at served rows; none for fewer than seven days."""
    window, slots = reference.window_days, reference.slots
    seen = _window_counts(reference.features, rows, rows.features, window=window)
    known = ~np.isnan(rows.p_up)
    asked = _window_counts(reference.prediction, rows, rows.p_up[:, np.newaxis], window=window, known=known)
    pairs = windows(daily_pairs(rows, slots=slots)[np.newaxis], window=window)[0]
    labelled = windows(_labels_alone(rows, slots=slots)[np.newaxis], window=window)[0]
    gross = windows(rows.by_day(np.where(known, rows.gross, 0.0))[np.newaxis], window=window)[0]
    own = asked[:, 0, -1].astype(np.float64)
    count = seen[:, 0, -1].astype(np.float64)
    full = float(window * slots)
    return Looks(
        day=rows.first_day + np.arange(FEWEST_DAYS - 1, rows.days),
        rows=count,
        own=own,
        wide=widening(count, full=full, sample=reference.rows),
        own_wide=widening(own, full=full, sample=reference.rows),
        ks=kolmogorov_smirnov(seen, _sample(reference.features)).astype(np.float64),
        psi=stability_index(seen, _sample(reference.features)).astype(np.float64),
        prediction=kolmogorov_smirnov(asked, _sample(reference.prediction))[:, 0].astype(np.float64),
        rate=label_rate(labelled),
        relation=relation(pairs, lags=lags_of(reference.horizon, slots=slots)),
        performance=earned(gross),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alarms:
    """Which statistics are beyond their limits, an element a look; `features` is (looks, columns)."""

    features: BoolArray
    prediction: BoolArray
    label_rate: BoolArray
    relation: BoolArray
    performance: BoolArray

    @property
    def any(self) -> BoolArray:
        """Whether anything is."""
        return self.features.any(axis=1) | self.prediction | self.label_rate | self.relation | self.performance


def alarms_at(reference: Reference, looks: Looks) -> Alarms:
    """Return the alarms of looks; where fewer than seven days of rows were served there are none."""
    limits, outcomes = reference.features.limits, reference.outcomes
    fewest = FEWEST_DAYS * reference.slots
    enough, own_enough = looks.rows >= fewest, looks.own >= fewest
    wide = looks.wide[:, np.newaxis]
    beyond = (looks.ks > np.array(limits.ks) * wide) | (looks.psi > np.array(limits.psi) * wide**2)
    return Alarms(
        features=beyond & enough[:, np.newaxis],
        prediction=(looks.prediction > reference.prediction.limits.ks[0] * looks.own_wide) & own_enough,
        label_rate=(np.abs(looks.rate - reference.label_rate) > outcomes.label_rate * looks.wide) & enough,
        relation=(looks.relation < outcomes.relation) & own_enough,
        performance=(looks.performance < outcomes.performance) & own_enough,
    )


def _window_counts(
    counted: Counted, rows: Rows, columns: FloatArray, *, window: int, known: BoolArray | None = None
) -> Counts:
    """Return the counts of the windows that end with each day, (looks, columns, bins)."""
    chosen = slice(None) if known is None else known
    days = count_days(columns[chosen], edges=np.array(counted.edges), days=rows.day[chosen], number=rows.days)
    running = np.concatenate([np.zeros_like(days[:1]), np.cumsum(days, axis=0, dtype=np.float32)])
    ends = np.arange(FEWEST_DAYS, rows.days + 1)
    return np.asarray(running[ends] - running[np.maximum(ends - window, 0)])


def _labels_alone(rows: Rows, *, slots: int) -> FloatArray:
    """Return daily sums over all labels, whoever was asked."""
    labels = rows.by_hour(rows.labels, slots=slots)
    known = ~np.isnan(labels)
    return np.stack([known.sum(axis=1, dtype=np.float64)] * 2 + [np.nansum(labels, axis=1)] * 2, axis=-1)


def _sample(counted: Counted) -> Counts:
    return np.array(counted.counts, dtype=np.float32)
