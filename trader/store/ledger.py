"""The ledger: completed runs as a table, a file a month, so that charts over years read a handful of objects.

    ledger/BTCUSDT/1h/2026-11.parquet

It is a copy of the journal. A run appends its row; where the row before is missing (a process was killed in between)
the month is made again from the journal, as is on reading any month that is lost, damaged or short of runs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trader.core.decision import Reason
from trader.core.errors import NewerSchema
from trader.core.journal import RunRecord, Status
from trader.core.klines import interval_ms
from trader.core.orders import ZERO, as_decimal
from trader.ports import ObjectStorage
from trader.store.journal import Journal

SCHEMA = 1
_TIME = pa.timestamp("ms", tz="UTC")
COLUMNS = pa.schema(
    [
        ("open_time", _TIME),
        ("origin", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("model_id", pa.string()),
        ("p_up", pa.float64()),
        ("close", pa.float64()),
        ("exposure", pa.float64()),
        ("change", pa.float64()),
        ("missed", pa.int64()),
        ("settled_klines", pa.int64()),
        ("settled_gross", pa.float64()),
        ("settled_net", pa.float64()),
        ("paper_gross", pa.float64()),
        ("paper_net", pa.float64()),
        ("halted", pa.bool_()),
        ("trigger_sum", pa.float64()),
        ("training_due", pa.bool_()),
        ("not_sent", pa.string()),
        ("side", pa.string()),
        ("ordered", pa.float64()),
        ("executed", pa.float64()),
        ("fill_price", pa.float64()),
        ("arrival_price", pa.float64()),
        ("target", pa.float64()),
        ("position", pa.float64()),
        ("fees", pa.float64()),
        ("execution_equity", pa.float64()),
        ("epoch", pa.int64()),
        ("seconds_to_order", pa.float64()),
        ("seconds", pa.float64()),
    ],
    metadata={"schema": str(SCHEMA)},
)
"""One row a run; `missed` is the number of klines that a record of an absence stands for. Returns are fractions of the
notional; `settled_*` were earned by the exposure of the row before. Prices, `fees` and `execution_equity` are in quote
units, quantities in base units. NaN or null: there was none."""


_OUTCOMES = {Reason.MISSED: "missed", Reason.FILLED_KLINE: "filled"}


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
        return table if table.schema.equals(COLUMNS) else None

    def _write(self, key: str, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        etag = self._storage.put(key, sink.getvalue().to_pybytes())
        self._parsed[key] = (etag, table)


def table_of(records: Iterable[RunRecord]) -> pa.Table:
    """Return the rows of the completed ones among some records."""
    rows = [row_of(record) for record in records if record.status is Status.COMPLETED]
    return pa.Table.from_pylist(rows, schema=COLUMNS)


def row_of(record: RunRecord) -> Mapping[str, Any]:
    """Return a completed record's row."""
    row: dict[str, Any] = {
        "open_time": record.key.open_time,
        "origin": record.origin.value,
        "missed": _missed(record),
        "settled_klines": len(record.settled),
        "settled_gross": sum(hour.gross for hour in record.settled),
        "settled_net": sum(hour.net for hour in record.settled),
        "not_sent": record.not_sent.value if record.not_sent else None,
        "seconds_to_order": record.timings.get("execute"),
        "seconds": record.timings.get("commit"),
    }
    return row | _decision_columns(record) | _book_columns(record) | _order_columns(record)


def _missed(record: RunRecord) -> int:
    if record.missed_from is None:
        return int(record.decision is not None and record.decision.reason is Reason.MISSED)
    step = timedelta(milliseconds=interval_ms(record.key.interval))
    return (record.key.open_time - record.missed_from) // step + 1


def _decision_columns(record: RunRecord) -> dict[str, Any]:
    inputs, decision, trigger = record.inputs, record.decision, record.trigger
    return {
        "outcome": _OUTCOMES.get(decision.reason, "decided") if decision else "missed",
        "reason": decision.reason.value if decision else "unfinished",
        "model_id": inputs.model_id if inputs else None,
        "p_up": inputs.p_up if inputs else None,
        "close": inputs.price if inputs else None,
        "trigger_sum": trigger.cumulative if trigger else None,
        "training_due": trigger is not None and trigger.due_since is not None,
    }


def _book_columns(record: RunRecord) -> dict[str, Any]:
    if record.state is None:
        return {}
    paper, execution = record.state.paper, record.state.execution
    price = record.inputs.price if record.inputs else None
    return {
        "exposure": paper.exposure,
        "change": paper.change,
        "paper_gross": paper.gross,
        "paper_net": paper.net,
        "halted": paper.halt is not None,
        "target": float(execution.target),
        "position": float(execution.position),
        "fees": float(execution.fees),
        "execution_equity": None if price is None else float(execution.equity(as_decimal(price))),
        "epoch": record.state.epoch,
    }


def _order_columns(record: RunRecord) -> dict[str, Any]:
    if not record.legs:
        return {}
    leg = record.legs[-1]
    executed = sum((leg.report.executed for leg in record.legs if leg.report), ZERO)
    price = leg.report.average_price if leg.report else None
    arrival = leg.intent.arrival_price
    return {
        "side": leg.intent.side.value,
        "ordered": float(leg.intent.quantity),
        "executed": float(executed),
        "fill_price": None if price is None else float(price),
        "arrival_price": None if arrival is None else float(arrival),
    }
