"""Exactly one decision a kline: who may work on a run.

The first process creates the run's record. Others find it there: completed means "already done"; given back by an owner
that failed, it is taken at once; otherwise it is taken over only when its tag has not changed for the whole lease on
the taker's own monotonic clock. Clocks of two machines are never compared. Every write names the tag it has read, so of
two takers one loses.
"""

import logging
from dataclasses import replace
from datetime import datetime

from trader.core.errors import Conflict, Retryable, TraderError
from trader.core.journal import RunRecord, Status
from trader.jobs.bot import Desk
from trader.jobs.silence import Silence
from trader.store.journal import StoredRecord

log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 2.0
NOBODY = ""


class InProgress(Retryable):
    """Another process works on this run and is alive."""


def claim(desk: Desk, open_time: datetime, *, gone: set[str]) -> StoredRecord:
    """Return the run's record, ours to continue, or a completed one. Raises InProgress when it is somebody else's."""
    bot = desk.bot
    record = RunRecord(
        key=desk.journal.key(open_time),
        mode=bot.mode,
        origin=bot.origin,
        status=Status.CLAIMED,
        owner=bot.owner,
        started_at=bot.clock.now(),
        versions=bot.versions,
    )
    try:
        return desk.journal.create(record)
    except Conflict:
        return take_over(desk, open_time, gone=gone)


def take_over(desk: Desk, open_time: datetime, *, gone: set[str]) -> StoredRecord:
    """Return an existing record once it is completed, given back, or its lease is over (then it is ours).

    An owner whose lease has run out is added to `gone`, and not waited for again: one that is frozen, not dead, loses
    each of its records by compare-and-swap.
    """
    bot = desk.bot
    stored = _read(desk, open_time)
    began, silence = bot.host.monotonic(), Silence(bot.host)
    is_told = False
    while stored.record.status is not Status.COMPLETED and stored.record.owner not in (NOBODY, bot.owner, *gone):
        if silence.of(stored.etag) >= bot.lease.total_seconds():
            gone.add(stored.record.owner)
            break
        if not is_told and bot.host.monotonic() - began > _PATIENCE_SECONDS:
            is_told = True
            lease = bot.lease.total_seconds()
            log.warning(
                "%s is %s's; waiting until it is done or silent for %g s", stored.record.key, stored.record.owner, lease
            )
        bot.host.sleep(_POLL_SECONDS)
        stored = _read(desk, open_time)
    if stored.record.status is Status.COMPLETED:
        return stored
    try:
        return desk.journal.replace(stored, replace(stored.record, owner=bot.owner))
    except Conflict as error:
        raise InProgress(f"{stored.record.key}: another process took this run over; nothing to do here") from error


def give_back(desk: Desk, open_time: datetime) -> None:
    """Let the next process continue at once after a failure; a failure to do so costs it the lease's wait."""
    try:
        stored = desk.journal.read(open_time)
        if stored and stored.record.owner == desk.bot.owner and stored.record.status is not Status.COMPLETED:
            desk.journal.replace(stored, replace(stored.record, owner=NOBODY))
    except TraderError:
        return


def _read(desk: Desk, open_time: datetime) -> StoredRecord:
    stored = desk.journal.read(open_time)
    if stored is None:
        raise InProgress(f"{desk.journal.key(open_time)}: the record was removed while it was waited for; run again")
    return stored
