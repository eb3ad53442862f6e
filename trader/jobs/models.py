"""A person's hand on the registry: look at the models, promote one, go back, pin the champion, prune the rejected.

Nothing here trains. Every change rests on the head that was read at its beginning: of two at once one conflicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trader.core.errors import BadConfig, TraderError
from trader.core.lifecycle import Event, Pin, State
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.bot import Desk
from trader.ml.card import ModelCard
from trader.ml.report import TrainingReport
from trader.store.head import StoredHead, Word
from trader.store.studies import StudyStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One model: its state, and since when, by whose word and why it is that (None and "" where nobody wrote it)."""

    model_id: str
    state: State
    since: datetime | None
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A symbol's models, the oldest first; the champion is None before the first promotion, `pin` when never pinned."""

    symbol: str
    interval: str
    champion: str | None
    since: datetime | None
    pin: Pin | None
    finished: FinishedTraining | None
    models: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One model: its card, whether it decides, its life, and what is wrong with its trees ("" if they can be read).

    `report` is that of the training it came out of: None for a model without one, or when a later training on the same
    klines has written another; `report_problem` says what is wrong with it.
    """

    card: ModelCard
    state: State
    decides: bool
    events: tuple[Event, ...]
    problem: str
    report: TrainingReport | None = None
    report_problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What a person's word has changed: `before` decided until now (None: nobody); the same id changes nothing."""

    symbol: str
    before: str | None
    champion: str
    warning: str

    @property
    def changed(self) -> bool:
        """Tell whether another model decides now."""
        return self.before != self.champion


def overview(desk: Desk) -> Overview:
    """Return all models of a symbol. Raises BadData when the head or the log is damaged."""
    head, events = desk.models.registry.head(), desk.models.registry.events()
    newest = {event.model_id: event for event in events}
    return Overview(
        symbol=desk.symbol,
        interval=desk.bot.interval,
        champion=head.model_id if head else None,
        since=head.since if head else None,
        pin=head.pin if head else None,
        finished=head.finished if head else None,
        models=tuple(_listed(model_id, newest.get(model_id)) for model_id in desk.models.ids()),
    )


def _listed(model_id: str, event: Event | None) -> Listed:
    if event is None:
        return Listed(model_id=model_id, state=State.TRAINED, since=None, who="", why="")
    return Listed(model_id=model_id, state=event.to_state, since=event.at, who=event.who, why=event.why)


def details(desk: Desk, model_id: str | None) -> Details:
    """Return what is known of a model, of the champion when None. Raises BadConfig for an unknown one."""
    model_id = champion_of(desk) if model_id is None else model_id
    card = desk.models.card(model_id)
    head = desk.models.registry.head()
    events = tuple(event for event in desk.models.registry.events() if event.model_id == model_id)
    report, report_problem = _report(desk, card, events=events)
    return Details(
        card=card,
        state=events[-1].to_state if events else State.TRAINED,
        decides=head is not None and head.model_id == model_id,
        events=events,
        problem=_problem(desk, model_id),
        report=report,
        report_problem=report_problem,
    )


def _report(desk: Desk, card: ModelCard, *, events: Sequence[Event]) -> tuple[TrainingReport | None, str]:
    if not card.study:
        return None, ""
    try:
        report = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval).report(card.study)
    except TraderError as error:
        return None, str(error)
    return (_as_it_ended(report, events), "") if report is not None and report.model_id == card.model_id else (None, "")


def _as_it_ended(report: TrainingReport, events: Sequence[Event]) -> TrainingReport:
    """Return the report, as that of a failed training when that was killed between the report and its last write."""
    states = {event.to_state for event in events} - {State.TRAINED}
    has_ended = State.CHAMPION in states if report.outcome is TrainingOutcome.PROMOTED else bool(states)
    if has_ended or report.outcome is TrainingOutcome.FAILED:
        return report
    why = f"it was cut off before its last write and has changed nothing; it would have been: {report.outcome}"
    return replace(report, outcome=TrainingOutcome.FAILED, result=why)


def _problem(desk: Desk, model_id: str) -> str:
    try:
        desk.models.load(model_id)
    except TraderError as error:
        return str(error)
    return ""


def champion_of(desk: Desk) -> str:
    """Return the id of the model that decides. Raises BadConfig when there is none."""
    head = desk.models.champion()
    if head is None or head.model_id is None:
        raise BadConfig(f"{desk.symbol} {desk.bot.interval} has no champion yet; `trader train` one, or name a model")
    return head.model_id


def promote(desk: Desk, model_id: str, *, who: str, why: str, unpin: bool = False) -> Promotion:
    """Let a stored model decide from the next run on.

    Raises Pinned when the champion is pinned and `unpin` is not said, BadConfig or BadData for a model that could not
    decide, Conflict when somebody else was faster; then nothing has changed.
    """
    return _promote(desk, model_id, over=desk.models.registry.read(), who=who, why=why, unpin=unpin)


def rollback(desk: Desk, *, who: str, why: str, unpin: bool = False) -> Promotion:
    """Let the champion before the current one decide again. Raises BadConfig when none is known; else as `promote`."""
    over = desk.models.registry.read()
    current = champion_of(desk)
    before = desk.models.registry.predecessor()
    if before is None:
        raise BadConfig(
            f"{desk.symbol} {desk.bot.interval}: the log knows of no champion before {current}; `trader models list`"
            " shows what there is, `trader models promote` takes any of it"
        )
    return _promote(desk, before, over=over, who=who, why=why, unpin=unpin)


def _promote(desk: Desk, model_id: str, *, over: StoredHead | None, who: str, why: str, unpin: bool) -> Promotion:
    card, word = desk.models.load(model_id).card, _word(desk, who=who, why=why)
    desk.models.registry.promote(card, expected=over, word=word, unpin=unpin)
    return Promotion(
        symbol=desk.symbol,
        before=over.head.model_id if over else None,
        champion=model_id,
        warning=_age_warning(desk, card),
    )


def _age_warning(desk: Desk, card: ModelCard) -> str:
    limit = desk.bot.rules.risk.model_max_age
    if desk.bot.clock.now() - card.last <= limit:
        return ""
    return (
        f"it has seen nothing after {card.last:%Y-%m-%d %H:%M} UTC, longer ago than risk.model_max_age_days"
        f" ({limit.days}); the bot stays flat with it"
    )


def pin(desk: Desk, *, on: bool, who: str, why: str) -> bool:
    """Keep trainings from replacing the champion, or let them again; return whether that is new.

    Raises BadConfig when there is no champion, Conflict when somebody else was faster.
    """
    registry = desk.models.registry
    over = registry.read()
    head = registry.pin(on=on, expected=over, word=_word(desk, who=who, why=why))
    return over is not None and head != over.head


def prune(desk: Desk, *, keep: int, who: str) -> tuple[str, ...]:
    """Delete the trees of all rejected models but the newest `keep` that never decided; return whose those were."""
    return desk.models.remove_rejected(keep=keep, word=_word(desk, who=who, why=f"the newest {keep} rejected are kept"))


def _word(desk: Desk, *, who: str, why: str) -> Word:
    return Word(at=desk.bot.clock.now(), who=who, why=why)
