"""Datasets: the rows a model is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trader.core.errors import BadData
from trader.core.indicators import WARM_UP, compute_indicators
from trader.core.klines import FloatArray, Klines, digest
from trader.core.labels import directions

MIN_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Features (rows, columns) and labels (rows), made from klines `first` to `last`; `klines_digest` is over those."""

    features: FloatArray
    labels: FloatArray
    first: datetime
    last: datetime
    klines_digest: str


def build_dataset(klines: Klines, *, names: Sequence[str], rows: int) -> Dataset:
    """Return the newest `rows` klines that have a full warm-up and a label that is known within `klines`.

    Rows whose own or next kline is filled are left out, so there may be fewer. Raises BadData when fewer than 200 are
    left or all labels are the same.
    """
    wanted = klines[-(rows + 1 + WARM_UP - 1) :]
    if len(wanted) < WARM_UP + MIN_ROWS:
        raise BadData(
            f"{len(wanted)} klines are too few to train on: {WARM_UP} of warm-up and {MIN_ROWS} rows are needed;"
            " ingest more history or wait"
        )
    features = compute_indicators(wanted, names)[WARM_UP - 1 :]
    labels = directions(wanted)[WARM_UP - 1 :]
    usable = ~np.isnan(labels)
    features, labels = np.ascontiguousarray(features[usable]), labels[usable]
    if len(labels) < MIN_ROWS:
        raise BadData(f"only {len(labels)} rows are real klines with a known next close; {MIN_ROWS} are needed")
    if not 0 < labels.mean() < 1:
        raise BadData(f"every one of {len(labels)} labels is {labels[0]:g}; there is nothing to learn from one class")
    return Dataset(features=features, labels=labels, first=wanted.first, last=wanted.last, klines_digest=digest(wanted))
