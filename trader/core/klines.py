"""Klines: the columns everything else reads, the grid they lie on, and how gaps are filled.

A kline is named by its open time and may be used only once it is closed. Times inside the columns are whole
milliseconds since 1970-01-01 UTC, as Binance gives them; everywhere else they are aware UTC datetimes.

An hour that the exchange never published is *filled*: open = high = low = close = the previous close, volume 0, and a
flag. Volume is never carried forward, because the money flow index would take it for trading.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from trader.core.errors import BadConfig, BadData

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MINUTE_MS = 60_000
INTERVALS = {
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}
"""Supported intervals (Binance's names) and their length in milliseconds. Shorter ones need another scheduler than an
hourly one; longer ones have no fixed length or do not start on the epoch's grid."""

PRICE_COLUMNS = ("open", "high", "low", "close")
VALUE_COLUMNS = (*PRICE_COLUMNS, "volume")


def interval_ms(interval: str) -> int:
    """Return the length of an interval in milliseconds. Raises BadConfig for an unsupported one."""
    try:
        return INTERVALS[interval]
    except KeyError:
        raise BadConfig(f"interval {interval!r} is not supported; use one of {', '.join(INTERVALS)}") from None


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since the epoch. Raises BadConfig on a naive time."""
    if moment.tzinfo is None:
        raise BadConfig(f"{moment.isoformat()} has no time zone; write it as UTC, for example {moment.isoformat()}Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC time of milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def last_closed(now: datetime, interval: str) -> datetime:
    """Return the open time of the newest kline that is closed at `now`."""
    step = interval_ms(interval)
    return from_ms(to_ms(now) // step * step - step)


def close_of(open_time: datetime, interval: str) -> datetime:
    """Return the moment at which the kline that opened at `open_time` is closed."""
    return open_time + timedelta(milliseconds=interval_ms(interval))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Klines:
    """Columns of equal length, ascending and unique in open time, on the interval's grid; slices share memory."""

    interval: str
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    filled: BoolArray

    def __len__(self) -> int:
        return len(self.open_time)

    def __getitem__(self, rows: slice | BoolArray) -> "Klines":
        return Klines(interval=self.interval, **{name: column[rows] for name, column in self.columns()})

    def columns(self) -> Iterator[tuple[str, Any]]:
        """Yield every column with its name, open time first."""
        for name in ("open_time", *VALUE_COLUMNS, "filled"):
            yield name, getattr(self, name)

    def index_of(self, moment: datetime) -> int:
        """Return the position of the first kline that opens at `moment` or later (len when there is none)."""
        return int(np.searchsorted(self.open_time, to_ms(moment)))

    def between(self, start: datetime, end: datetime) -> "Klines":
        """Return the klines with start <= open time < end."""
        return self[self.index_of(start) : self.index_of(end)]

    def until(self, open_time: datetime) -> "Klines":
        """Return the klines up to and including the one that opened at `open_time`."""
        return self[: self.index_of(open_time + timedelta(milliseconds=1))]

    @property
    def first(self) -> datetime:
        """The open time of the oldest kline."""
        return from_ms(self.open_time[0])

    @property
    def last(self) -> datetime:
        """The open time of the newest kline."""
        return from_ms(self.open_time[-1])

    @property
    def real(self) -> "Klines":
        """The klines that the exchange published."""
        return self[~self.filled]

    def same_as(self, other: "Klines") -> bool:
        """Tell whether every column is equal bit for bit."""
        return digest(self) == digest(other)


def empty(interval: str) -> Klines:
    """Return no klines."""
    floats = np.empty(0, dtype=np.float64)
    return Klines(
        interval=interval,
        open_time=np.empty(0, dtype=np.int64),
        open=floats,
        high=floats,
        low=floats,
        close=floats,
        volume=floats,
        filled=np.empty(0, dtype=np.bool_),
    )


def checked(
    *,
    interval: str,
    open_time: IntArray,
    open: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    filled: BoolArray | None = None,
    source: str = "klines",
) -> Klines:
    """Return klines after checking what every reader relies on.

    Raises BadData, naming `source` and the first offending open time, when times are off the grid, repeated or out of
    order, when a value is not finite, a price not positive, a volume negative, or a high/low does not contain the rest.
    """
    klines = Klines(
        interval=interval,
        open_time=np.asarray(open_time, dtype=np.int64),
        open=np.asarray(open, dtype=np.float64),
        high=np.asarray(high, dtype=np.float64),
        low=np.asarray(low, dtype=np.float64),
        close=np.asarray(close, dtype=np.float64),
        volume=np.asarray(volume, dtype=np.float64),
        filled=np.zeros(len(open_time), dtype=np.bool_) if filled is None else np.asarray(filled, dtype=np.bool_),
    )
    lengths = {len(column) for _, column in klines.columns()}
    if len(lengths) > 1:
        raise BadData(f"{source}: columns of different lengths {sorted(lengths)}; the file is damaged, fetch it again")
    step = interval_ms(interval)
    times = klines.open_time
    prices = np.stack([klines.open, klines.high, klines.low, klines.close])
    finite = np.isfinite(prices).all(axis=0) & np.isfinite(klines.volume)
    with np.errstate(invalid="ignore"):
        faults = {
            f"open time is not on the {interval} grid": times % step != 0,
            "open time is repeated or out of order": np.diff(times, prepend=times[:1] - step) <= 0,
            "a value is missing or infinite": ~finite,
            "a price is not positive": (prices <= 0).any(axis=0),
            "volume is negative": klines.volume < 0,
            "high or low does not contain open and close": (klines.high < prices.max(axis=0))
            | (klines.low > prices.min(axis=0)),
        }
    for fault, rows in faults.items():
        if rows.any():
            at = from_ms(times[int(np.argmax(rows))])
            raise BadData(f"{source}: {fault} at {at:%Y-%m-%d %H:%M:%S} UTC; the data is damaged, fetch it again")
    return klines


def concat(parts: list[Klines], interval: str) -> Klines:
    """Join klines that follow one another in time; nothing is sorted or dropped."""
    parts = [part for part in parts if len(part)] or [empty(interval)]
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, list[Any]] = {}
    for part in parts:
        for name, column in part.columns():
            columns.setdefault(name, []).append(column)
    return Klines(interval=interval, **{name: np.concatenate(arrays) for name, arrays in columns.items()})


