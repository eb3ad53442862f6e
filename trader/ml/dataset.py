"""Datasets: the rows a model is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trader.core.errors import BadData
from trader.core.indicators import WARM_UP, compute_indicators
from trader.core.klines import FloatArray, Klines, digest
from trader.core.labels import directions, moves

MIN_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Features (rows, columns) and labels (rows), made from klines `first` to `last`; `klines_digest` is over those.

    `moves` are the returns that the labels are the signs of.
    """

    features: FloatArray
    labels: FloatArray
    moves: FloatArray
    first: datetime
    last: datetime
    klines_digest: str


def build_dataset(klines: Klines, *, names: Sequence[str], rows: int, horizon: int = 1) -> Dataset:
    """Return the newest `rows` klines that have a full warm-up and a label that is known within `klines`.

    The label of a row is about the close `horizon` klines later. Rows that meet a filled kline until then are left out,
    so there may be fewer. Raises BadData when fewer than 200 are left or all labels are the same.
    """
    wanted = klines[-(rows + horizon + WARM_UP - 1) :]
    if len(wanted) < WARM_UP + MIN_ROWS:
        raise BadData(
            f"{len(wanted)} klines are too few to train on: {WARM_UP} of warm-up and {MIN_ROWS} rows are needed;"
            " ingest more history or wait"
        )
    features = compute_indicators(wanted, names)[WARM_UP - 1 :]
    labels = directions(wanted, horizon=horizon)[WARM_UP - 1 :]
    usable = ~np.isnan(labels)
    features, labels = np.ascontiguousarray(features[usable]), labels[usable]
    returns = moves(wanted, horizon=horizon)[WARM_UP - 1 :][usable]
    check_labels(labels)
    return Dataset(
        features=features,
        labels=labels,
        moves=returns,
        first=wanted.first,
        last=wanted.last,
        klines_digest=digest(wanted),
    )


def check_labels(labels: FloatArray) -> None:
    """Raise BadData when there are too few labels to learn from, or all are the same."""
    if len(labels) < MIN_ROWS:
        raise BadData(f"only {len(labels)} rows are real klines with a known next close; {MIN_ROWS} are needed")
    if not 0 < labels.mean() < 1:
        raise BadData(f"every one of {len(labels)} labels is {labels[0]:g}; there is nothing to learn from one class")


_CLIP_QUANTILE = 0.99


def weights_of(moves: FloatArray) -> FloatArray:
    """Return weights in proportion to the size of each return, those beyond the 99th percentile cut, of mean 1."""
    sizes = np.abs(moves)
    sizes = np.minimum(sizes, np.quantile(sizes, _CLIP_QUANTILE))
    mean = float(sizes.mean())
    return np.asarray(sizes / mean if mean > 0 else np.ones(len(sizes)))
