"""Klines in storage, one object a month: `klines/BTCUSDT/1h/2024-11.parquet`.

What must hold:

- Only real klines count. Filled rows in the files are for people who open them; they are dropped on reading and filled
  again over the joined range, so a month that came late or was re-issued leaves no stale ones behind.
- What is asked for up to a moment depends on nothing after it: a range that ends inside a gap ends with the last real
  kline before it, whether or not later ones are stored. So a replay over a full store reads what the live run read.
- Storage is always asked. The cache saves the parsing of bytes whose tag has not changed, never the question.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from trader.core.errors import BadConfig, Conflict
from trader.core.klines import Klines, checked, concat, empty, fill_gaps, from_ms, interval_ms, merge
from trader.ports import ObjectStorage
from trader.store.kline_codec import KlineMonth, decode, encode
from trader.store.months import is_month, month_of, previous_month

Change = Callable[[KlineMonth], KlineMonth]

_SYMBOL = re.compile(r"^[A-Z0-9]{1,20}$")
_ATTEMPTS = 50
_READERS = 8
_CACHED_MONTHS = 256
_HOLE = 2
"""Months that may be absent in a row before storage is asked what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    part: KlineMonth
    etag: str


class KlineStore:
    """Real klines by month, given back gap-filled. Raises BadData for a damaged month and never takes it for empty."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self._cache: dict[str, _Stored] = {}
        self._absent: set[str] = set()
        self._lock = threading.Lock()

    def months(self, symbol: str, interval: str) -> list[str]:
        """Return the months that are stored, oldest first."""
        prefix = _key(symbol, interval, "")
        names = (key.removeprefix(prefix).removesuffix(".parquet") for key in self._storage.keys(prefix))
        return sorted(name for name in names if is_month(name))

    def load(self, symbol: str, interval: str, *, start: datetime | None = None, end: datetime | None = None) -> Klines:
        """Return the klines with start <= open time < end, gaps filled and flagged; empty when there are none.

        The first kline opens at `start` even inside a gap, if an older one is stored to fill it with; the last one is
        real.
        """
        stored = self.months(symbol, interval)
        wanted = [
            month
            for month in stored
            if (start is None or month >= month_of(start))
            and (end is None or month <= month_of(end - timedelta(milliseconds=1)))
        ]
        real = concat(self._read_all(symbol, interval, wanted), interval)
        if end is not None:
            real = real[: real.index_of(end)]
        if start is None:
            return fill_gaps(real)
        if len(real) and real.first > start:
            older = (month for month in reversed(stored) if month < month_of(start))
            real = concat([self._last_of(symbol, interval, older), real], interval)
        filled = fill_gaps(real)
        return filled[filled.index_of(start) :]

    def window(self, symbol: str, interval: str, *, last: datetime, count: int) -> Klines:
        """Return the last `count` klines that open at or before `last`, gaps filled and flagged.

        Fewer when there are not as many; the last one is real, so it opens before `last` when that kline is not stored.
        """
        step = timedelta(milliseconds=interval_ms(interval))
        parts: list[Klines] = []
        for part in self._newest_first(symbol, interval, month_of(last)):
            real = part.until(last)
            if len(real):
                parts.insert(0, real)
            if parts and parts[0].first <= parts[-1].last - (count - 1) * step:
                break
        filled = fill_gaps(concat(parts, interval))
        return filled[max(0, len(filled) - count) :]

    def append(self, symbol: str, klines: Klines) -> int:
        """Merge real klines into their months, the new ones winning, and return how many rows are new or changed.

        Months that stay as they are are not written. Raises BadData for klines that no reader could rely on.
        """
        columns = dict(klines.real.columns())
        klines = checked(interval=klines.interval, source=f"{symbol} {klines.interval} to be stored", **columns)
        changed = 0
        for month, part in _by_month(klines):

            def merged(old: KlineMonth, part: Klines = part) -> KlineMonth:
                return replace(old, klines=merge(old.klines, part)) if _differing(old.klines, part) else old

            old, _ = self.update(symbol, klines.interval, month, merged, is_in_hand=True)
            changed += _differing(old.klines, part)
        return changed

    def read(self, symbol: str, interval: str, month: str) -> KlineMonth | None:
        """Return one month as it is stored, None when it certainly is not."""
        stored = self._read(symbol, interval, month)
        return None if stored is None else stored.part

    def update(
        self, symbol: str, interval: str, month: str, change: Change, *, is_in_hand: bool = False
    ) -> tuple[KlineMonth, KlineMonth]:
        """Replace a month by `change` of what is stored (an empty month if nothing is); return it before and after.

        `change` is called again when somebody else wrote in between; giving back the same object writes nothing. One
        that `is_in_hand` is not read again at first: should it have changed since, the write conflicts. Raises Conflict
        when that happens too often.
        """
        key = _key(symbol, interval, month)
        nothing = KlineMonth(symbol=symbol, interval=interval, month=month, klines=empty(interval), sources={})
        for attempt in range(1, _ATTEMPTS + 1):
            is_known = is_in_hand and attempt == 1 and (key in self._cache or key in self._absent)
            stored = self._cache.get(key) if is_known else self._read(symbol, interval, month)
            old = nothing if stored is None else stored.part
            new = change(old)
            if new is old:
                return old, old
            try:
                data = encode(new)
                etag = self._storage.replace(key, data, stored.etag) if stored else self._storage.create(key, data)
            except Conflict:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(attempt / 1000)  # two that write at the same pace would go on losing in turns
                continue
            self._remember(key, _Stored(part=new, etag=etag))
            return old, new
        raise AssertionError("the last attempt returns or raises")

    def _read(self, symbol: str, interval: str, month: str) -> _Stored | None:
        key = _key(symbol, interval, month)
        found = self._storage.get(key)
        if found is None:
            self._cache.pop(key, None)
            self._absent.add(key)
            return None
        cached = self._cache.get(key)
        if cached is not None and cached.etag == found.etag:
            return cached
        part = decode(found.data, key=self._storage.locate(key), symbol=symbol, interval=interval, month=month)
        stored = _Stored(part=part, etag=found.etag)
        self._remember(key, stored)
        return stored

    def _remember(self, key: str, stored: _Stored) -> None:
        for _, column in stored.part.klines.columns():
            column.flags.writeable = False
        with self._lock:
            self._absent.discard(key)
            self._cache.pop(key, None)
            self._cache[key] = stored
            if len(self._cache) > _CACHED_MONTHS:
                del self._cache[next(iter(self._cache))]

    def _read_all(self, symbol: str, interval: str, months: list[str]) -> list[Klines]:
        """Read months side by side: over a network the waiting is what takes long."""
        with ThreadPoolExecutor(_READERS) as pool:
            parts = pool.map(lambda month: self.read(symbol, interval, month), months)
            return [part.klines for part in parts if part is not None]

    def _last_of(self, symbol: str, interval: str, months: Iterator[str]) -> Klines:
        """Return the last real kline of the first month that has one, as klines of length 1 or 0."""
        for month in months:
            part = self.read(symbol, interval, month)
            if part is not None and len(part.klines):
                return part.klines[-1:]
        return empty(interval)

    def _newest_first(self, symbol: str, interval: str, month: str) -> Iterator[Klines]:
        """Yield the klines of a month and of those before it, listing only where two in a row are absent."""
        absent = 0
        while absent < _HOLE:
            part = self.read(symbol, interval, month)
            absent = 0 if part is not None else absent + 1
            if part is not None:
                yield part.klines
            month = previous_month(month)
        for older in reversed(self.months(symbol, interval)):
            part = self.read(symbol, interval, older) if older <= month else None
            if part is not None:
                yield part.klines


def _key(symbol: str, interval: str, month: str) -> str:
    interval_ms(interval)
    if not _SYMBOL.match(symbol):
        raise BadConfig(f"symbol {symbol!r} is not one; write it as Binance does, for example BTCUSDT")
    return f"klines/{symbol}/{interval}/{month}.parquet" if month else f"klines/{symbol}/{interval}/"


def _by_month(klines: Klines) -> Iterator[tuple[str, Klines]]:
    if not len(klines):
        return
    months = klines.open_time.astype("datetime64[ms]").astype("datetime64[M]")
    starts = np.flatnonzero(np.diff(months, prepend=months[:1] - 1))
    for start, end in zip(starts, [*starts[1:], len(klines)], strict=True):
        yield month_of(from_ms(klines.open_time[start])), klines[int(start) : int(end)]


def _differing(old: Klines, new: Klines) -> int:
    """Return how many of the new klines are not among the old ones with the same values."""
    if not len(old):
        return len(new)
    at = np.minimum(np.searchsorted(old.open_time, new.open_time), len(old) - 1)
    same = np.ones(len(new), dtype=np.bool_)
    for (_, before), (_, after) in zip(old.columns(), new.columns(), strict=True):
        same &= before[at] == after
    return int(np.count_nonzero(~same))
