"""The step after the order: where a training is due, it is done, under a lease of its own.

The run has been committed before this begins, and nothing in here can change that. Killed anywhere, the training is
still due; the next run does it, once the lease is silent. What was begun counts, also what failed: a training that
kills its process is not begun again for ever.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from trader.core.errors import Conflict, Retryable, TraderError
from trader.core.journal import RunRecord
from trader.core.klines import interval_ms, last_closed
from trader.core.policy import Timing
from trader.core.strategy import PaperBook
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.silence import Silence
from trader.store.training import NOBODY, StoredLease, TrainingLease, TrainingLeases

log = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_SPARE = timedelta(minutes=10)
"""Before the next close everything is done: the next run begins on an idle machine."""
_BEATS = 6
_POLLS = 60


class Train(Protocol):
    """A training: everything from klines to the registry's word that it has finished.

    `deadline_seconds` is how long it may take, None for as long as it takes; `heartbeat` is called at least every few
    seconds, in the thread that was called, and raises Conflict when another process has taken the training over.
    """

    def __call__(
        self, desk: Desk, *, why: str, deadline_seconds: float | None, heartbeat: Callable[[], None]
    ) -> FinishedTraining:
        """Return how it ended. Raises TraderError when it did not: it is due as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainLimits:
    """When a training may begin. `has_deadline` is False on a clock that stands still while it is done."""

    timing: Timing
    max_per_day: int
    min_seconds: float
    lease: timedelta
    has_deadline: bool


class Retrained(StrEnum):
    """What became of a training that was, or was not, due."""

    NOT_DUE = "not-due"
    EXTERNAL = "external"
    TOO_LATE = "too-late"
    CAPPED = "capped"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """The outcome after the run of a kline, in words why, and the training or the error if it came to one."""

    symbol: str
    open_time: datetime
    outcome: Retrained
    why: str
    finished: FinishedTraining | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Why a training that is due is not begun now."""

    outcome: Retrained
    why: str


def retrain_if_due(
    desk: Desk, record: RunRecord, *, train: Train, limits: RetrainLimits, asked: str = ""
) -> Retraining:
    """Train if the newest run left that due and nothing is in the way. Raises nothing but what ends the process.

    `asked` says what else speaks for a training; it is heard once the pause after the last one is over.
    """
    try:
        return _retrain(desk, record, train=train, limits=limits, asked=asked)
    except Exception as error:  # the run is committed: not even a bug in a training may fail it
        if isinstance(error, TraderError):
            log.warning("%s: no training: %s", desk.symbol, error)
        else:
            log.exception("%s: the training has a bug", desk.symbol)
        return _ended(record, Retrained.FAILED, f"it failed: {error}", error=error)


def _retrain(desk: Desk, record: RunRecord, *, train: Train, limits: RetrainLimits, asked: str) -> Retraining:
    paper = None if record.state is None else record.state.paper
    if paper is None or (paper.due_since is None and not (asked and _is_rested(desk, paper))):
        return _ended(record, Retrained.NOT_DUE, "no training is due")
    why = f"due since {paper.due_since:%Y-%m-%d %H:%M} UTC ({paper.due_to})" if paper.due_since else asked
    lease = _hindrance(desk, limits) or _take(desk, seen=paper.training, limits=limits)
    if isinstance(lease, Hindrance):
        return _ended(record, lease.outcome, f"{why}; {lease.why}")
    try:
        finished = train(desk, why=why, deadline_seconds=_seconds_left(desk, limits), heartbeat=lease.beat)
    finally:
        lease.release()
    return _ended(record, Retrained.FINISHED, why, finished=finished)


def _is_rested(desk: Desk, paper: PaperBook) -> bool:
    """Tell whether the pause after the last training is over."""
    at, pause = paper.trained_at, desk.bot.rules.trigger.cooldown
    return at is None or desk.bot.clock.now() - at >= pause


def _hindrance(desk: Desk, limits: RetrainLimits) -> "Hindrance | None":
    if limits.timing is Timing.EXTERNAL:
        return Hindrance(outcome=Retrained.EXTERNAL, why="left to `trader train --if-due`")
    left = _seconds_left(desk, limits)
    if left is not None and left < limits.min_seconds:
        return Hindrance(outcome=Retrained.TOO_LATE, why=f"{max(left, 0):.0f} s are left in this hour, too few")
    return None


def _take(desk: Desk, *, seen: int | None, limits: RetrainLimits) -> "Lease | Hindrance":
    """Return the lease, with this attempt written down in it, or why it is not ours.

    What has finished is asked after the lease was read: whoever takes it from then on makes our write conflict.
    """
    leases = TrainingLeases(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    stored = _wait_for(desk, leases, limits=limits)
    if stored is None:
        return Hindrance(outcome=Retrained.IN_PROGRESS, why="another process is at it")
    if _has_finished(desk, since=seen):
        return Hindrance(outcome=Retrained.NOT_DUE, why="a training has finished since")
    begun = begun_lately(stored.lease, now=desk.bot.clock.now())
    if len(begun) >= limits.max_per_day:
        return Hindrance(
            outcome=Retrained.CAPPED, why=f"{len(begun)} trainings were begun within a day (retrain.max_per_day)"
        )
    try:
        return Lease(desk, leases, stored, begun=begun, length=limits.lease)
    except Conflict:
        return Hindrance(outcome=Retrained.IN_PROGRESS, why="another process was faster")


def begun_lately(lease: TrainingLease, *, now: datetime) -> tuple[datetime, ...]:
    """Return the times of the last day at which a training was begun; a time that is far off counts for nothing."""
    return tuple(at for at in lease.begun if abs(now - at) < _DAY)


def _has_finished(desk: Desk, *, since: int | None) -> bool:
    """Tell whether the next run will see a training that the newest one has not."""
    head = desk.models.registry.head()
    finished = None if head is None else head.finished
    return finished is not None and finished.number != since and finished.outcome is not TrainingOutcome.FAILED


def _wait_for(desk: Desk, leases: TrainingLeases, *, limits: RetrainLimits) -> StoredLease | None:
    """Return the lease once it is nobody's, or silent for its whole length; None as soon as its owner shows life."""
    bot, seconds = desk.bot, limits.lease.total_seconds()
    silence, stored = Silence(bot.host), leases.read()
    first = stored.etag
    while stored.lease.owner not in (NOBODY, bot.owner) and silence.of(stored.etag) < seconds:
        bot.host.sleep(seconds / _POLLS)
        stored = leases.read()
        if stored.etag != first and stored.lease.owner != NOBODY:
            return None
    return stored


