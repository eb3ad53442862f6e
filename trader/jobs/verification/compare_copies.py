"""The copies of the journal, ledger and state, against the records they were made from. Nothing is mended here."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from trader.core.errors import BadData, NewerSchema
from trader.core.journal import SCHEMA, RunRecord
from trader.jobs.bot import Desk
from trader.jobs.verification.differences import Cause, Difference, Mismatch, compare
from trader.store.codec import from_json
from trader.store.journal import StoredState
from trader.store.ledger_rows import COLUMNS
from trader.store.months import month_of, month_start
from trader.store.read_only import ReadOnly

_KEEP_IT = "restore the record from a backup, and do not rebuild the ledger before: it is what is left of this run"
_FIRST = "find out first which is right, the record or this copy of it; `trader ledger rebuild` believes the record"
_STATE = "state copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The klines that are looked at, both ends included; None for no end. `first` is the first run among them."""

    start: datetime | None
    end: datetime | None
    first: datetime

    def holds(self, open_time: datetime) -> bool:
        """Tell whether a kline lies in it."""
        return (self.start is None or open_time >= self.start) and (self.end is None or open_time <= self.end)

    def touches(self, month: str) -> bool:
        """Tell whether a month has klines in it."""
        return (self.start is None or month >= month_of(self.start)) and (
            self.end is None or month <= month_of(self.end)
        )


def ledger_differences(
    desk: Desk, storage: ReadOnly, rows: Sequence[Mapping[str, Any]], *, span: Span, unfit: Collection[datetime]
) -> Iterator[Difference]:
    """Yield what the stored ledger says differently from `rows`, made from the records of a span.

    The desk has to be on `storage`. `unfit` are klines whose records are unreadable or unfinished: that is known.
    """
    try:
        table = desk.ledger.read()
    except NewerSchema:
        raise
    except BadData as error:
        lost = Mismatch(what="ledger", recorded="short of runs", derived=str(error))
        yield lost.caused_by(Cause.COPY, open_time=span.first, advice="mend the journal, then `trader ledger rebuild`")
        return
    for key in storage.unmended:
        month = key.rpartition("/")[2].removesuffix(".parquet")
        if span.touches(month):
            short = Mismatch(what=f"ledger {month}", recorded="lost, damaged or short", derived="all runs of the month")
            yield short.caused_by(Cause.COPY, open_time=max(span.first, month_start(month)))
    kept = {row["open_time"]: row for row in table.to_pylist() if span.holds(row["open_time"])}
    for row in pa.Table.from_pylist(list(rows), schema=COLUMNS).to_pylist():
        stored = kept.pop(row["open_time"], None)
        yield from _row_differences(stored, row)
    for open_time in sorted(kept.keys() - set(unfit)):
        extra = Mismatch(what="journal", recorded="no record", derived="a run, as the ledger has its row")
        yield extra.caused_by(Cause.RECORD, open_time=open_time, advice=_KEEP_IT)


def in_doubt(found: Iterable[Difference], doubtful: Collection[datetime]) -> list[Difference]:
    """Return differences of copies, with the advice not to overwrite them where their record is doubtful itself."""
    return [replace(each, advice=_FIRST) if each.open_time in doubtful else each for each in found]


def _row_differences(stored: dict[str, Any] | None, row: dict[str, Any]) -> Iterator[Difference]:
    if stored is None:
        yield Mismatch(what="ledger", recorded="no row", derived="a row").caused_by(
            Cause.COPY, open_time=row["open_time"]
        )
        return
    for mismatch in compare(stored, row, what="ledger"):
        yield mismatch.caused_by(Cause.COPY, open_time=row["open_time"])


def state_differences(desk: Desk, newest: RunRecord, *, unfit: Collection[datetime]) -> Iterator[Difference]:
    """Yield what the state says differently from the newest completed record."""
    key, open_time = f"state/{desk.symbol}/{desk.bot.interval}.json", newest.key.open_time
    stored = desk.bot.storage.get(key)
    try:
        copy = None if stored is None else from_json(StoredState, stored.data, key=key, schema=SCHEMA)
    except NewerSchema:
        raise
    except BadData as error:
        damaged = Mismatch(what=_STATE, recorded=str(error), derived="the books of the newest run")
        yield damaged.caused_by(Cause.COPY, open_time=open_time)
        return
    if copy is None:
        lost = Mismatch(what=_STATE, recorded=None, derived="the books of the newest run")
        yield lost.caused_by(Cause.COPY, open_time=open_time)
    elif copy.open_time < open_time:
        behind = Mismatch(what=f"{_STATE}.open_time", recorded=copy.open_time, derived=open_time)
        yield behind.caused_by(Cause.COPY, open_time=open_time)
    elif copy.open_time == open_time:
        found = compare(copy.state, newest.state, what=_STATE)
        yield from (mismatch.caused_by(Cause.COPY, open_time=open_time) for mismatch in found)
    elif copy.open_time not in unfit:
        extra = Mismatch(what="journal", recorded="no record", derived="a run, as the state has its books")
        yield extra.caused_by(Cause.RECORD, open_time=copy.open_time, advice=_KEEP_IT)
