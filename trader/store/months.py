"""Calendar months, the pieces that klines are kept in, written `YYYY-MM`; they sort as text. UTC only."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from trader.core.errors import BadConfig

_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")


def is_month(text: str) -> bool:
    """Tell whether a text is a month."""
    return bool(_MONTH.match(text)) and text >= "0001"


def month_of(moment: datetime) -> str:
    """Return the month a moment lies in."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def month_start(month: str) -> datetime:
    """Return the first moment of a month. Raises BadConfig for anything that is not a month."""
    if not is_month(month):
        raise BadConfig(f"{month!r} is not a month; write it as 2024-11")
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def month_end(month: str) -> datetime:
    """Return the first moment after a month."""
    return month_start(next_month(month))


def next_month(month: str) -> str:
    """Return the month after."""
    return month_of(month_start(month) + timedelta(days=31))


def previous_month(month: str) -> str:
    """Return the month before."""
    return month_of(month_start(month) - timedelta(days=1))


def month_range(first: str, last: str) -> Iterator[str]:
    """Yield the months from `first` to `last`, both included."""
    month = month_of(month_start(first))
    while month <= last:
        yield month
        month = next_month(month)


def days_of(month: str) -> Iterator[datetime]:
    """Yield the first moment of every day of a month."""
    day, end = month_start(month), month_end(month)
    while day < end:
        yield day
        day += timedelta(days=1)
