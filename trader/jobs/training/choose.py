"""What comes of a training: the challenger, the champion's recipe once more, or neither; and how that is written down.

the challenger won the gate                    it is refitted, and decides (or waits for a person's word)
there is no champion yet                       the recipe of the settings, unless the challenger has beaten it
the search found nothing better than the       the champion's recipe is refitted on newer klines: it has been
champion's own recipe, or its model is old     confirmed, or would expire
otherwise                                      rejected; the champion stays as it is
"""

from dataclasses import dataclass, replace
from datetime import datetime

from trader.core.errors import Retryable
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.training.judge import Judged
from trader.jobs.training.search import Found
from trader.jobs.training.setup import TrainingSetup
from trader.ml.card import ModelCard
from trader.ml.promotion import PromotionPolicy
from trader.ml.recipe import Recipe
from trader.ml.training import TrainedModel
from trader.store.head import StoredHead, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a training begins with: the head as read, the champion's card if there is one, the recipe to beat."""

    expected: StoredHead | None
    champion: ModelCard | None
    recipe: Recipe
    why: str
    at: datetime

    @property
    def is_pinned(self) -> bool:
        """Whether a person has said that no training replaces the champion."""
        return self.expected is not None and self.expected.head.pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is refitted (None: nothing), what becomes of it, and in words why."""

    recipe: Recipe | None
    outcome: TrainingOutcome
    why: str

    def rejected(self, why: str) -> "Choice":
        """Return the choice after all not to change anything."""
        return replace(self, outcome=TrainingOutcome.REJECTED, why=why)


def choose(
    contest: Contest, found: Found, judged: Judged, *, newest: datetime, setup: TrainingSetup, insist: bool
) -> Choice:
    """Return what a training comes to; `newest` is the open time of the last kline it knows."""
    choice = _choose(contest, found, judged, newest=newest, setup=setup, insist=insist)
    if contest.is_pinned and choice.outcome is TrainingOutcome.PROMOTED:
        return replace(choice, outcome=TrainingOutcome.CHALLENGER, why=f"the champion is pinned; else: {choice.why}")
    return choice


def _choose(
    contest: Contest, found: Found, judged: Judged, *, newest: datetime, setup: TrainingSetup, insist: bool
) -> Choice:
    lost = _objection(found, judged)
    is_approved = setup.policy is PromotionPolicy.AUTO or contest.champion is None  # a first model replaces nobody
    wins = TrainingOutcome.PROMOTED if is_approved else TrainingOutcome.CHALLENGER
    if lost is None:
        outcome = TrainingOutcome.PROMOTED if insist else wins
        return Choice(recipe=found.recipe, outcome=outcome, why=judged.verdict.why if judged.verdict else "")
    if insist and judged.is_sound:
        why = f"a person insisted, although: {lost}"
        return Choice(recipe=found.recipe, outcome=TrainingOutcome.PROMOTED, why=why)
    if contest.champion is None:
        why = f"the first model, by the settings' recipe ({lost})"
        return Choice(recipe=contest.recipe, outcome=TrainingOutcome.PROMOTED, why=why)
    if found.recipe == contest.recipe:
        why = "no recipe was better than the champion's own, which is fitted to newer klines"
        return Choice(recipe=contest.recipe, outcome=wins, why=why)
    if newest - contest.champion.last >= setup.renew_after:
        why = f"the champion's model is old, its recipe is fitted to newer klines (the challenger: {lost})"
        return Choice(recipe=contest.recipe, outcome=wins, why=why)
    return Choice(recipe=None, outcome=TrainingOutcome.REJECTED, why=lost)


def _objection(found: Found, judged: Judged) -> str | None:
    """Return why the challenger has not won, None when it has."""
    if found.recipe is None:
        return "no trial traded enough to be evidence"
    if not judged.is_sound:
        return f"its model would not do: {judged.complaints}"
    if judged.verdict is None or not judged.verdict.promoted:
        return "the gate was not passed" if judged.verdict is None else judged.verdict.why
    return None


def conclude(desk: Desk, contest: Contest, *, choice: Choice, model: TrainedModel | None) -> FinishedTraining:
    """Write the end of the training into the head of the registry, with the promotion if it came to one.

    Raises Conflict when the champion was moved, or pinned, since the training began.
    """
    registry = desk.models.registry
    word = Word(at=desk.bot.clock.now(), who=desk.bot.owner, why=f"{contest.why}: {choice.why}")
    if choice.outcome is not TrainingOutcome.PROMOTED or model is None:
        model_id = "" if model is None else model.card.model_id
        return registry.note_training(model_id, outcome=choice.outcome, word=word)
    head = registry.promote(model.card, expected=contest.expected, word=word, ends_training=True)
    if head.finished is None:
        raise Retryable(f"{desk.symbol}: the registry took no note of the training; try again")
    return head.finished
