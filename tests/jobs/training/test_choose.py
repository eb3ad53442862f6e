"""What a training comes to: one row for every case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, START
from tests.desks import RECIPE
from tests.jobs.training.trainings import EASY, settings_of, setup_of
from trader.core.training import TrainingOutcome
from trader.jobs.training.choose import Contest, choose
from trader.jobs.training.judge import Judged
from trader.jobs.training.search import Found
from trader.ml.checks import Check, CheckName
from trader.ml.gate import Verdict, resolved
from trader.ml.study import Study, WhyStopped
from trader.ml.training import train_model
from trader.store.head import Head, StoredHead, Word

PROMOTED, REJECTED, CHALLENGER = TrainingOutcome.PROMOTED, TrainingOutcome.REJECTED, TrainingOutcome.CHALLENGER
SETUP = setup_of(retrain={"max_model_age_days": 100})
MANUAL = setup_of(promotion={"policy": "manual"}, retrain={"max_model_age_days": 100})
OWN = resolved(RECIPE, settings_of().rules().decision)
"""The champion's recipe, or the settings' where there is no champion."""
BETTER = replace(OWN, rounds=OWN.rounds + 1)
MODEL = train_model(EASY, symbol="BTCUSDT", recipe=replace(RECIPE, rounds=1), now=START, versions={})
YOUNG, OLD = MODEL.card.last + 99 * 24 * HOUR, MODEL.card.last + 100 * 24 * HOUR
BAD_CHECK = Check(name=CheckName.ONE_SIDED, passed=False, figure=1.0, bound=0.9, words="100.0% on one side")


def contest(*, champion=True, pinned=False, at=YOUNG):
    word = Word(at=START, who="a person", why="for a test")
    head = Head().with_champion(MODEL.card, word=word).with_pin(on=pinned, word=word)
    return Contest(
        expected=StoredHead(head=head, etag="tag") if champion else None,
        champion=MODEL.card if champion else None,
        recipe=OWN,
        why="for a test",
        at=at,
    )


def found(recipe):
    study = Study(digest="d", first=START, last=START, folds=1, trials=(), why_stopped=WhyStopped.TRIALS, seconds=1.0)
    return Found(study=study, study_id="20240101T0000-0123456789", recipe=recipe, stream=None, importance=None)


def judged(*, wins, checks=()):
    verdict = Verdict(
        promoted=wins,
        why="it earns more" if wins else "it earns less",
        champion=None,
        challenger=None,
        difference=None,
        bound=None,
        block=None,
        rules=SETUP.gate,
        seed=0,
        first=START,
        last=START,
    )
    return Judged(challenger=MODEL, checks=checks, verdict=verdict)


WON, LOST = judged(wins=True), judged(wins=False)
MISBEHAVES = judged(wins=True, checks=(BAD_CHECK,))
NOTHING = Judged()


@pytest.mark.parametrize(
    ("what", "outcome", "refitted", "says"),
    [
        ({"judged": WON}, PROMOTED, BETTER, "it earns more"),
        ({"judged": WON, "setup": MANUAL}, CHALLENGER, BETTER, "it earns more"),
        ({"judged": WON, "pinned": True}, CHALLENGER, BETTER, "the champion is pinned; else: it earns more"),
        ({"judged": LOST}, REJECTED, None, "it earns less"),
        ({"judged": LOST, "insist": True}, PROMOTED, BETTER, "a person insisted, although: it earns less"),
        ({"judged": WON, "insist": True}, PROMOTED, BETTER, "it earns more"),
        ({"judged": LOST, "insist": True, "setup": MANUAL}, PROMOTED, BETTER, "a person insisted"),
        ({"judged": LOST, "insist": True, "pinned": True}, CHALLENGER, BETTER, "the champion is pinned"),
        ({"judged": MISBEHAVES}, REJECTED, None, "one-sided: 100.0% on one side"),
        ({"judged": MISBEHAVES, "insist": True}, REJECTED, None, "one-sided"),
        ({"judged": NOTHING, "recipe": None}, REJECTED, None, "no trial traded enough"),
        ({"judged": NOTHING, "recipe": None, "insist": True}, REJECTED, None, "no trial traded enough"),
        ({"judged": LOST, "recipe": OWN}, PROMOTED, OWN, "the champion's own, which is fitted to newer klines"),
        ({"judged": LOST, "recipe": OWN, "setup": MANUAL}, CHALLENGER, OWN, "the champion's own"),
        ({"judged": LOST, "recipe": OWN, "pinned": True}, CHALLENGER, OWN, "the champion is pinned"),
        ({"judged": LOST, "newest": OLD}, PROMOTED, OWN, "model is old, its recipe is fitted to newer klines"),
        ({"judged": LOST, "newest": OLD, "setup": MANUAL}, CHALLENGER, OWN, "it earns less"),
        ({"judged": NOTHING, "recipe": None, "newest": OLD}, PROMOTED, OWN, "no trial traded enough"),
        ({"judged": WON, "newest": OLD}, PROMOTED, BETTER, "it earns more"),
        ({"judged": WON, "champion": False}, PROMOTED, BETTER, "it earns more"),
        ({"judged": LOST, "champion": False}, PROMOTED, OWN, "the first model, by the settings' recipe"),
        ({"judged": LOST, "champion": False, "setup": MANUAL}, PROMOTED, OWN, "the first model"),
        ({"judged": WON, "champion": False, "setup": MANUAL}, PROMOTED, BETTER, "it earns more"),
        ({"judged": NOTHING, "recipe": None, "champion": False}, PROMOTED, OWN, "no trial traded enough"),
        ({"judged": MISBEHAVES, "champion": False}, PROMOTED, OWN, "100.0% on one side"),
    ],
)
def test_every_case_has_one_outcome(*, what, outcome, refitted, says):
    begun = contest(champion=what.get("champion", True), pinned=what.get("pinned", False))
    choice = choose(
        begun,
        found(what.get("recipe", BETTER)),
        what["judged"],
        newest=what.get("newest", YOUNG),
        setup=what.get("setup", SETUP),
        insist=what.get("insist", False),
    )
    assert (choice.outcome, choice.recipe) == (outcome, refitted)
    assert says in choice.why


def test_the_age_of_a_model_is_that_of_the_klines_whatever_the_clock_says():
    much_later = contest(at=OLD + timedelta(days=3000))
    choice = choose(much_later, found(BETTER), LOST, newest=YOUNG, setup=SETUP, insist=False)
    assert choice.outcome is REJECTED
