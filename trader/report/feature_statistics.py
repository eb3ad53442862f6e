"""How much one feature alone says about the next hour: deciles, area under the curve, correlation, and by year.

Numbers only. Everything rests on ranks or plain sums, so that a reader can check it; nothing is fitted. The noise bands
take hours to be independent, which flatters: features overlap, and ten features over nine years are ninety looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trader.core.indicators import compute_indicators, feature_names
from trader.core.klines import BoolArray, FloatArray, IntArray, Klines
from trader.core.labels import directions, next_returns
from trader.report.market_statistics import NORMAL_95, wilson, years

MIN_YEAR = 500
"""Labels a year needs to have an AUC of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The hours that count: every feature known, label known. `names` are the columns of `features`."""

    names: tuple[str, ...]
    features: FloatArray
    labels: FloatArray
    returns: FloatArray
    year: IntArray

    def __len__(self) -> int:
        return len(self.labels)


def labelled_rows(klines: Klines, *, preset: str) -> Rows:
    """Return the rows of gap-filled klines that a model could be trained on."""
    names = feature_names(preset)
    features = compute_indicators(klines, names)
    labels = directions(klines)
    kept: BoolArray = np.isfinite(labels) & np.isfinite(features).all(axis=1)
    return Rows(
        names=names,
        features=features[kept],
        labels=labels[kept],
        returns=next_returns(klines)[kept],
        year=years(klines.open_time)[kept],
    )


def mean_ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 1; equal values share the mean of their ranks."""
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return ((last - (count - 1) / 2.0)[inverse]).astype(np.float64)


def auc(feature: FloatArray, labels: FloatArray) -> float:
    """Return the chance that a rising hour has the higher feature; ties count half, NaN with one class only."""
    rises = float(labels.sum())
    falls = len(labels) - rises
    if not rises or not falls:
        return float("nan")
    ranks = float(mean_ranks(feature)[labels == 1].sum())
    return (ranks - rises * (rises + 1) / 2) / (rises * falls)


def auc_noise(labels: FloatArray) -> float:
    """Return the half-width around 0.5 in which 95 % of AUCs of a meaningless feature lie; NaN with one class only."""
    rises = float(labels.sum())
    falls = len(labels) - rises
    if not rises or not falls:
        return float("nan")
    return float(NORMAL_95 * np.sqrt((len(labels) + 1) / (12 * rises * falls)))


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Return Pearson's correlation, NaN when either is constant."""
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deciles:
    """The share of rising hours in tenths of a feature, lowest first, with Wilson's 95 % interval.

    `number` counts from 1; a tenth that ties leave empty is missing. `smallest` and `largest` are feature values.
    """

    number: IntArray
    smallest: FloatArray
    largest: FloatArray
    count: IntArray
    share: FloatArray
    low: FloatArray
    high: FloatArray


def deciles(feature: FloatArray, labels: FloatArray) -> Deciles:
    """Cut the feature into tenths by rank; equal values are never torn apart."""
    tenth = ((mean_ranks(feature) - 0.5) * 10 // len(feature)).astype(np.int64)
    count = np.bincount(tenth, minlength=10)
    kept = np.flatnonzero(count)
    rises = np.bincount(tenth, weights=labels, minlength=10)[kept].astype(np.float64)
    low, high = wilson(rises, count[kept])
    return Deciles(
        number=kept + 1,
        smallest=np.array([feature[tenth == n].min() for n in kept]),
        largest=np.array([feature[tenth == n].max() for n in kept]),
        count=count[kept],
        share=rises / count[kept],
        low=low,
        high=high,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One feature and the next hour. `noise` and the years' are half-widths around an AUC of 0.5."""

    name: str
    auc: float
    noise: float
    correlation: float
    by_year: Mapping[int, tuple[float, float]]

    @property
    def same_side(self) -> int:
        """How many years have their AUC on the side of 0.5 that the whole has."""
        return sum((value - 0.5) * (self.auc - 0.5) > 0 for value, _ in self.by_year.values())


def relate(rows: Rows) -> list[Relation]:
    """Return the relation of every feature, in the order of the columns; years below MIN_YEAR labels are left out."""
    counted = [
        int(year) for year, count in zip(*np.unique(rows.year, return_counts=True), strict=True) if count >= MIN_YEAR
    ]
    noise = auc_noise(rows.labels)
    relations = []
    for name, feature in zip(rows.names, rows.features.T, strict=True):
        parts = {year: (feature[rows.year == year], rows.labels[rows.year == year]) for year in counted}
        relations.append(
            Relation(
                name=name,
                auc=auc(feature, rows.labels),
                noise=noise,
                correlation=correlation(feature, rows.returns),
                by_year={year: (auc(part, labels), auc_noise(labels)) for year, (part, labels) in parts.items()},
            )
        )
    return relations
