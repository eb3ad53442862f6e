"""The history that strategies are searched and scored on: everything that no trial changes, computed once.

A row is a kline, the columns are what is known at its close, except `labels` and `moves`, which look ahead and which
nothing that decides may read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trader.core.errors import BadData
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.klines import BoolArray, FloatArray, IntArray, Klines
from trader.core.labels import directions, moves, next_returns, scorable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """`features` is (klines, columns), everything else has an element a kline.

    `labels` are 1.0, 0.0, or NaN where a row may not be trained on; `moves` are the returns they are about and
    `returns` those over the next kline, NaN at the end. Rows before `first_warm` have not had a full warm-up.
    """

    interval: str
    open_time: IntArray
    close: FloatArray
    names: tuple[str, ...]
    features: FloatArray
    horizon: int
    labels: FloatArray
    moves: FloatArray
    returns: FloatArray
    volatility: FloatArray
    volume_ratio: FloatArray
    filled: BoolArray
    scorable: BoolArray
    first_warm: int

    def __len__(self) -> int:
        return len(self.open_time)


def build_history(klines: Klines, *, names: Sequence[str], horizon: int = 1) -> History:
    """Return the history of gap-filled klines. Raises BadData when they are too few for a single warm row."""
    if len(klines) < WARM_UP:
        raise BadData(
            f"{len(klines)} klines are too few: {WARM_UP} are needed before the first decision; ingest more history"
        )
    filters = compute_indicators(klines, FILTER_INDICATORS)
    return History(
        interval=klines.interval,
        open_time=klines.open_time,
        close=klines.close,
        names=tuple(names),
        features=np.ascontiguousarray(compute_indicators(klines, names)),
        horizon=horizon,
        labels=directions(klines, horizon=horizon),
        moves=moves(klines, horizon=horizon),
        returns=next_returns(klines),
        volatility=np.ascontiguousarray(filters[:, 0]),
        volume_ratio=np.ascontiguousarray(filters[:, 1]),
        filled=klines.filled,
        scorable=scorable(klines),
        first_warm=WARM_UP - 1,
    )
