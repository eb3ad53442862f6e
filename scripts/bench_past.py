"""A long past behind a bot that has just begun: journal keys, months of klines and of the ledger on its S3 server."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bench_world import HOUR, SYMBOL, MeasuredWorld
from tests.past import journal_keys, put_quickly, read_quickly
from trader.adapters.local_storage import LocalStorage
from trader.core.klines import Klines
from trader.store.klines import KlineStore


def give_past(world: MeasuredWorld, klines: Klines, *, first: datetime, hours: int, folder: Path) -> int:
    """Put so many hours before the bot's first run into its store; return how many objects that are.

    Old journal records are a few bytes: their number is the point, and whoever read one would fail. Klines and ledger
    are real files.
    """
    count = put_quickly(world.url, journal_keys(SYMBOL, before=first, hours=hours), b"{}")
    count += _klines(world.url, klines.between(first - hours * HOUR, first - HOUR), folder=folder)
    return count + _ledger(world.url, first=first, hours=hours)


def _klines(url: str, klines: Klines, *, folder: Path) -> int:
    """Write whole months, but for the newest ones, which the bot has stored itself in order to train."""
    store = LocalStorage(folder, durable=False)
    KlineStore(store).append(SYMBOL, klines)
    months = [key for key in store.keys("klines/") if Path(key).stem < f"{klines.last - timedelta(days=60):%Y-%m}"]
    for key in months:
        found = store.get(key)
        if found is not None:
            put_quickly(url, [key], found.data)
    return len(months)


def _ledger(url: str, *, first: datetime, hours: int) -> int:
    """Write a row an hour, made of the bot's newest one; the month of its first runs keeps their rows."""
    newest = pq.read_table(pa.BufferReader(read_quickly(url, _ledger_key(first))))
    months: dict[str, list[datetime]] = {}
    for hour in range(hours, 0, -1):
        months.setdefault(_ledger_key(first - hour * HOUR), []).append(first - hour * HOUR)
    for key, times in months.items():
        rows = pa.concat_tables([newest[-1:]] * len(times)).combine_chunks()
        column = rows.schema.get_field_index("open_time")
        rows = rows.set_column(column, rows.schema.field(column), pa.array(times, type=rows.schema.field(column).type))
        if key == _ledger_key(first):
            rows = pa.concat_tables([rows, newest]).combine_chunks()
        sink = pa.BufferOutputStream()
        pq.write_table(rows.cast(newest.schema), sink)
        put_quickly(url, [key], sink.getvalue().to_pybytes())
    return len(months)


def _ledger_key(open_time: datetime) -> str:
    return f"ledger/{SYMBOL}/1h/{open_time:%Y-%m}.parquet"
