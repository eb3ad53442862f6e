"""One hour of the strategy: settle what was held, check the limits, guard, decide.

Backtest, replay and live call `advance` and nothing beside it. This file does not know which of them it is in: it is
given the closes since the last hour, what is known at this kline's close, and answers with a new paper book.

What must be kept: the return of kline K is settled with the exposure decided at K, so at K+1 at the earliest; the cost
of a change is charged to the first hour that it earns; an hour is settled once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trader.core.accounting import Costs, HourReturn, gross_return, net_return
from trader.core.decision import Decision, DecisionRule, Reason, decide
from trader.core.errors import BadData
from trader.core.policy import Due, Trigger, TriggerPolicy, evaluate_trigger
from trader.core.risk import Control, ControlMode, Halt, OnHalt, RiskLimits, check_limits, guard, reduce_only
from trader.core.training import FinishedTraining, TrainingOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything the strategy is configured with; the model itself is not among it."""

    decision: DecisionRule
    costs: Costs
    risk: RiskLimits
    trigger: TriggerPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBook:
    """The paper book after a run. All returns are sums of hourly returns on a fixed notional.

    `exposure` was decided at the close of `open_time` and `change` is by how much it changed there (its cost is charged
    when that hour is settled). `since_resume` and `peak` are net sums since the last start or resume. `window` holds
    the net returns the trigger looks at, oldest first. `klines` is how many were settled, `round_trips` how many
    positions were left. `idle` counts the runs without a position in which the model could have taken one, since the
    last position, training or model, as far as a limit is set on them; `training` is the number of the newest finished
    training that was seen, None before the first.
    """

    open_time: datetime | None = None
    close: float = 0.0
    exposure: float = 0.0
    change: float = 0.0
    gross: float = 0.0
    net: float = 0.0
    since_resume: float = 0.0
    peak: float = 0.0
    klines: int = 0
    round_trips: int = 0
    window: tuple[float, ...] = ()
    halt: Halt | None = None
    control_sequence: int = 0
    model_id: str | None = None
    trained_at: datetime | None = None
    due_since: datetime | None = None
    due_to: Due = Due.RETURN
    idle: int = 0
    training: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is known at the close of one kline. `p_up` and the filter indicators are NaN-free when `blocked` is None.

    `model_last` is the newest kline that the model has seen, `trained` the newest training that has finished: None
    where no model is, or no such training is known.
    """

    open_time: datetime
    close: float
    p_up: float | None
    volatility: float
    volume_ratio: float
    blocked: Reason | None
    control: Control
    model_id: str | None
    model_last: datetime | None = None
    trained: FinishedTraining | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The outcome of one hour; `marks` are the limits reached in it, also those that stopped nothing."""

    book: PaperBook
    settled: tuple[HourReturn, ...]
    decision: Decision
    trigger: Trigger
    marks: tuple[Halt, ...]


def advance(book: PaperBook, *, closes: Sequence[tuple[datetime, float]], now: Observation, rules: Rules) -> Step:
    """Return the book after the hour of `now`, and all that was decided on the way.

    `closes` are the klines after `book.open_time` up to and including `now.open_time`, oldest first, without a hole.
    Raises BadData when they do not end there or begin too early.
    """
    if book.open_time is not None and (not closes or closes[-1][0] != now.open_time):
        raise BadData(f"closes do not end with kline {now.open_time:%Y-%m-%d %H:%M}; a return or a cost would be lost")
    held = book.exposure
    book = _heed(book, control=now.control)
    book, settled, marks = settle(book, closes=closes, rules=rules)
    book = _resume_after_waiting(book, now=now, rules=rules)
    book = _note_model(book, now=now)
    decision = guard(control=now.control, halt=book.halt, held=held, blocked=now.blocked)
    if decision is None:
        decision = _ask_model(now, held=held, rules=rules)
    book = replace(
        book,
        open_time=now.open_time,
        close=now.close,
        exposure=decision.target,
        change=abs(decision.target - held),
        round_trips=book.round_trips + int(held != 0 and decision.target * held <= 0),
        idle=_idle_after(book, now=now, decision=decision, rules=rules),
    )
    trigger = evaluate_trigger(
        window=book.window,
        due_since=book.due_since,
        due_to=book.due_to,
        trained_at=book.trained_at,
        at=now.open_time,
        model_last=now.model_last,
        idle=book.idle,
        policy=rules.trigger,
    )
    book = replace(book, due_since=trigger.due_since, due_to=trigger.due_to)
    return Step(book=book, settled=settled, decision=decision, trigger=trigger, marks=marks)


