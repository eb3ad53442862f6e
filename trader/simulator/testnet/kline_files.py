"""Reading klines for a market from files: the public archive's zips and CSVs, or parquet as the store keeps it.

The symbol and the interval are in the names: `BTCUSDT-1h-2024-11.zip`, `ETHUSDT-1h-2024-11-03.csv`, or
`.../BTCUSDT/1h/2024-11.parquet`.
"""

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from trader.core.errors import BadConfig
from trader.core.klines import INTERVALS, Klines, empty, merge
from trader.store.kline_codec import decode
from trader.store.months import is_month
from trader.store.raw import ArchiveFile, parse

_ARCHIVED = re.compile(r"([A-Z0-9]{2,20})-([0-9]+[mhd])(-.*)?\.(zip|csv)")
_SPAN = (datetime(2009, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def read_klines(path: Path, *, interval: str) -> dict[str, Klines]:
    """Return the real klines of this interval by symbol, from a file or everything below a folder.

    Raises BadConfig when nothing there holds any, BadData when a file is damaged. Of a repeated kline the one in the
    file that sorts last wins.
    """
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    klines: dict[str, Klines] = {}
    for file in files:
        found = _symbol_and_interval(file)
        if found is None or found[1] != interval:
            continue
        symbol = found[0]
        klines[symbol] = merge(klines.get(symbol, empty(interval)), _read(file, symbol=symbol, interval=interval))
    klines = {symbol: columns for symbol, columns in klines.items() if len(columns)}
    if not klines:
        raise BadConfig(
            f"--klines {path} holds no klines of {interval}; name a file or folder with names such as "
            f"BTCUSDT-{interval}-2024-11.zip or BTCUSDT/{interval}/2024-11.parquet"
        )
    return klines


def _symbol_and_interval(file: Path) -> tuple[str, str] | None:
    archived = _ARCHIVED.fullmatch(file.name)
    if archived is not None:
        return archived[1], archived[2]
    parents = file.absolute().parts
    if file.suffix == ".parquet" and is_month(file.stem) and parents[-2] in INTERVALS:
        return parents[-3], parents[-2]
    return None


def _read(file: Path, *, symbol: str, interval: str) -> Klines:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadConfig(f"--klines {file} cannot be read ({error.strerror})") from error
    if file.suffix == ".parquet":
        return decode(data, key=str(file), symbol=symbol, interval=interval, month=file.stem).klines
    name = file.with_suffix(".zip").name
    source = ArchiveFile(symbol=symbol, interval=interval, label=file.stem, path=name, start=_SPAN[0], end=_SPAN[1])
    return parse(source, data if file.suffix == ".zip" else _zipped(data, member=f"{file.stem}.csv")).klines


def _zipped(text: bytes, *, member: str) -> bytes:
    """Put a plain CSV into a zip, which is what the reader of the archive's files takes."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(member, text)
    return sink.getvalue()