class Lease:
    """A lease that is ours as long as signs of life are given; the attempt is written down with it, before the work.

    Raises Conflict when somebody else was faster.
    """

    def __init__(
        self, desk: Desk, leases: TrainingLeases, stored: StoredLease, *, begun: tuple[datetime, ...], length: timedelta
    ) -> None:
        self._owner = desk.bot.owner
        self._host = desk.bot.host
        self._leases = leases
        self._every = length.total_seconds() / _BEATS
        self._beaten = self._host.monotonic()
        mine = TrainingLease(owner=self._owner, beat=stored.lease.beat + 1, begun=(*begun, desk.bot.clock.now()))
        self._stored = leases.write(stored, mine)

    def beat(self) -> None:
        """Give a sign of life, if the last one is a while ago. Raises Conflict when the lease is another process's.

        A storage that does not answer is tried again with the next sign: the lease outlasts a few.
        """
        now = self._host.monotonic()
        if now - self._beaten < self._every:
            return
        self._beaten = now
        try:
            self._write(self._owner)
        except Retryable as error:
            log.warning("no sign of life: %s", error)

    def release(self) -> None:
        """Let others train at once; a failure to do so costs them the lease's wait."""
        try:
            self._write(NOBODY)
        except TraderError as error:
            log.warning("the lease of the training was not given back: %s", error)

    def _write(self, owner: str) -> None:
        try:
            self._stored = self._leases.write(self._stored, _next(self._stored.lease, owner=owner))
        except Conflict as error:
            found = self._leases.read()  # it may be what we wrote ourselves, when no answer came
            if found.lease.owner != self._owner:
                raise Conflict("another process has taken the training over; this one ends without a result") from error
            self._stored = self._leases.write(found, _next(found.lease, owner=owner))


def _next(lease: TrainingLease, *, owner: str) -> TrainingLease:
    return replace(lease, owner=owner, beat=lease.beat + 1)


def _seconds_left(desk: Desk, limits: RetrainLimits) -> float | None:
    """Return the seconds until a training has to be done, by the market's time: minute 50 of an hourly bot's hour."""
    if not limits.has_deadline:
        return None
    bot, now = desk.bot, desk.bot.clock.now()
    interval = timedelta(milliseconds=interval_ms(bot.interval))
    spare = min(_SPARE, interval / 6)
    return (last_closed(now, bot.interval) + 2 * interval - spare - now).total_seconds()


def _ended(
    record: RunRecord,
    outcome: Retrained,
    why: str,
    *,
    finished: FinishedTraining | None = None,
    error: Exception | None = None,
) -> Retraining:
    key = record.key
    return Retraining(
        symbol=key.symbol, open_time=key.open_time, outcome=outcome, why=why, finished=finished, error=error
    )
