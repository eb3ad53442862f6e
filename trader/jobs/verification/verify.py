"""Verify: every journalled run made again from what it recorded, and whose fault it is where the outcome differs.

Each run begins with the books that the record before it holds, so an altered record shows itself, and that every
record follows from the one before is checked on the way. Nothing is written, and neither network nor key is needed.
"""

import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trader.core.errors import BadConfig, BadData, NewerSchema
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, empty, extend, interval_ms
from trader.jobs.bot import Desk
from trader.jobs.verification.chain import Chain, Found
from trader.jobs.verification.compare_copies import Span, in_doubt, ledger_differences, state_differences
from trader.jobs.verification.differences import Difference
from trader.jobs.verification.judge import Today
from trader.ports import Progress
from trader.store.journal import StoredRecord
from trader.store.klines import KlineStore
from trader.store.read_only import ReadOnly

_AT_ONCE = 256
_READERS = 4
"""Records read side by side: over a network the waiting is what takes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was checked and what was found.

    Of the `probabilities` that were recorded, `bitwise_equal` came out equal to the last bit. `missed` are klines that
    nobody decided on, `gaps` the records of absences among them, `filled` those that were never published. `unfinished`
    runs are not committed yet, `revised` ones were decided on klines that are stored differently now, and `unchecked`
    ones lack their model or klines.
    """

    symbol: str
    interval: str
    first: datetime
    last: datetime
    runs: int
    probabilities: int
    bitwise_equal: int
    missed: int
    gaps: int
    filled: int
    orders: int
    unfinished: int
    revised: int
    unchecked: int
    seconds: float
    causes: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def is_clean(self) -> bool:
        """Tell whether everything came out as it was recorded."""
        return not self.differences


def verify(
    desk: Desk,
    *,
    start: datetime | None,
    end: datetime | None,
    progress: Progress,
    times: Sequence[datetime] | None = None,
    with_copies: bool = True,
) -> Verification:
    """Check the completed runs with start <= open time <= end, all when None; nothing is written.

    `times` are the open times of the journal, where they are known: at least from the record before `start` to the
    newest one. Without copies ledger and state are not looked at: both take as long as the past is long.

    Raises BadConfig when there are none, BadData when the klines cannot be read and NewerSchema for anything that this
    version is too old to judge.
    """
    began = time.perf_counter()
    storage = ReadOnly(desk.bot.storage)
    desk = Desk(bot=replace(desk.bot, storage=storage, klines=KlineStore(storage)), symbol=desk.symbol)
    times = desk.journal.open_times() if times is None else times
    chosen = times[_from(times, start) : _to(times, end)]
    newest = _newest_completed(desk, times)
    if not chosen or newest is None or chosen[0] > newest:
        raise BadConfig(_nothing(desk, times))
    chain = _follow(desk, chosen, before=times[: _from(times, start)], newest=newest, progress=progress)
    span = Span(start=start, end=end, first=chosen[0])
    copies = list(ledger_differences(desk, storage, chain.rows, span=span, unfit=chain.unfit)) if with_copies else []
    if with_copies and chain.newest is not None and chain.newest.key.open_time == newest:
        copies += state_differences(desk, chain.newest, unfit=chain.unfit)
    found = [*chain.differences, *in_doubt(copies, chain.doubtful)]
    found.sort(key=lambda difference: difference.open_time)
    counted = ("runs", "probabilities", "bitwise_equal", "missed", "gaps", "filled", "orders", "unfinished")
    return Verification(
        symbol=desk.symbol,
        interval=desk.bot.interval,
        first=chosen[0],
        last=chosen[-1],
        **{name: chain.tally[name] for name in (*counted, "revised", "unchecked")},
        seconds=time.perf_counter() - began,
        causes=dict(Counter(difference.cause.value for difference in found)),
        differences=tuple(found),
    )


def _follow(
    desk: Desk, chosen: Sequence[datetime], *, before: Sequence[datetime], newest: datetime, progress: Progress
) -> Chain:
    """Return the chain after all chosen records have gone past."""
    bot = desk.bot
    previous = _read(desk, before[-1]) if before else None
    chain = Chain(
        desk,
        klines=_klines(desk, chosen, previous=previous),
        today=Today(
            versions=bot.versions, months=frozenset(bot.klines.months(desk.symbol, bot.interval)), newest=newest
        ),
        previous=previous,
    )
    progress.start(f"verifying {desk.symbol}", len(chosen))
    try:
        for batch in _batches(desk, chosen):
            chain.take(batch)
            progress.step(len(batch))
    finally:
        progress.finish()
    return chain


def _batches(desk: Desk, times: Sequence[datetime]) -> Iterator[list[Found]]:
    with ThreadPoolExecutor(_READERS) as pool:
        for first in range(0, len(times), _AT_ONCE):
            yield list(pool.map(lambda open_time: _read(desk, open_time), times[first : first + _AT_ONCE]))


def _read(desk: Desk, open_time: datetime) -> Found:
    try:
        return open_time, desk.journal.read(open_time)
    except NewerSchema:
        raise
    except BadData as error:
        return open_time, error


def _klines(desk: Desk, chosen: Sequence[datetime], *, previous: Found | None) -> Klines:
    """Return all klines that the runs can have seen, gap-filled to the last one as each run's own were."""
    bot, symbol = desk.bot, desk.symbol
    step = timedelta(milliseconds=interval_ms(bot.interval))
    start = chosen[0] - WARM_UP * step
    known = previous[1].record.state if previous and isinstance(previous[1], StoredRecord) else None
    if known is not None and known.paper.open_time is not None:
        start = min(start, known.paper.open_time)
    stored = bot.klines.load(symbol, bot.interval, start=start, end=chosen[-1] + step)
    return extend(stored, empty(bot.interval), until=chosen[-1])


def _newest_completed(desk: Desk, times: Sequence[datetime]) -> datetime | None:
    for open_time in reversed(times):
        _, found = _read(desk, open_time)
        if isinstance(found, StoredRecord) and found.is_completed:
            return open_time
    return None


def _from(times: Sequence[datetime], start: datetime | None) -> int:
    return 0 if start is None else bisect_left(times, start)


def _to(times: Sequence[datetime], end: datetime | None) -> int:
    return len(times) if end is None else bisect_right(times, end)


def _nothing(desk: Desk, times: Sequence[datetime]) -> str:
    what = f"{desk.symbol} {desk.bot.interval}"
    if not times:
        return f"{what}: there are no runs to verify; check --symbol and storage.url"
    return (
        f"{what}: there are no completed runs in that time; the journal goes from {times[0]:%Y-%m-%d %H:%M} to"
        f" {times[-1]:%Y-%m-%d %H:%M} UTC"
    )
