"""The ledger: completed runs as a table, a file a month, so that charts over years read a handful of objects.

    ledger/BTCUSDT/1h/2026-11.parquet

It is a copy of the journal. A run appends its row; where the row before is missing (a process was killed in between)
the month is made again from the journal, as is on reading any month that is lost, damaged or short of runs.
"""

from collections import Counter
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trader.core.errors import NewerSchema
from trader.core.journal import RunRecord
from trader.ports import ObjectStorage
from trader.store.journal import Journal
from trader.store.ledger_rows import COLUMNS, SCHEMA, row_of, table_of


class Ledger:
    """The table of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str, journal: Journal) -> None:
        self._storage = storage
        self._journal = journal
        self._prefix = f"ledger/{symbol}/{interval}/"
        self._parsed: dict[str, tuple[str, pa.Table]] = {}

    def append(self, record: RunRecord, *, previous: datetime | None) -> None:
        """Add the row of a completed run; `previous` is the kline of the completed run before it."""
        open_time = record.key.open_time
        key = f"{self._prefix}{open_time:%Y-%m}.parquet"
        table = self._read(key)
        known = table.column("open_time")[-1].as_py() if table is not None and len(table) else None
        expected = previous if previous is not None and f"{previous:%Y-%m}" == f"{open_time:%Y-%m}" else None
        if known != expected:
            self._write(key, self._from_journal(open_time))
            month = open_time.replace(day=1, hour=0, minute=0)
            before = self._journal.open_times(after=month - timedelta(days=31), before=month)
            self._complete(before[-1] if before else None)
            return
        if expected is None:
            self._complete(previous)
        row = pa.Table.from_pylist([row_of(record)], schema=COLUMNS)
        self._write(key, row if table is None else pa.concat_tables([table, row]).combine_chunks())

    def _complete(self, newest: datetime | None) -> None:
        """Make the month of a run, which is over, again where that run is missing."""
        if newest is None:
            return
        key = f"{self._prefix}{newest:%Y-%m}.parquet"
        table = self._read(key)
        if table is None or not len(table) or table.column("open_time")[-1].as_py() != newest:
            self._write(key, self._from_journal(newest))

    def read(self) -> pa.Table:
        """Return the whole table, oldest run first; empty when there were no runs."""
        runs = Counter(f"{time:%Y-%m}" for time in self._journal.open_times())
        kept = {key.removeprefix(self._prefix).removesuffix(".parquet") for key in self._storage.keys(self._prefix)}
        months = sorted(runs.keys() | kept)
        return pa.concat_tables([COLUMNS.empty_table(), *(self._month(month, runs[month]) for month in months)])

    def after(self, moment: datetime | None) -> pa.Table:
        """Return the rows of the runs after a kline, oldest first; only the months from there on are read.

        Those that a run has just had in hand are not read again. Months that are lost are not made anew: `read` does.
        """
        first = "" if moment is None else f"{self._prefix}{moment:%Y-%m}.parquet"
        in_hand = sorted(key for key in self._parsed if key >= first)
        if moment is not None and in_hand[:1] == [first]:
            tables = [self._parsed[key][1] for key in in_hand]
        else:
            keys = [key for key in self._storage.keys(self._prefix) if key.endswith(".parquet") and key >= first]
            tables = [table for key in keys if (table := self._read(key)) is not None]
        found = pa.concat_tables([COLUMNS.empty_table(), *tables])
        if moment is None:
            return found
        return found.filter(pc.greater(found["open_time"], pa.scalar(moment, found.schema[0].type)))

    def month(self, moment: datetime) -> pa.Table:
        """Return the rows of the month a moment lies in; not read again when a run has just had them in hand.

        A month that is lost has none: it is not made anew, `read` does.
        """
        key = f"{self._prefix}{moment:%Y-%m}.parquet"
        table = self._parsed[key][1] if key in self._parsed else self._read(key)
        return COLUMNS.empty_table() if table is None else table

    def _month(self, month: str, runs: int) -> pa.Table:
        """Return a month's table, made again from the journal where it is lost, damaged or short of runs."""
        key = f"{self._prefix}{month}.parquet"
        table = self._read(key)
        if table is not None and len(table) >= runs:
            return table
        made = self._from_journal(datetime.strptime(f"{month}+0000", "%Y-%m%z"))
        if table is None or not made.equals(table):
            self._write(key, made)
        return made

    def _from_journal(self, month: datetime) -> pa.Table:
        first = month.replace(day=1, hour=0, minute=0)
        end = (first + timedelta(days=31)).replace(day=1)
        times = self._journal.open_times(after=first - timedelta(milliseconds=1), before=end)
        stored = (self._journal.read(time) for time in times)
        return table_of(found.record for found in stored if found is not None)

    def rebuild(self) -> dict[str, int]:
        """Make every month again from the journal, whatever is kept now, and return the number of runs of each."""
        months = sorted({f"{time:%Y-%m}" for time in self._journal.open_times()})
        kept = [key.removeprefix(self._prefix).removesuffix(".parquet") for key in self._storage.keys(self._prefix)]
        for month in set(kept) - set(months):
            self._storage.delete(f"{self._prefix}{month}.parquet")
        tables = {month: self._from_journal(datetime.strptime(f"{month}+0000", "%Y-%m%z")) for month in months}
        for month, table in tables.items():
            self._write(f"{self._prefix}{month}.parquet", table)
        return {month: len(table) for month, table in tables.items()}

    def _read(self, key: str) -> pa.Table | None:
        stored = self._storage.get(key)
        if stored is None:
            return None
        if key in self._parsed and self._parsed[key][0] == stored.etag:
            return self._parsed[key][1]
        try:
            table = pq.ParquetFile(pa.BufferReader(stored.data), pre_buffer=False).read(use_threads=False)
        except (pa.ArrowException, OSError):
            return None  # damaged: what reads it makes it again from the journal
        schema = (table.schema.metadata or {}).get(b"schema", b"0")
        if schema.isdigit() and int(schema) > SCHEMA:
            raise NewerSchema(f"{key} has schema {int(schema)}, this version reads up to {SCHEMA}; upgrade")
        if not table.schema.equals(COLUMNS):
            return None
        self._parsed[key] = (stored.etag, table)
        return table

    def _write(self, key: str, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        etag = self._storage.put(key, sink.getvalue().to_pybytes())
        self._parsed[key] = (etag, table)
