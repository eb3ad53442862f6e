"""Fill storage from the kline archive, month by month; run again, it does only what is left.

    read       what is stored of each month, and which files it was built from
    check      the published checksum of each month's file, and of the days of months that have none
    obtain     files that storage was not built from yet: from the copy kept earlier, or fetched, verified and kept
    store      a month's klines are replaced by its monthly file; daily files replace their days and leave the others,
               because klines of today that came from the market are newer than any daily file
    report     what is in storage now

A month remembers the content of the files it was built from, in the same object as its klines; so whenever the process
is killed, the next one sees what is left. A damaged file stops nothing but itself: the rest is stored, then it is
raised.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from trader.core.errors import BadConfig, BadData
from trader.core.klines import Gap, concat, fill_gaps, find_gaps, merge
from trader.jobs.archive_files import Obtained, Published, check_months, obtain, was_monthly
from trader.jobs.parallel import Parallel
from trader.ports import KlineArchive, ObjectStorage, Progress
from trader.store.kline_codec import KlineMonth
from trader.store.klines import KlineStore
from trader.store.months import month_of, month_range, month_start
from trader.store.raw import monthly_file
from trader.store.raw_store import RawStore

_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingestion did, and what is stored for its range afterwards.

    `fetched` files were downloaded, `from_raw` ones read from the copy kept earlier, `unchanged` ones not touched.
    `missing` are months, and days of months without a monthly file, that the archive does not have. `off_grid` rows
    were dropped from the files that the range is built from. `filled` rows fill the `gaps`.
    """

    symbol: str
    interval: str
    archive: str
    months: tuple[str, ...]
    fetched: int
    from_raw: int
    unchanged: int
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    real: int
    filled: int
    gaps: tuple[Gap, ...]
    off_grid: int
    seconds: float


def ingest(
    *,
    storage: ObjectStorage,
    archive: KlineArchive,
    progress: Progress,
    symbol: str,
    interval: str,
    first: str,
    last: str,
    now: datetime,
) -> IngestReport:
    """Bring the months from `first` to `last` (`2024-11`) into storage and report; safe to interrupt and to repeat.

    Daily files are looked for up to yesterday of `now`. Raises BadConfig for an impossible range, and BadData when the
    archive has nothing in it or, after everything else was stored, for damaged files.
    """
    began = time.perf_counter()
    months = _months(first=first, last=last, now=now)
    silver, raw = KlineStore(storage), RawStore(storage)
    with Parallel(progress, threads=_THREADS) as parallel:
        stored = parallel.each("reading storage", months, lambda month: silver.read(symbol, interval, month))
        published = check_months(archive, parallel, stored=stored, symbol=symbol, interval=interval, now=now)
        wanted = [each for each in published if each.exists and not each.is_in(stored[_month(each)])]
        answers = parallel.each("fetching files", wanted, lambda each: obtain(each, archive=archive, raw=raw))
        obtained = [answer for answer in answers.values() if answer is not None]
        written = _store(obtained, silver=silver, parallel=parallel)
        parallel.raise_damaged()
    lost = {each.file.path for each, answer in answers.items() if answer is None}
    published = [replace(each, checksum=None) if each.file.path in lost else each for each in published]
    if not any(each.exists or was_monthly(stored[_month(each)], each.file) for each in published):
        raise BadData(
            f"{symbol} {interval}: {archive.locate('')} has nothing from {first} to {last}; check symbol and range (the"
            " archive begins with a symbol's first trades, and a day's file appears on the next day)"
        )
    parts = {month: part for month in months if (part := written.get(month, stored[month])) is not None}
    klines = fill_gaps(concat([part.klines for part in parts.values()], interval))
    return IngestReport(
        symbol=symbol,
        interval=interval,
        archive=archive.locate(""),
        months=tuple(parts),
        fetched=sum(each.fetched for each in obtained),
        from_raw=sum(not each.fetched for each in obtained),
        unchanged=sum(each.exists for each in published) - len(obtained),
        missing=_missing(published),
        warnings=_warnings(published, parts=parts),
        real=len(klines.real),
        filled=int(klines.filled.sum()),
        gaps=tuple(find_gaps(klines)),
        off_grid=sum(source.off_grid for part in parts.values() for source in part.sources.values()),
        seconds=time.perf_counter() - began,
    )


def _months(*, first: str, last: str, now: datetime) -> list[str]:
    month_start(last)
    months = list(month_range(first, last))
    if not months:
        raise BadConfig(f"the range from {first} to {last} is empty; write the earlier month first")
    if last > month_of(now):
        raise BadConfig(f"month {last} is in the future; the last one there can be is {month_of(now)}")
    return months


def _month(published: Published) -> str:
    return month_of(published.file.start)


def _store(obtained: Sequence[Obtained], *, silver: KlineStore, parallel: Parallel) -> dict[str, KlineMonth]:
    """Write every month that a file was obtained for, and return them as they are stored now."""
    ordered = sorted(obtained, key=lambda each: each.parsed.file.start)
    by_month = {
        month: list(files) for month, files in groupby(ordered, key=lambda each: month_of(each.parsed.file.start))
    }

    def write(month: str) -> KlineMonth:
        files = by_month[month]
        file = files[0].parsed.file
        _, new = silver.update(file.symbol, file.interval, month, lambda old: _rebuilt(old, files))
        return new

    return parallel.each("storing months", by_month, write)


def _rebuilt(old: KlineMonth, files: Iterable[Obtained]) -> KlineMonth:
    """Return a month with the span of each file replaced by what the file holds."""
    klines, sources = old.klines, dict(old.sources)
    for each in files:
        file = each.parsed.file
        if file == monthly_file(old.symbol, old.interval, old.month):
            sources = {}
        kept = concat([klines[: klines.index_of(file.start)], klines[klines.index_of(file.end) :]], old.interval)
        klines = merge(kept, each.parsed.klines)
        sources[file.path] = each.source
    return replace(old, klines=klines, sources=sources)


def _missing(published: Sequence[Published]) -> tuple[str, ...]:
    """Return the months the archive has nothing of, and the days it lacks of months that it has only days of."""
    missing: list[str] = []
    for month, group in groupby(sorted(published, key=lambda each: (_month(each), each.file.label)), key=_month):
        monthly, *days = group
        absent = [each.file.label for each in days if not each.exists]
        if not monthly.exists and len(absent) == len(days):
            missing.append(month)
        elif not monthly.exists:
            missing.extend(absent)
    return tuple(missing)


def _warnings(published: Sequence[Published], *, parts: Mapping[str, KlineMonth]) -> tuple[str, ...]:
    """Return in words what a person should know although nothing had to stop."""
    warnings = []
    for each in published:
        part = parts.get(_month(each))
        if each.exists and each.checksum is None:
            warnings.append(f"{each.file.name}: no checksum is published, its content could not be verified")
        if not each.exists and was_monthly(part, each.file):
            warnings.append(f"{each.file.name} is not in the archive any more; what was stored from it is kept")
        source = part.sources.get(each.file.path) if part else None
        if source is not None and source.off_grid:
            warnings.append(f"{each.file.name}: {source.off_grid} rows were dropped, no kline opens at their times")
    return tuple(warnings)
