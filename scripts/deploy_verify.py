"""Verified is a version that has completed a run for every symbol, by its own record in the journal.

A task that started proves nothing yet. A halted bot passes when it was halted before the deployment: then nothing of
the new version is to blame, and it has shown that it sees the halt. What can be known earlier ends the waiting: a task
that failed, a service that ECS has given up; and neither may be there when the run is, which may be the probe's own.
"""

from dataclasses import dataclass, field
from datetime import datetime

from scripts.deploy_aws import Aws, Clock, NotNow, ago
from scripts.deploy_journal import Entry, Journal, journals
from scripts.deploy_stack import Failed, Stack
from scripts.deploy_tasks import Revision, find_trouble, service_standing

VERIFY_MINUTES = 75
"""The next full hour and the quarter in which it can still be decided, whenever the waiting begins."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """One deployment that is waited for: which records are there already, and which were spoken of."""

    commit: str
    since: datetime
    found: dict[str, Entry] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)


def verify(
    aws: Aws, clock: Clock, stack: Stack, *, revision: Revision, commit: str, since: datetime, minutes: float
) -> list[str]:
    """Wait until the commit has completed a run for every symbol; return the records' keys. Raises Failed."""
    watch = Watch(commit=commit, since=since)
    symbols, interval = stack.output("Symbols"), stack.output("Interval")
    books = journals(aws, url=stack.output("StorageUrl"), symbols=symbols, interval=interval)
    clock.say(f"waiting, at most {minutes:g} minutes, for a completed run of {commit[:12]} for {symbols}")
    for _ in clock.poll(every=30, until=ago(clock, minutes=minutes)):
        try:
            if trouble := next(find_trouble(aws, revision, since=since), ""):
                raise Failed(trouble)
            for book in books:
                _look(clock, book, watch)
            if len(watch.found) == len(books):
                return [entry.key for entry in watch.found.values()]
        except NotNow as error:
            clock.say(f"asking again: {error}")
    missing = ", ".join(book.symbol for book in books if book.symbol not in watch.found)
    raise Failed(
        f"no completed run of {commit[:12]} for {missing} within {minutes:g} minutes;"
        f" {service_standing(aws, revision)}."
        f" The market or the exchange may have been away: the log {revision.log_group} says why"
    )


def _look(clock: Clock, book: Journal, watch: Watch) -> None:
    """Look for the symbol's record of the new commit. Raises Failed when the bot was halted since the deployment."""
    if book.symbol in watch.found:
        return
    for entry in book.entries(since=watch.since, until=clock.now()):
        if entry.commit != watch.commit or entry.completed_at is None or entry.completed_at < watch.since:
            continue
        if entry.is_missed:
            if entry.key not in watch.told:
                clock.say(f"{entry.key} was too late to decide: it proves little, waiting for the next hour")
                watch.told.add(entry.key)
            continue
        for halt in entry.halts:
            if not book.is_older(halt, began=watch.since):
                raise Failed(f"{book.symbol} was halted after the deployment began: {halt.why} ({entry.key})")
            clock.say(f"{book.symbol} is halted since before the deployment: {halt.why}")
        clock.say(f"{book.symbol}: {entry.key} was completed by {entry.commit[:12]} ({entry.reason})")
        watch.found[book.symbol] = entry
        return
