"""The archive's kline files as published: where they are, where they are kept, and what may be inside.

A file is a zip with one CSV of 12 columns without a header. Open times are milliseconds up to the end of 2024 and
microseconds from 2025 on. Everything else is refused by name, futures files (whose member has the same name as a spot
file's, but which have a header) above all. Nothing here reads or writes; bytes come in and klines go out.
"""

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from trader.core.errors import BadData
from trader.core.klines import VALUE_COLUMNS, Klines, checked, from_ms, interval_ms, to_ms
from trader.store.months import month_end, month_start

COLUMNS = (
    "open_time",
    *VALUE_COLUMNS,
    "close_time",
    "quote_volume",
    "trades",
    "taker_base_volume",
    "taker_quote_volume",
    "ignore",
)
MAX_CSV_BYTES = 64 * 1024 * 1024
_FUTURES_COLUMNS = ("count", "taker_buy_volume")
_MICROSECONDS_FROM = 100_000_000_000_000
"""Open times above this are microseconds; as milliseconds they would lie in the year 5138."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """A kline file of the archive: its path there, and the span of open times it may hold (start <= open < end)."""

    symbol: str
    interval: str
    label: str
    path: str
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def key(self) -> str:
        """Where the file is kept as downloaded."""
        return f"raw/{self.path.removeprefix('data/')}"

    @property
    def checksum_key(self) -> str:
        """Where its published checksum is kept."""
        return f"{self.key}.CHECKSUM"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A file's klines, and how many of its rows were dropped because no kline of the interval opens then."""

    file: ArchiveFile
    klines: Klines
    off_grid: int


def monthly_file(symbol: str, interval: str, month: str) -> ArchiveFile:
    """Return the file of a whole month (`2024-11`)."""
    return _file("monthly", symbol, interval, label=month, start=month_start(month), end=month_end(month))


def daily_file(symbol: str, interval: str, day: datetime) -> ArchiveFile:
    """Return the file of the day that starts at `day`."""
    return _file("daily", symbol, interval, label=f"{day:%Y-%m-%d}", start=day, end=day + timedelta(days=1))


def _file(period: str, symbol: str, interval: str, *, label: str, start: datetime, end: datetime) -> ArchiveFile:
    path = f"data/spot/{period}/klines/{symbol}/{interval}/{symbol}-{interval}-{label}.zip"
    return ArchiveFile(symbol=symbol, interval=interval, label=label, path=path, start=start, end=end)


def parse(file: ArchiveFile, data: bytes) -> ParsedFile:
    """Return the klines in a file's bytes, repeated rows collapsed (the last one wins).

    Raises BadData, naming the file, when it is damaged, is not a spot kline file, or holds rows of another time.
    """
    text = _unzip(file, data)
    table = _table(file, text, skip=_header_rows(file, text))
    times, on_grid = _open_times(file, table["open_time"])
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) != 0, True)
    rows = order[last & on_grid[order]]
    klines = checked(
        interval=file.interval,
        source=file.name,
        open_time=times[rows],
        **{name: table[name][rows] for name in VALUE_COLUMNS},
    )
    return ParsedFile(file=file, klines=klines, off_grid=int(np.count_nonzero(~on_grid)))


def _unzip(file: ArchiveFile, data: bytes) -> bytes:
    member = file.name.removesuffix(".zip") + ".csv"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if [entry.filename for entry in members] != [member]:
                names = ", ".join(repr(entry.filename) for entry in members[:3]) or "nothing"
                raise BadData(f"{file.name} should hold {member} only, but holds {names}; do not use this archive")
            with archive.open(members[0]) as stream:
                text = stream.read(MAX_CSV_BYTES + 1)
    except (
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError
    ) as error:  # fmt: skip
        raise BadData(f"{file.name} is not a complete zip ({error}, {len(data)} bytes); fetch it again") from error
    if len(text) > MAX_CSV_BYTES:
        raise BadData(f"{file.name} unpacks to more than {MAX_CSV_BYTES >> 20} MiB; do not use this archive")
    return text


def _header_rows(file: ArchiveFile, text: bytes) -> int:
    """Return how many lines to skip: 1 for a header. Raises BadData for a futures file's header."""
    fields = text.partition(b"\n")[0].decode("utf-8", errors="replace").strip().split(",")
    if any(name in fields for name in _FUTURES_COLUMNS):
        raise BadData(f"{file.name}: futures file refused as spot (its header says {', '.join(fields[-5:])})")
    return 0 if any(re.match(r"^-?\d", field) for field in fields) else 1


def _table(file: ArchiveFile, text: bytes, *, skip: int) -> dict[str, Any]:
    types = {"open_time": pa.int64(), **dict.fromkeys(VALUE_COLUMNS, pa.float64())}
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=COLUMNS, skip_rows=skip, use_threads=False),
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )
    except pa.ArrowException as error:
        problem = str(error).partition("\n")[0]
        raise BadData(f"{file.name} is not a spot kline file of {len(COLUMNS)} columns: {problem}") from error
    if not len(table) or table["open_time"].null_count:
        raise BadData(f"{file.name} has no rows, or rows without an open time; fetch it again")
    return {name: table[name].to_numpy() for name in types}


def _open_times(file: ArchiveFile, raw: Any) -> tuple[Any, Any]:
    """Return open times in milliseconds, and whether each is on the interval's grid."""
    microseconds = raw > _MICROSECONDS_FROM
    times = np.where(microseconds, raw // 1000, raw)
    on_grid = (times % interval_ms(file.interval) == 0) & ~(microseconds & (raw % 1000 != 0))
    outside = (times < to_ms(file.start)) | (times >= to_ms(file.end))
    if outside.any():
        raise BadData(f"{file.name} holds a row of {_moment(times[np.argmax(outside)])}, outside {file.label}")
    return times, on_grid


def _moment(milliseconds: int) -> str:
    try:
        return f"{from_ms(milliseconds):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return f"open time {milliseconds}"