def settle(
    book: PaperBook, *, closes: Sequence[tuple[datetime, float]], rules: Rules
) -> tuple[PaperBook, tuple[HourReturn, ...], tuple[Halt, ...]]:
    """Return the book with every hour since its last kline settled, those hours, and the limits reached in them."""
    if book.open_time is None:
        return book, (), ()
    settled: list[HourReturn] = []
    marks: list[Halt] = []
    for open_time, close in closes:
        if open_time <= book.open_time:
            raise BadData(f"kline {open_time:%Y-%m-%d %H:%M} was settled before; the state is ahead of the klines")
        gross = gross_return(exposure=book.exposure, close=book.close, next_close=close)
        net = net_return(gross=gross, change=book.change, costs=rules.costs)
        settled.append(HourReturn(open_time=book.open_time, exposure=book.exposure, gross=gross, net=net))
        since_resume = book.since_resume + net
        peak = max(book.peak, since_resume)
        halt = book.halt
        why = None if halt else check_limits(since_resume=since_resume, peak=peak, limits=rules.risk)
        if why is not None:
            mark = Halt(at=open_time, why=why)
            marks.append(mark)
            if rules.risk.on_halt is OnHalt.MARK:
                since_resume = peak = 0.0
            else:
                halt = mark
        book = replace(
            book,
            open_time=open_time,
            close=close,
            change=0.0,
            gross=book.gross + gross,
            net=book.net + net,
            since_resume=since_resume,
            peak=peak,
            klines=book.klines + 1,
            window=(*book.window, net)[-rules.trigger.window :],
            halt=halt,
        )
    return book, tuple(settled), tuple(marks)


def _heed(book: PaperBook, *, control: Control) -> PaperBook:
    """End a halt, and start the limits anew, when a person has said so since the last run.

    Before the settlement: what was said can only be about a halt that could be known, not one that is reached now.
    """
    if control.sequence in (0, book.control_sequence):  # nothing was ever said, or it was heeded before
        return book
    book = replace(book, control_sequence=control.sequence)
    return _resumed(book) if control.mode is ControlMode.RUN else book


def _resume_after_waiting(book: PaperBook, *, now: Observation, rules: Rules) -> PaperBook:
    """End a halt when the waiting time of a replay is over."""
    if book.halt is None or rules.risk.on_halt is not OnHalt.RESUME_AFTER or rules.risk.resume_after is None:
        return book
    return _resumed(book) if now.open_time - book.halt.at >= rules.risk.resume_after else book


def _resumed(book: PaperBook) -> PaperBook:
    return replace(book, halt=None, since_resume=0.0, peak=0.0)


def _note_model(book: PaperBook, *, now: Observation) -> PaperBook:
    """Take note of another model and of a training that has finished, which ends what was due.

    A person who promotes another model has trained nothing: what is due stays so. Only where no training was ever
    noted beside the champion (an older store) is a new model the sign that one has finished. One that failed has not.
    """
    first = book.model_id is None
    is_new = now.model_id is not None and now.model_id != book.model_id
    if is_new:
        book = replace(book, model_id=now.model_id, idle=0)
    if now.trained is None:
        return _trained(book, at=None if first else now.open_time) if is_new else book
    if now.trained.number == book.training or now.trained.outcome is TrainingOutcome.FAILED:
        return book
    book = replace(book, training=now.trained.number)
    # A training by hand notes its end by its own machine's clock. One that is far ahead must not keep the bot from ever
    # training again; the run that first sees the training does so within hours of it.
    is_sound = now.trained.at - now.open_time <= _SOUND
    return _trained(book, at=None if first else now.trained.at if is_sound else now.open_time)


_SOUND = timedelta(days=1)


def _trained(book: PaperBook, *, at: datetime | None) -> PaperBook:
    return replace(book, trained_at=at, due_since=None, due_to=Due.RETURN, idle=0)


def _idle_after(book: PaperBook, *, now: Observation, decision: Decision, rules: Rules) -> int:
    """Return how many runs in a row the model could have taken a position and there was none.

    A model that may not decide because it is too old, or because no feature row is like those it knows, is idle, too:
    another one would not be. An hour in which nobody may decide (halted, reduced, filled, missed, warming up, no
    model) is none of it, and counts neither way.
    """
    if not rules.trigger.max_idle:
        return 0
    if decision.target != 0:
        return 0
    is_free = now.control.mode is ControlMode.RUN and book.halt is None
    return book.idle + int(is_free and now.blocked in _OWN_FAULT)


_OWN_FAULT = (None, Reason.MODEL_EXPIRED, Reason.OUT_OF_RANGE)


def _ask_model(now: Observation, *, held: float, rules: Rules) -> Decision:
    if now.p_up is None:
        raise BadData(f"kline {now.open_time:%Y-%m-%d %H:%M}: no probability although nothing blocks the decision")
    if not all(map(math.isfinite, (now.p_up, now.volatility, now.volume_ratio))):
        raise BadData(
            f"kline {now.open_time:%Y-%m-%d %H:%M}: p(up) or a filter indicator is not a number; check the klines"
        )
    decision = decide(
        p_up=now.p_up,
        held=held,
        volatility=now.volatility,
        volume_ratio=now.volume_ratio,
        rule=rules.decision,
    )
    return reduce_only(decision, held=held) if now.control.mode is ControlMode.REDUCE else decision
