"""One month of klines as parquet bytes: the silver format.

Columns: open_time (UTC milliseconds), open, high, low, close, volume, filled; unique, ascending, on the interval's
grid, gaps inside the month filled and flagged. The file's metadata names schema, symbol, interval and month, the
archive files that the month was built from, and a digest of the columns, so that no damage is ever read as klines.
The data is not compressed: prices and volumes hardly shrink, and reading is three times faster without.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trader.core.errors import BadData
from trader.core.klines import VALUE_COLUMNS, Klines, checked, digest, fill_gaps

SCHEMA = 1
_METADATA = b"trader"
_TIME = pa.timestamp("ms", tz="UTC")
_COLUMNS = pa.schema(
    [
        pa.field("open_time", _TIME, nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in VALUE_COLUMNS),
        pa.field("filled", pa.bool_(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An archive file that a month was built from, by content.

    `revision` is the archive's own tag where it publishes no checksum; `off_grid` rows of the file were dropped.
    """

    sha256: str
    revision: str | None
    off_grid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KlineMonth:
    """A month's real klines, without the filled ones, and by archive path what they were built from."""

    symbol: str
    interval: str
    month: str
    klines: Klines
    sources: Mapping[str, Source]


def encode(part: KlineMonth) -> bytes:
    """Return a month as parquet; the same klines and sources give the same bytes with the same library."""
    klines = fill_gaps(part.klines)
    columns = [pa.array(column) for _, column in klines.columns()]
    columns[0] = columns[0].view(_TIME)
    metadata = {
        "schema": SCHEMA,
        "symbol": part.symbol,
        "interval": part.interval,
        "month": part.month,
        "digest": digest(klines),
        "sources": {path: asdict(source) for path, source in sorted(part.sources.items())},
    }
    schema = _COLUMNS.with_metadata({_METADATA: json.dumps(metadata).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(columns, schema=schema),
        sink,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
    )
    return bytes(sink.getvalue())


def decode(data: bytes, *, key: str, symbol: str, interval: str, month: str) -> KlineMonth:
    """Return the month in `data`.

    Raises BadData, naming `key` and what to do, when it is damaged, holds another symbol, interval or month, or was
    written by a newer version.
    """
    advice = "delete this month and run `trader ingest` again"
    try:
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
        metadata = json.loads(table.schema.metadata[_METADATA])
        schema, found = int(metadata["schema"]), [metadata[name] for name in ("symbol", "interval", "month")]
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise BadData(f"{key} is damaged or no kline file ({len(data)} bytes, {_short(error)}); {advice}") from error
    if schema > SCHEMA:
        raise BadData(
            f"{key} has schema {schema}, this version reads up to {SCHEMA}; upgrade, or use the version that wrote it"
        )
    if found != [symbol, interval, month]:
        raise BadData(f"{key} holds {' '.join(map(str, found))}, not {symbol} {interval} {month}; {advice}")
    try:
        klines = _klines(table, interval=interval, key=key)
        sources = {path: Source(**source) for path, source in metadata["sources"].items()}
        intact = digest(klines) == metadata["digest"]
    except (pa.ArrowException, AttributeError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise BadData(f"{key} is damaged ({_short(error)}); {advice}") from error
    if not intact:
        raise BadData(f"{key} is damaged: its klines do not match their digest; {advice}")
    return KlineMonth(symbol=symbol, interval=interval, month=month, klines=klines.real, sources=sources)


def _klines(table: Any, *, interval: str, key: str) -> Klines:
    if not table.schema.equals(_COLUMNS, check_metadata=False):
        raise ValueError(f"columns {table.schema.names}")
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    columns["open_time"] = columns["open_time"].view(pa.int64())
    return checked(
        interval=interval,
        source=key,
        **{name: column.to_numpy(zero_copy_only=False) for name, column in columns.items()},
    )


def _short(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:120] or type(error).__name__
