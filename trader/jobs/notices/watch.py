"""Notices about what is looked at beside the runs: drift, train/serve skew, trackers."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trader.core.notices import Level, Notice, Topic
from trader.jobs.notices.wording import count, moment, notice

if TYPE_CHECKING:
    from trader.jobs.verification.verify import Verification

_SKEW = "skew"
_SHOWN = 6
_PATIENCE = 3
"""Runs in a row that a tracker may fail in before anybody is told: what it has missed it gets later."""


class Look(Protocol):
    """What is told of a report of drift."""

    @property
    def checked_at(self) -> datetime:
        """Market time."""

    @property
    def model_id(self) -> str | None:
        """Whose training the hours are compared with."""

    @property
    def window_days(self) -> int:
        """How many days were looked at."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of what is beyond its limit."""


def of_drift(symbol: str, report: Look) -> tuple[Notice, ...]:
    """Return the notices of a look for drift; a difference between training and serving is one of its own."""
    drifted = [name for name in report.alarms if name != _SKEW]
    found: list[Notice] = []
    at = report.checked_at
    if drifted:
        what = f"not as in the training of {report.model_id}, over {report.window_days} days: {_listed(drifted)}"
        advice = (
            f"`trader drift --symbol {symbol}` has the figures; `trader train --symbol {symbol}` trains on newer klines"
        )
        found.append(notice(Topic.DRIFT, Level.WARNING, symbol=symbol, at=at, what=what, advice=advice))
    if _SKEW in report.alarms:
        found.append(_skew(symbol, "the newest decisions come out otherwise when they are made again", at=at))
    return tuple(found)


def of_verification(found: "Verification", *, at: datetime) -> tuple[Notice, ...]:
    """Return the notice of decisions that did not come out as they were recorded, by whose fault that is."""
    if found.is_clean:
        return ()
    causes = ", ".join(f"{number} {cause}" for cause, number in found.causes.items())
    what = f"{count(found.runs, 'run')} made again, not as recorded: {causes}"
    return (_skew(found.symbol, what, at=at),)


def of_tracker(
    symbol: str, name: str, *, error: str, since: datetime, failures: int, at: datetime
) -> tuple[Notice, ...]:
    """Return the notice of a tracker that has failed in several runs in a row; none before that."""
    if failures < _PATIENCE:
        return ()
    what = f"tracker {name} has failed in {failures} runs in a row, since {moment(since)}: {error}"
    advice = "`trader doctor` tries it; trading goes on, and it gets later what it has missed"
    return (notice(Topic.TRACKER, Level.WARNING, symbol=symbol, at=at, what=what, advice=advice),)


def _skew(symbol: str, what: str, *, at: datetime) -> Notice:
    advice = f"`trader verify --symbol {symbol}` names each difference, whose fault it is and what to do"
    return notice(Topic.SKEW, Level.ERROR, symbol=symbol, at=at, what=what, advice=advice)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
