"""The journal in the object storage: one record a run, and the state that copies the newest one.

    journal/BTCUSDT/1h/2026/11/20T1600.json     the only truth; immutable once completed
    state/BTCUSDT/1h.json                       a copy of the newest completed record's books

A process killed between the two leaves a state that is behind; `latest` notices and goes forward record by record.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trader.core.errors import BadData, Conflict, NewerSchema
from trader.core.journal import SCHEMA, BotState, RunKey, RunRecord, Status
from trader.core.klines import from_ms, interval_ms
from trader.ports import ObjectStorage, StoredObject
from trader.store.codec import from_json, to_json

_OLDEST = 2
"""The oldest schema of a record that is read: before it, intents did not say when they were signed."""

_PROBES = 48
"""How many hours after the state are looked up one by one before the journal is listed instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record with the tag that a conditional write has to name."""

    record: RunRecord
    etag: str

    @property
    def is_completed(self) -> bool:
        """Tell whether the run has been committed, with the books after it."""
        return self.record.status is Status.COMPLETED and self.record.state is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The copy of the newest completed record: its kline and the books after it."""

    schema: int = SCHEMA
    open_time: datetime
    state: BotState


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the journal stands: the newest completed run, and the unfinished ones after it, oldest first."""

    open_time: datetime | None
    state: BotState
    unfinished: tuple[StoredRecord, ...] = ()


class Journal:
    """The records of one bot, symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, bot_id: str, symbol: str, interval: str) -> None:
        self._storage = storage
        self._bot_id = bot_id
        self._symbol = symbol
        self._interval = interval
        self._prefix = f"journal/{symbol}/{interval}/"
        self._state_key = f"state/{symbol}/{interval}.json"
        self._seen: tuple[datetime, str] | None = None

    def key(self, open_time: datetime) -> RunKey:
        """Return the key of a run of this journal."""
        return RunKey(bot_id=self._bot_id, symbol=self._symbol, interval=self._interval, open_time=open_time)

    def read(self, open_time: datetime) -> StoredRecord | None:
        """Return the record of a kline, None when there is none. Raises BadData when it is damaged."""
        return self._read(self._object_key(open_time))

    def create(self, record: RunRecord) -> StoredRecord:
        """Write a record that does not exist yet, sealed if it is completed. Raises Conflict when it does."""
        record = _sealed(record)
        etag = self._storage.create(self._object_key(record.key.open_time), to_json(record))
        return StoredRecord(record=record, etag=etag)

    def replace(self, stored: StoredRecord, record: RunRecord) -> StoredRecord:
        """Write the next version of a record. Raises Conflict when somebody else did; a completed one never changes."""
        if stored.record.status is Status.COMPLETED:
            raise BadData(f"the record of {record.key} is completed and may not be changed")
        record = _sealed(record)
        etag = self._storage.replace(self._object_key(record.key.open_time), to_json(record), stored.etag)
        return StoredRecord(record=record, etag=etag)

    def withdraw(self, stored: StoredRecord) -> None:
        """Remove a record that was only claimed. Raises Conflict when somebody took it over."""
        if stored.record.status is not Status.CLAIMED:
            raise BadData(f"the record of {stored.record.key} is {stored.record.status} and may not be removed")
        key = self._object_key(stored.record.key.open_time)
        self._storage.replace(key, to_json(replace(stored.record, owner="withdrawn")), stored.etag)
        self._storage.delete(key)

    def take_back(self, record: RunRecord) -> None:
        """Remove the record of an absence that turns out not to have been one, and the books that followed from it."""
        if record.missed_from is None:
            raise BadData(f"the record of {record.key} is not one of an absence and may not be removed")
        self._storage.delete(self._object_key(record.key.open_time))
        self.rebuild_state()

    def save_state(self, record: RunRecord) -> None:
        """Copy the books of a completed record, unless a later one was copied before. Raises Conflict in a race."""
        if record.state is None:
            return
        data = to_json(StoredState(open_time=record.key.open_time, state=record.state))
        if self._seen is not None and self._seen[0] < record.key.open_time and self._replaced(data, self._seen[1]):
            return
        stored = self._storage.get(self._state_key)
        if stored is None:
            self._storage.create(self._state_key, data)
            return
        copy = self._decoded(stored)
        if copy is None or copy.open_time < record.key.open_time:
            self._storage.replace(self._state_key, data, stored.etag)

    def _replaced(self, data: bytes, etag: str) -> bool:
        """Write the state if it is still the one that was read last: that saves reading it again."""
        try:
            self._storage.replace(self._state_key, data, etag)
        except Conflict:
            self._seen = None
            return False
        self._seen = None
        return True

    def rebuild_state(self) -> datetime | None:
        """Write the books of the newest completed record as the state, whatever it is now; return its kline."""
        newest = self._from_journal()
        if newest is not None:
            self._storage.put(self._state_key, to_json(newest))
        return None if newest is None else newest.open_time

    def newest(self) -> datetime | None:
        """Return the kline of the newest completed run, None before the first one."""
        copy = self._copy()
        return None if copy is None else copy.open_time

    def state(self) -> BotState | None:
        """Return the books after the newest completed run, None before the first one."""
        copy = self._copy()
        return None if copy is None else copy.state

    def latest(self, *, before: datetime) -> Position:
        """Return the books after the newest completed run, and what was left unfinished between it and `before`.

        The newest completed run may be the one of `before` or a later one: the caller decides what that means.
        """
        copy = self._copy()
        if copy is None:
            return self._forward(Position(open_time=None, state=BotState()), before=before)
        position = Position(open_time=copy.open_time, state=copy.state)
        return position if copy.open_time >= before else self._forward(position, before=before)

    def _copy(self) -> StoredState | None:
        """Return the state; where it is lost or damaged, what it would say, from the journal."""
        stored = self._storage.get(self._state_key)
        copy = None if stored is None else self._decoded(stored)
        self._seen = None if stored is None or copy is None else (copy.open_time, stored.etag)
        return copy or self._from_journal()

    def _decoded(self, stored: StoredObject) -> StoredState | None:
        try:
            return from_json(StoredState, stored.data, key=self._state_key, schema=SCHEMA)
        except NewerSchema:
            raise
        except BadData:
            return None

    def _from_journal(self) -> StoredState | None:
        for open_time in reversed(self.open_times()):
            stored = self.read(open_time)
            if stored is not None and stored.is_completed and stored.record.state is not None:
                return StoredState(open_time=open_time, state=stored.record.state)
        return None

    def open_times(self, *, after: datetime | None = None, before: datetime | None = None) -> list[datetime]:
        """Return the open times of all records between two klines (both exclusive), oldest first.

        With both ends given only their months are listed: years of records lie beside them.
        """
        ends = None if after is None or before is None else (after, before)
        prefixes = [self._prefix] if ends is None else [f"{self._prefix}{month}/" for month in _months(*ends)]
        times = [self._open_time(key) for prefix in prefixes for key in self._storage.keys(prefix)]
        return [time for time in times if (after is None or time > after) and (before is None or time < before)]

    def _forward(self, position: Position, *, before: datetime) -> Position:
        unfinished: list[StoredRecord] = []
        for open_time in self._following(position.open_time, before=before):
            stored = self.read(open_time)
            if stored is None:
                continue
            if stored.is_completed and stored.record.state is not None:
                position = Position(open_time=open_time, state=stored.record.state)
                unfinished.clear()
            else:
                unfinished.append(stored)
        return Position(open_time=position.open_time, state=position.state, unfinished=tuple(unfinished))

    def _following(self, after: datetime | None, *, before: datetime) -> list[datetime]:
        step = timedelta(milliseconds=interval_ms(self._interval))
        if after is None or before - after > _PROBES * step:
            return self._since_completed(self.open_times(after=after, before=before))
        return [after + step * count for count in range(1, round((before - after) / step))]

    def _since_completed(self, times: list[datetime]) -> list[datetime]:
        """Return the times from the newest completed run on, all when none is completed."""
        for position in reversed(range(len(times))):
            stored = self.read(times[position])
            if stored is not None and stored.is_completed:
                return times[position:]
        return times

    def _read(self, key: str) -> StoredRecord | None:
        stored = self._storage.get(key)
        if stored is None:
            return None
        record = from_json(RunRecord, stored.data, key=key, schema=SCHEMA, oldest=_OLDEST)
        if record.key != self.key(self._open_time(key)):
            raise BadData(f"{key} holds the record of {record.key.bot_id} {record.key}; restore it from a backup")
        return StoredRecord(record=record, etag=stored.etag)

    def _object_key(self, open_time: datetime) -> str:
        return f"{self._prefix}{open_time:%Y/%m/%dT%H%M}.json"

    def _open_time(self, key: str) -> datetime:
        name = key.removeprefix(self._prefix).removesuffix(".json")
        try:
            return datetime.strptime(f"{name}+0000", "%Y/%m/%dT%H%M%z").astimezone(from_ms(0).tzinfo)
        except ValueError as error:
            raise BadData(f"{key} is not the name of a journal record; move it out of the store") from error


def seal_of(record: RunRecord) -> str:
    """Return the SHA-256 of a record without its seal, in hex; fields that a later version adds do not change it."""
    return hashlib.sha256(to_json(replace(record, seal=""), with_defaults=False)).hexdigest()


def _sealed(record: RunRecord) -> RunRecord:
    return replace(record, seal=seal_of(record)) if record.status is Status.COMPLETED else record


def _months(first: datetime, last: datetime) -> Iterator[str]:
    """Yield the months from one time to another, as they are in keys (2026/11)."""
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield f"{year:04d}/{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months of a year
