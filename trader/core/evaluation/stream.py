"""The stream that is evaluated: what a strategy held, hour after hour, and what it earned.

Row i is the decision at the close of kline `open_time[i]`: from then until the next close `exposure[i]` is held. The
row is named by the kline that was decided on, so a return belongs to the month of that kline's opening. Rows are
usually adjacent; between two stretches that were joined there may be a hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from trader.core.errors import BadData
from trader.core.klines import BoolArray, FloatArray, IntArray, from_ms, interval_ms, to_ms

_NEVER_MISSING = ("close", "exposure", "gross", "net")
_OPTIONAL = ("next_close", "p_up", "labels")
_COLUMNS = ("open_time", *_NEVER_MISSING, "scorable", *_OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Columns of equal length, ascending and unique in open time (ms); slices share memory.

    `gross` and `net` are what the row earned until the next close, as fractions of the notional, before and after
    costs. `scorable` is False where the own or the next kline is filled. `next_close` is the close that ends the row;
    without it that is the next row's close, and of a row without a neighbour what its gross return says. `p_up` is NaN
    where the model was not asked, `labels` are 1 up, 0 not up, NaN not scored.
    Raises BadData when lengths differ, times do not ascend, or a price, an exposure or a return is not finite.
    """

    interval: str
    open_time: IntArray
    close: FloatArray
    exposure: FloatArray
    gross: FloatArray
    net: FloatArray
    scorable: BoolArray
    next_close: FloatArray | None = None
    p_up: FloatArray | None = None
    labels: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            column = getattr(self, name)
            if column is not None and column.shape != (len(self),):
                raise BadData(f"stream: {name} has shape {column.shape}, but there are {len(self)} open times")
        for name in _NEVER_MISSING:
            unknown = ~np.isfinite(getattr(self, name))
            if unknown.any():
                row = from_ms(self.open_time[unknown][0])
                raise BadData(f"stream: {name} is not known at {row:%Y-%m-%d %H:%M} UTC; leave unsettled hours out")
        if (np.diff(self.open_time) < interval_ms(self.interval)).any():
            raise BadData(f"stream: open times must ascend by at least {self.interval}; look for an overlap")

    def __len__(self) -> int:
        return len(self.open_time)

    def __getitem__(self, rows: slice | BoolArray) -> "Stream":
        # The last row of a slice needs the close of a kline outside it.
        columns: dict[str, Any] = {name: getattr(self, name) for name in _COLUMNS} | {"next_close": self.next_closes}
        kept: dict[str, Any] = {name: None if each is None else each[rows] for name, each in columns.items()}
        return Stream(interval=self.interval, **kept)

    def between(self, start: datetime, end: datetime) -> "Stream":
        """Return the rows with start <= open time < end."""
        first, stop = np.searchsorted(self.open_time, [to_ms(start), to_ms(end)])
        return self[int(first) : int(stop)]

    @staticmethod
    def concat(streams: Sequence["Stream"]) -> "Stream":
        """Return streams as one, oldest first; an optional column that one of them lacks is NaN there.

        Raises BadData for none, for different intervals and for overlaps.
        """
        if not streams:
            raise BadData("there are no streams to join")
        intervals = {stream.interval for stream in streams}
        if len(intervals) > 1:
            raise BadData(f"streams of {', '.join(sorted(intervals))} cannot be joined")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(stream, name) for stream in streams])
            for name in _COLUMNS
            if name not in _OPTIONAL
        }
        columns["next_close"] = np.concatenate([stream.next_closes for stream in streams])
        for name in ("p_up", "labels"):
            columns[name] = _joined([getattr(stream, name) for stream in streams], [len(stream) for stream in streams])
        return Stream(interval=streams[0].interval, **columns)

    @property
    def first(self) -> datetime:
        """The open time of the oldest row's kline."""
        return from_ms(self.open_time[0])

    @property
    def last(self) -> datetime:
        """The open time of the newest row's kline."""
        return from_ms(self.open_time[-1])

    @property
    def adjacent(self) -> BoolArray:
        """Whether each row but the last is followed by the very next kline's; one element shorter."""
        return np.asarray(np.diff(self.open_time) == interval_ms(self.interval))

    @property
    def next_closes(self) -> FloatArray:
        """The close at which each row ends; its own close where nothing tells (flat, and no next row)."""
        if self.next_close is not None:
            return self.next_close
        held = self.exposure != 0
        moves = np.divide(self.gross, self.exposure, out=np.zeros(len(self)), where=held)
        closes = self.close * (1.0 + moves)
        closes[:-1][self.adjacent] = self.close[1:][self.adjacent]
        return closes

    @property
    def moves(self) -> FloatArray:
        """What the market did in each row: next close / close - 1."""
        return self.next_closes / self.close - 1.0


def _joined(columns: Sequence[FloatArray | None], lengths: Sequence[int]) -> FloatArray | None:
    if all(column is None for column in columns):
        return None
    parts = [
        np.full(length, np.nan) if column is None else column for column, length in zip(columns, lengths, strict=True)
    ]
    return np.concatenate(parts)
