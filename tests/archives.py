"""Builders of small kline archives: rows, zips, and a folder laid out as Binance publishes it."""

import hashlib
import io
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trader.core.klines import from_ms, interval_ms

US_FROM = datetime(2025, 1, 1, tzinfo=UTC)
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote,ignore"
FUTURES_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def row(open_time: int, *, interval="1h", price=100.0, volume=2.0, scale=1) -> str:
    """One line of the archive's CSV; `open_time` in milliseconds, written times `scale`."""
    close_time = (open_time + interval_ms(interval)) * scale - 1
    prices = f"{price:.8f},{price + 1:.8f},{price - 1:.8f},{price + 0.5:.8f},{volume:.8f}"
    return f"{open_time * scale},{prices},{close_time},{price * volume:.8f},7,1.00000000,{price:.8f},0"


def rows_of(klines, *, scale=None) -> list[str]:
    """Klines as the archive writes them: milliseconds up to 2024, microseconds from 2025 (or times `scale`)."""
    klines = klines.real
    lines = []
    for at, open_, high, low, close, volume in zip(
        klines.open_time, klines.open, klines.high, klines.low, klines.close, klines.volume, strict=True
    ):
        factor = scale or (1000 if from_ms(at) >= US_FROM else 1)
        end = (int(at) + interval_ms(klines.interval)) * factor - 1
        values = ",".join(repr(float(value)) for value in (open_, high, low, close, volume))
        lines.append(f"{int(at) * factor},{values},{end},0,0,0,0,0")
    return lines


def zipped(lines: list[str], *, member: str) -> bytes:
    """A zip with one member, the same bytes each time."""
    return zipped_members({member: "".join(f"{line}\n" for line in lines).encode()})


def zipped_members(members: dict[str, bytes]) -> bytes:
    """A zip with these members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 3, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def monthly_path(month: str, *, symbol="BTCUSDT", interval="1h") -> str:
    return f"data/spot/monthly/klines/{symbol}/{interval}/{symbol}-{interval}-{month}.zip"


def daily_path(day: str, *, symbol="BTCUSDT", interval="1h") -> str:
    return f"data/spot/daily/klines/{symbol}/{interval}/{symbol}-{interval}-{day}.zip"


def publish(root: Path, path: str, klines_or_lines, *, checksum=True) -> bytes:
    """Put a file with these klines (or CSV lines) into a folder archive, re-issuing what was there."""
    lines = klines_or_lines if isinstance(klines_or_lines, list) else rows_of(klines_or_lines)
    data = zipped(lines, member=Path(path).name.replace(".zip", ".csv"))
    publish_bytes(root, path, data, checksum=checksum)
    return data


def publish_bytes(root: Path, path: str, data: bytes, *, checksum=True, digest=None) -> None:
    """Put bytes into a folder archive, with their checksum, another one, or none."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    earlier = target.stat().st_mtime_ns if target.exists() else None
    target.write_bytes(data)
    if earlier is not None:  # a coarse file system clock must not hide that the file is a new one
        os.utime(target, ns=(earlier + 10**9, earlier + 10**9))
    beside = target.with_name(f"{target.name}.CHECKSUM")
    beside.unlink(missing_ok=True)
    if checksum:
        beside.write_text(f"{digest or hashlib.sha256(data).hexdigest()}  {target.name}\n")


def publish_months(root: Path, klines, *, symbol="BTCUSDT") -> list[str]:
    """Put klines into a folder archive as one file a month, and return the months."""
    months = sorted({f"{from_ms(at):%Y-%m}" for at in klines.real.open_time})
    for month in months:
        start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        end = (start + timedelta(days=32)).replace(day=1)
        publish(root, monthly_path(month, symbol=symbol), klines.real.between(start, end))
    return months
