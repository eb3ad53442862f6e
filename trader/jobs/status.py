"""Status: where one symbol stands, read from the store alone.

The newest record, the switch and the champion have to be readable; what was told of the runs, trainings and drift is
looked at where it is, and what cannot be read of it is a concern itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from trader.core.errors import BadData, TraderError
from trader.core.journal import RunRecord
from trader.core.klines import close_of, interval_ms
from trader.core.risk import Control
from trader.core.training import TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.concerns import Concern, Health, concerns_of, never_run, span
from trader.jobs.problems import RECENT, is_current
from trader.jobs.standing import Books, Decider, Training, books_of, decider_of, training_of
from trader.ml.drift.report import SKEW, DriftReport
from trader.store.control import STAMP_KEY, read_control
from trader.store.publication import Cursor, Problem, Publication, read_publication

Value = TypeVar("Value")

"""What is not done in every run: that it went wrong is shown for a day."""

_RUN = "run"
_ADVICE = {_RUN: "mend what it names; `trader doctor` tries what a run needs"}
_TELLING = timedelta(minutes=5)
"""How long it may take to tell of a run."""

_NEAR = 0.9
"""The share of its greatest age from which on a model is called old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The newest completed run, when the next kline closes, what the operator last said, and what is the matter.

    `concerns` begin with the most urgent one, which is the `health`; `now` is the bot's clock; `versions` are those of
    what runs here, the record has its own.
    """

    symbol: str
    mode: str
    store: str
    record: RunRecord | None
    next_close: datetime | None
    champion: str | None
    control: Control
    health: Health
    concerns: tuple[Concern, ...]
    now: datetime
    age: timedelta | None = None
    books: Books | None = None
    model: Decider | None = None
    training: Training = field(default_factory=Training)
    trackers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    drift: DriftReport | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def status(desk: Desk) -> Status:
    """Return where a symbol stands. Raises BadData when its newest record, its switch or its champion is damaged."""
    bot, now = desk.bot, desk.bot.clock.now()
    record, head = _newest(desk), desk.models.champion()
    control = read_control(bot.storage)
    unread: list[Concern] = []
    training = _attempt(lambda: training_of(desk, record=record), Training(), unread=unread)
    told = _attempt(
        lambda: read_publication(bot.storage, symbol=desk.symbol, interval=bot.interval), Publication(), unread=unread
    )
    problems = tuple(each for each in told.problems if now - each.at < RECENT)
    decider = None if head is None else decider_of(head, desk=desk, now=now)
    concerns = [] if record is None else concerns_of(record, control=control, now=now, max_lateness=bot.max_lateness)
    concerns = [
        *([never_run(desk.symbol, others=_others(desk))] if record is None else concerns),
        *_about_model(decider, desk=desk),
        *_about_training(training, symbol=desk.symbol),
        *_about_telling(told, record=record, now=now, interval=bot.interval),
        *_about_drift(told.drift),
        *unread,
    ]
    concerns.sort(key=lambda each: list(Health).index(each.health))
    open_time = None if record is None else record.key.open_time
    step = timedelta(milliseconds=interval_ms(bot.interval))
    return Status(
        symbol=desk.symbol,
        mode=bot.mode,
        store=bot.storage.locate(STAMP_KEY).removesuffix(f"/{STAMP_KEY}"),
        record=record,
        next_close=None if open_time is None else close_of(open_time + step, bot.interval),
        champion=head.model_id if head else None,
        control=control,
        health=concerns[0].health if concerns else Health.OK,
        concerns=tuple(concerns),
        now=now,
        age=None if open_time is None else now - close_of(open_time, bot.interval),
        books=None if record is None else books_of(record),
        model=decider,
        training=training,
        trackers={name: cursor.error for name, cursor in told.trackers.items()},
        problems=problems,
        drift=told.drift,
        versions=bot.versions,
    )


def _newest(desk: Desk) -> RunRecord | None:
    newest = desk.journal.newest()
    stored = desk.journal.read(newest) if newest else None
    if newest is not None and stored is None:
        raise BadData(
            f"the record of {desk.journal.key(newest)} is not in the journal any more; restore it from a backup"
        )
    return stored.record if stored else None


def _others(desk: Desk) -> list[str]:
    """Return the other symbols that have state in this store."""
    keys = (key.split("/") for key in desk.bot.storage.keys("state/"))
    return sorted({parts[1] for parts in keys} - {desk.symbol})


def _attempt(look: Callable[[], Value], otherwise: Value, *, unread: list[Concern]) -> Value:
    """Return what is found, and `otherwise` with a concern when it cannot be read."""
    try:
        return look()
    except TraderError as error:
        what, _, advice = str(error).rpartition("; ")
        unread.append(
            Concern(health=Health.ATTENTION, what=what or str(error), advice=advice if what else "look at it")
        )
        return otherwise


def _about_model(decider: Decider | None, *, desk: Desk) -> list[Concern]:
    limit = desk.bot.rules.risk.model_max_age
    if decider is None or decider.age is None or decider.age <= _NEAR * limit or decider.age > limit:
        return []  # one that is too old is what the run says
    what = f"the model has seen nothing for {span(decider.age)} and expires after {limit.days} days"
    return [Concern(health=Health.ATTENTION, what=what, advice="`trader train` a new one")]


def _about_training(training: Training, *, symbol: str) -> list[Concern]:
    found, finished = [], training.finished
    for model_id in training.waiting:
        advice = (
            f"`trader models show {model_id} --symbol {symbol}`, then `trader models promote {model_id} --symbol"
            f" {symbol} --why ...`"
        )
        found.append(Concern(health=Health.ATTENTION, what=f"model {model_id} waits for approval", advice=advice))
    if finished is not None and finished.outcome is TrainingOutcome.FAILED:
        what = f"the newest training ({finished.at:%Y-%m-%d %H:%M} UTC) failed"
        advice = f"`trader train --symbol {symbol}` tries again and says why"
        found.append(Concern(health=Health.ATTENTION, what=what, advice=advice))
    return found


def _about_telling(told: Publication, *, record: RunRecord | None, now: datetime, interval: str) -> list[Concern]:
    """Return what trackers did not take, and what went wrong in telling of the newest run and of rarer things."""
    trackers = [
        Concern(
            health=Health.ATTENTION,
            what=f"tracker {name} has failed in {cursor.failures} runs in a row{_from(cursor)}: {cursor.error}",
            advice="no run is affected, and what it did not get is sent later; mend it, then `trader doctor`",
        )
        for name, cursor in told.trackers.items()
        if cursor.failures
    ]
    newest = {each.where: each for each in told.problems if is_current(each, told=told, now=now, interval=interval)}
    others = [
        Concern(
            health=Health.FAILING if each.where == _RUN else Health.ATTENTION,
            what=f"{each.where} at {each.at:%Y-%m-%d %H:%M} UTC: {each.what}",
            advice=each.advice or _ADVICE.get(each.where, "no run is affected; `trader doctor` tries it"),
        )
        for each in newest.values()
        if each.where.removeprefix("tracker ") not in told.trackers
    ]
    return [*trackers, *others, *_untold(told, record=record, now=now)]


def _from(cursor: Cursor) -> str:
    return f", since {cursor.failing_since:%Y-%m-%d %H:%M} UTC" if cursor.failing_since else ""


def _untold(told: Publication, *, record: RunRecord | None, now: datetime) -> list[Concern]:
    done = None if record is None else record.completed_at
    if record is None or done is None or told.newest is None or told.newest >= record.key.open_time:
        return []
    if now - done < _TELLING:
        return []
    what = f"nobody was told of the newest run; dashboard and trackers are as of {told.newest:%Y-%m-%d %H:%M} UTC"
    return [Concern(health=Health.ATTENTION, what=what, advice="the next run does it; look at the log of this one")]


def _about_drift(report: DriftReport | None) -> list[Concern]:
    if report is None or not report.alarms:
        return []
    what = f"drift, looked for at {report.checked_at:%Y-%m-%d %H:%M} UTC: {', '.join(report.alarms)}"
    verify = "`trader verify` says where training and run differ; " if SKEW in report.alarms else ""
    train = "look at the dashboard's drift page, and `trader train` if it lasts" if report.wants_training else ""
    return [Concern(health=Health.ATTENTION, what=what, advice=(verify + train).rstrip("; "))]
