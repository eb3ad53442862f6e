"""Parts of a status: both books after the newest run, the model that decides, and how trainings stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.core.journal import RunRecord
from trader.core.klines import close_of
from trader.core.lifecycle import State
from trader.core.orders import as_decimal
from trader.core.policy import Due
from trader.core.training import FinishedTraining
from trader.jobs.bot import Desk
from trader.store.head import Head
from trader.store.training import NOBODY, TrainingLeases


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Both books after the newest run: fractions of the notional, and the execution book in quote units, too.

    `drawdown` is from the peak since the last start or resume; `trigger` the sum that the trigger looks at, over
    `trigger_runs` runs, which makes a training due below `trigger_threshold`.
    """

    exposure: float
    paper_net: float
    paper_gross: float
    drawdown: float
    execution: float | None
    execution_quote: float | None
    trigger: float | None
    trigger_runs: int | None
    trigger_threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """The model that decides: `age` counts from the close of the newest kline that it has seen."""

    model_id: str
    since: datetime | None
    last: datetime | None
    age: timedelta | None
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Whether one is due and to what, who is at it ("" for nobody), and how the newest one ended.

    `waiting` are the challengers that a person has to promote or reject.
    """

    due_since: datetime | None = None
    due_to: Due | None = None
    owner: str = ""
    finished: FinishedTraining | None = None
    waiting: tuple[str, ...] = ()


def books_of(record: RunRecord) -> Books | None:
    """Return the books after a run, None for a record without any."""
    if record.state is None:
        return None
    paper, trigger = record.state.paper, record.trigger
    price = record.inputs.price if record.inputs else paper.close
    equity = float(record.state.execution.equity(as_decimal(price))) if price else None
    return Books(
        exposure=paper.exposure,
        paper_net=paper.net,
        paper_gross=paper.gross,
        drawdown=paper.peak - paper.since_resume,
        execution=None if equity is None or not record.notional else equity / float(record.notional),
        execution_quote=equity,
        trigger=trigger.cumulative if trigger else None,
        trigger_runs=trigger.runs if trigger else None,
        trigger_threshold=record.rules.trigger.threshold if record.rules else None,
    )


def decider_of(head: Head, *, desk: Desk, now: datetime) -> Decider:
    """Return who decides at `now`."""
    last = head.card.last if head.card else None
    return Decider(
        model_id=head.model_id or "",
        since=head.since,
        last=last,
        age=None if last is None else now - close_of(last, desk.bot.interval),
        pinned=head.pinned,
    )


def training_of(desk: Desk, *, record: RunRecord | None) -> Training:
    """Return how trainings stand after a run. Raises as lease, head and log of the models do."""
    leases = TrainingLeases(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    owner, head = leases.read().lease.owner, desk.models.registry.head()
    paper = None if record is None or record.state is None else record.state.paper
    due = paper is not None and paper.due_since is not None
    states = desk.models.registry.states()
    return Training(
        due_since=paper.due_since if paper else None,
        due_to=paper.due_to if paper and due else None,
        owner="" if owner == NOBODY else owner,
        finished=head.finished if head else None,
        waiting=tuple(model_id for model_id, state in states.items() if state is State.CHALLENGER),
    )
