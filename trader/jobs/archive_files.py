"""What the kline archive has for a range of months, and how one of its files becomes klines.

A file counts by its content: the published checksum, or where none is published the archive's own revision tag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadData
from trader.jobs.parallel import Parallel
from trader.ports import KlineArchive
from trader.store.kline_codec import KlineMonth, Source
from trader.store.months import days_of
from trader.store.raw import ArchiveFile, ParsedFile, daily_file, monthly_file, parse
from trader.store.raw_store import RawStore, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the archive says of a file: only one without a checksum is asked for its revision."""

    file: ArchiveFile
    checksum: str | None
    revision: str | None

    @property
    def exists(self) -> bool:
        """Whether the archive has the file."""
        return self.checksum is not None or self.revision is not None

    def is_in(self, part: KlineMonth | None) -> bool:
        """Tell whether a stored month was built from this very content."""
        source = part.sources.get(self.file.path) if part is not None else None
        if source is None:
            return False
        if self.checksum is not None:
            return source.sha256 == self.checksum
        return bool(self.revision) and source.revision == self.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """A file's klines and content, and whether it had to be fetched."""

    parsed: ParsedFile
    source: Source
    fetched: bool


def check_months(
    archive: KlineArchive,
    parallel: Parallel,
    *,
    stored: Mapping[str, KlineMonth | None],
    symbol: str,
    interval: str,
    now: datetime,
) -> list[Published]:
    """Return what the archive says of every month's file, and of the days before `now` of months that have none.

    A month that was built from its monthly file is never rebuilt from daily ones.
    """

    def ask(file: ArchiveFile) -> Published:
        checksum = archive.checksum(file.path)
        revision = archive.revision(file.path) if checksum is None else None
        return Published(file=file, checksum=checksum, revision=revision)

    files = {month: monthly_file(symbol, interval, month) for month in stored}
    monthly = parallel.each("checking monthly files", files.values(), ask)
    absent = [month for month, file in files.items() if file in monthly and not monthly[file].exists]
    days = [
        daily_file(symbol, interval, day)
        for month in absent
        if not was_monthly(stored[month], files[month])
        for day in days_of(month)
        if day.date() < now.date()
    ]
    return [*monthly.values(), *parallel.each("checking daily files", days, ask).values()]


def was_monthly(part: KlineMonth | None, file: ArchiveFile) -> bool:
    """Tell whether a month was built from this, its monthly file."""
    return part is not None and file.path in part.sources


def obtain(published: Published, *, archive: KlineArchive, raw: RawStore) -> Obtained | None:
    """Return a file's klines from its kept copy or fetched and then kept; None when the archive has only its checksum.

    Raises BadData for content that is not the published one or is no spot kline file; none of it is kept then.
    """
    file, checksum = published.file, published.checksum
    kept = raw.get(file, checksum=checksum) if checksum is not None else None
    data = archive.fetch(file.path) if kept is None else kept
    if data is None:
        return None
    found = sha256(data)
    if checksum is not None and found != checksum:
        raise BadData(
            f"{archive.locate(file.path)} has SHA-256 {found[:12]}..., published is {checksum[:12]}...; nothing of it"
            " was stored, run the ingestion again"
        )
    parsed = parse(file, data)
    if kept is None:
        raw.keep(file, data, checksum=checksum)
    elif checksum is not None:
        raw.keep_checksum(file, checksum)
    source = Source(sha256=found, revision=published.revision, off_grid=parsed.off_grid)
    return Obtained(parsed=parsed, source=source, fetched=kept is None)
