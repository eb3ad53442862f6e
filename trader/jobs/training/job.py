"""The training: from klines to the registry's word that it has finished.

    load       klines up to now, as many as the longest look-back, the searched span and the hold-out need
    search     recipes, on everything before the hold-out; each finished trial is stored
    judge      the best one: its walk-forward, its model's behaviour, and the gate on the hold-out
    choose     challenger, champion's recipe once more, or neither
    refit      what was chosen, on all klines, checked again
    conclude   by compare-and-swap against the head of the registry as it was at the beginning

Killed anywhere before its last write it has changed neither champion nor registry, and is due as before; the trials
that were finished are found again by a training on the same klines.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from trader.core.errors import BadData, Conflict, TraderError
from trader.core.klines import Klines
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.training.choose import Choice, Contest, choose, conclude
from trader.jobs.training.judge import Judged, check_newest, in_words, judge
from trader.jobs.training.load import newest_klines
from trader.jobs.training.search import Found, search_recipe
from trader.jobs.training.setup import TrainingSetup, spans_of
from trader.ml.gate import resolved
from trader.ml.report import TrainingReport, summarise
from trader.ml.training import TrainedModel, train_model
from trader.store.head import Word
from trader.store.registry import Pinned
from trader.store.studies import StudyStore

log = logging.getLogger(__name__)


class Load(Protocol):
    """Where the klines of a training come from."""

    def __call__(self, desk: Desk, *, count: int) -> Klines:
        """Return up to `count` gap-filled klines, oldest first. Raises BadData when there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How a training ended, and its report."""

    finished: FinishedTraining
    report: TrainingReport


def train(
    desk: Desk,
    *,
    why: str,
    deadline_seconds: float | None,
    heartbeat: Callable[[], None],
    setup: TrainingSetup,
    load: Load = newest_klines,
    insist: bool = False,
) -> Trained:
    """Search, judge, choose, refit and conclude on what `load` returns for as many klines as are wanted.

    With `insist` the challenger is promoted whatever the gate says, if its behaviour is sound. Raises BadData with too
    little history, when no trial can be fitted, or when a first model misbehaves; Retryable when the time is too short
    for a single trial; Conflict when the champion was moved meanwhile. Then nobody else decides than before.
    """
    begun = desk.bot.host.monotonic()
    contest = begin(desk, setup=setup, why=why)
    klines = load(desk, count=setup.klines(desk.bot.interval, champion=contest.recipe))
    spans = spans_of(klines, setup=setup)
    found = search_recipe(
        desk,
        klines[: spans.hold_out],
        spans=spans,
        champion=contest.recipe,
        setup=setup,
        seconds=search_seconds(setup, deadline_seconds, spent=desk.bot.host.monotonic() - begun),
        heartbeat=heartbeat,
    )
    judged = judge(desk, klines, spans=spans, found=found, champion=contest.recipe, setup=setup, heartbeat=heartbeat)
    choice = choose(contest, found, judged, newest=klines.last, setup=setup, insist=insist)
    model, choice = _refit(desk, klines, choice=choice, contest=contest, found=found, judged=judged, setup=setup)
    heartbeat()
    trained = _conclude(desk, contest, found, judged, choice=choice, model=model)
    _clear_up(desk, keep=setup.keep)
    return trained


def begin(desk: Desk, *, setup: TrainingSetup, why: str) -> Contest:
    """Return what stands at the beginning: the head, the champion and its recipe, the settings' where there is none."""
    standing, rules = desk.models.standing(), desk.bot.rules
    desk.models.registry.events()  # a log that cannot be written on is better known of before the search than after it
    card = None if standing.model is None else standing.model.card
    recipe = resolved(setup.recipe, rules.decision)
    if card is not None:
        recipe = replace(card.recipe, decision=card.rules_under(rules).decision)
    return Contest(
        expected=standing.stored,
        champion=card,
        recipe=resolved(recipe, rules.decision),
        why=why,
        at=desk.bot.clock.now(),
    )


_RESERVE_SECONDS = 12.0
_RESERVE_SHARE = 0.4


def search_seconds(setup: TrainingSetup, deadline: float | None, *, spent: float) -> float | None:
    """Return how long a search may take: what is left of the deadline but for what comes after; at most what is set."""
    if deadline is None:
        return setup.seconds
    left = max(0.0, deadline - spent - min(_RESERVE_SECONDS, _RESERVE_SHARE * deadline))
    return left if setup.seconds is None else min(setup.seconds, left)


def _refit(
    desk: Desk,
    klines: Klines,
    *,
    choice: Choice,
    contest: Contest,
    found: Found,
    judged: Judged,
    setup: TrainingSetup,
) -> tuple[TrainedModel | None, Choice]:
    """Return the model that comes out of it, and the choice, which is another one when that model misbehaves.

    A rejected challenger stays the model that lost: fitted to what was known when the hold-out began.
    """
    if choice.recipe is None:
        return judged.challenger, choice
    bot = desk.bot
    model = train_model(
        klines,
        symbol=desk.symbol,
        recipe=choice.recipe,
        now=contest.at,
        versions=bot.versions,
        study=found.study_id,
    )
    wrong = in_words(check_newest(model, klines, rule=bot.rules.decision, limits=setup.checks))
    if not wrong:
        return model, choice
    if contest.champion is None:
        raise BadData(f"{desk.symbol}: the first model would not do: {wrong}; look at the klines (`trader explore`)")
    return model, choice.rejected(f"fitted to all klines, its model would not do: {wrong}")


def _conclude(
    desk: Desk, contest: Contest, found: Found, judged: Judged, *, choice: Choice, model: TrainedModel | None
) -> Trained:
    """Store the model and the report, then let the registry know; that last write is what everything hangs on."""
    report = TrainingReport(
        symbol=desk.symbol,
        interval=desk.bot.interval,
        why=contest.why,
        at=contest.at,
        outcome=choice.outcome,
        result=choice.why,
        model_id=None if model is None else model.card.model_id,
        champion=None if contest.champion is None else contest.champion.model_id,
        recipe=found.recipe,
        study=summarise(found.study, study_id=found.study_id, effective=judged.effective),
        in_sample=judged.in_sample,
        hold_out=judged.hold_out,
        importance=judged.importance,
        checks=judged.checks,
        verdict=judged.verdict,
    )
    studies = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    if model is not None:
        desk.models.save(model, who=desk.bot.owner, why=contest.why)
    studies.write_report(found.study_id, report)  # before anybody is asked to approve what it is about
    try:
        finished = conclude(desk, contest, choice=choice, model=model)
    except (Conflict, Pinned):
        moved = "the champion was moved or pinned while this training was done; nothing has changed"
        studies.write_report(found.study_id, replace(report, outcome=TrainingOutcome.FAILED, result=moved))
        raise
    log.info("%s: training %d ended: %s, %s", desk.symbol, finished.number, finished.outcome, choice.why)
    return Trained(finished=finished, report=report)


def _clear_up(desk: Desk, *, keep: int) -> None:
    """Delete the trees of old rejected models; what cannot be deleted now is deleted after the next training."""
    word = Word(at=desk.bot.clock.now(), who=desk.bot.owner, why=f"the newest {keep} rejected are kept")
    try:
        desk.models.remove_rejected(keep=keep, word=word)
    except TraderError as error:
        log.warning("%s: rejected models were not cleared up: %s", desk.symbol, error)