def merge(old: Klines, new: Klines) -> Klines:
    """Return the union by open time, without filled rows; where both hold an hour, `new` wins (it was read later)."""
    old, new = old.real, new.real
    if not len(old) or not len(new) or old.open_time[-1] < new.open_time[0]:
        return concat([old, new], new.interval)
    kept = old[~np.isin(old.open_time, new.open_time)]
    joined = concat([kept, new], new.interval)
    order = np.argsort(joined.open_time, kind="stable")
    return Klines(interval=new.interval, **{name: column[order] for name, column in joined.columns()})


def fill_gaps(klines: Klines, *, until: datetime | None = None) -> Klines:
    """Insert a flagged kline for every missing interval between the first kline and the last (or `until`, if later).

    Filled rows of the input are dropped first, so filling twice changes nothing. Empty stays empty.
    """
    klines = klines.real
    if not len(klines):
        return klines
    step = interval_ms(klines.interval)
    end = int(klines.open_time[-1])
    if until is not None:
        end = max(end, to_ms(until))
    count = (end - int(klines.open_time[0])) // step + 1
    if count == len(klines):
        return klines
    grid = klines.open_time[0] + step * np.arange(count, dtype=np.int64)
    source = np.searchsorted(klines.open_time, grid, side="right") - 1
    missing = klines.open_time[source] != grid
    close = klines.close[source]
    return Klines(
        interval=klines.interval,
        open_time=grid,
        open=np.where(missing, close, klines.open[source]),
        high=np.where(missing, close, klines.high[source]),
        low=np.where(missing, close, klines.low[source]),
        close=close,
        volume=np.where(missing, 0.0, klines.volume[source]),
        filled=missing,
    )


def extend(window: Klines, fresh: Klines, *, until: datetime | None = None) -> Klines:
    """Return a gap-filled window with later (or earlier) klines merged in, gap-filled up to `until`.

    Filled rows at the head of the window stay: the close they were filled with lies before it.
    """
    joined = fill_gaps(merge(window, fresh), until=until)
    head = window[window.open_time < joined.open_time[0]] if len(joined) else window
    return concat([head, joined], window.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A run of missing klines: the open time of the first one and how many are missing."""

    start: datetime
    count: int


def find_gaps(klines: Klines) -> list[Gap]:
    """Return the gaps between the first and the last real kline, oldest first."""
    step = interval_ms(klines.interval)
    times = klines.real.open_time
    missing = np.diff(times) // step - 1
    return [
        Gap(start=from_ms(times[position] + step), count=int(missing[position])) for position in np.flatnonzero(missing)
    ]


def digest(klines: Klines) -> str:
    """Return a SHA-256 over interval and columns (little-endian), the same on every machine."""
    sha = hashlib.sha256(klines.interval.encode())
    for _, column in klines.columns():
        sha.update(np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<")).tobytes())
    return sha.hexdigest()
