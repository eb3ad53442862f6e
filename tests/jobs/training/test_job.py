"""A training from klines to the registry, on real storage: what it writes, and what it leaves alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import klines_of
from tests.desks import SYMBOL, another_process
from tests.jobs.training.trainings import (
    ALONE,
    EASY,
    HOURS,
    NOISE,
    TIMID,
    Watched,
    desk_on,
    setup_of,
    studies_of,
    trained,
)
from trader.core.errors import BadData, Conflict, NewerSchema
from trader.core.lifecycle import State
from trader.core.training import TrainingOutcome
from trader.jobs.models import details, pin, promote
from trader.jobs.training.setup import spans_of
from trader.ml.gate import resolved
from trader.ml.study import TrialState
from trader.store.codec import to_json

HEAD = f"models/{SYMBOL}/1h/champion.json"
HOPELESS = {"margin": 99.0}
"""A gate that nobody passes."""


def contents(desk):
    storage = desk.bot.storage
    return {key: storage.get(key).data for key in storage.keys("")}


def changed(desk, before):
    after = contents(desk)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_the_first_training_leaves_a_champion_a_study_and_a_report_that_agree(tmp_path):
    desk, progress = desk_on(tmp_path), Watched()
    found = trained(desk, progress=progress)
    report, head = found.report, desk.models.registry.head()
    assert (found.finished, head.model_id) == (head.finished, report.model_id)
    assert report.outcome is found.finished.outcome is TrainingOutcome.PROMOTED
    assert report.champion is None
    card = desk.models.champion().card
    assert card.study == report.study.study_id
    assert card.last == EASY.last, "it is fitted to all klines, the hold-out included"
    assert card.recipe == resolved(setup_of().recipe, desk.bot.rules.decision)
    assert studies_of(desk).report(card.study) == report
    trials = studies_of(desk).study(card.study).trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    best = max(trial.score for trial in trials)
    assert (report.study.trials, report.study.score) == (4, best)
    assert (progress.steps, progress.total, progress.finished) == (4, 4, 1)
    assert progress.notes[-1] == f"best {best:+.2%}"
    assert details(desk, card.model_id).report == report


def test_a_challenger_that_wins_the_hold_out_decides_with_the_rule_it_was_searched_with(tmp_path):
    desk = desk_on(tmp_path, **TIMID)
    first = trained(desk, **ALONE)
    assert (first.report.recipe, first.report.outcome) == (None, TrainingOutcome.PROMOTED)
    assert "no trial traded enough" in first.report.result
    found = trained(desk, **TIMID)
    assert found.report.verdict.promoted
    assert found.report.outcome is TrainingOutcome.PROMOTED
    head = desk.models.champion()
    assert head.model_id == found.finished.model_id != first.finished.model_id
    assert head.card.recipe == found.report.recipe
    assert head.card.rules_under(desk.bot.rules).decision.band < 0.25
    assert desk.models.registry.states()[first.finished.model_id] is State.RETIRED


@pytest.mark.slow
def test_a_rejected_challenger_is_kept_with_its_report_and_the_champion_stays(tmp_path):
    desk = desk_on(tmp_path, NOISE)
    first = trained(desk).finished
    before = desk.models.champion()
    second = trained(desk, why="once more", promotion=HOPELESS)
    assert second.finished.outcome is TrainingOutcome.REJECTED
    assert second.finished.number == first.number + 1
    head = desk.models.champion()
    assert replace(head, finished=None) == replace(before, finished=None)
    loser = details(desk, second.finished.model_id)
    assert loser.state is State.REJECTED
    assert loser.card.last < before.card.last, "it is the model that was judged, fitted before the hold-out"
    assert loser.report.verdict.why in loser.events[-1].why
    assert loser.report.champion == before.model_id


@pytest.mark.slow
def test_under_a_manual_policy_the_winner_waits_and_a_person_can_promote_it(tmp_path):
    desk = desk_on(tmp_path, **TIMID)
    first = trained(desk, **ALONE, promotion={"policy": "manual"}).finished.model_id
    found = trained(desk, **TIMID, promotion={"policy": "manual"})
    assert found.report.verdict.promoted
    assert found.finished.outcome is found.report.outcome is TrainingOutcome.CHALLENGER
    assert desk.models.champion().model_id == first
    promote(desk, found.finished.model_id, who="a person", why="read the report")
    assert desk.models.champion().model_id == found.finished.model_id


@pytest.mark.slow
def test_a_pinned_champion_stays_also_when_a_person_insists(tmp_path):
    desk = desk_on(tmp_path)
    trained(desk)
    pin(desk, on=True, who="a person", why="for a test")
    before = desk.models.champion()
    found = trained(desk, insist=True)
    assert found.finished.outcome is found.report.outcome is TrainingOutcome.CHALLENGER
    assert "pinned" in found.report.result
    assert replace(desk.models.champion(), finished=None) == replace(before, finished=None)
    assert details(desk, found.report.model_id).state is State.CHALLENGER


@pytest.mark.slow
def test_a_champion_moved_by_somebody_else_meanwhile_ends_the_training_without_a_change(tmp_path):
    desk = desk_on(tmp_path)
    first = trained(desk).finished.model_id
    rival = another_process(desk)
    loser = trained(desk).finished.model_id
    moved = []

    def meanwhile():
        if not moved:
            moved.append(rival.models.promote(loser, now=rival.bot.clock.now(), why="a person was faster"))

    registry = desk.models.registry
    with pytest.raises(Conflict, match="moved by somebody else"):
        trained(desk, insist=True, heartbeat=meanwhile, search={"trials": 5})
    head = registry.head()
    assert (head.model_id, head.why) == (loser, "a person was faster")
    assert first != loser
    (newest,) = [each for each in map(studies_of(desk).report, studies_of(desk).ids()) if each.study.trials == 5]
    assert newest.outcome is TrainingOutcome.FAILED, "the report does not claim what did not happen"
    assert "moved" in newest.result


@pytest.mark.slow
def test_old_rejected_models_lose_their_trees_and_a_failure_to_delete_them_fails_nothing(tmp_path):
    desk = desk_on(tmp_path, NOISE, hours=HOURS - 48)
    trained(desk)
    desk.bot.clock.move_to(desk.bot.clock.now() + timedelta(hours=24))
    one = trained(desk, models={"keep": 1}, promotion=HOPELESS).finished
    desk.bot.clock.move_to(desk.bot.clock.now() + timedelta(hours=24))
    two = trained(desk, models={"keep": 1}, promotion=HOPELESS).finished
    assert {one.outcome, two.outcome} == {TrainingOutcome.REJECTED}
    assert details(desk, one.model_id).state is State.REMOVED
    assert details(desk, two.model_id).problem == ""
    log = desk.bot.storage.keys(f"models/{SYMBOL}/1h/log/")
    desk.bot.storage.put(log[0], b"not an event")
    assert trained(desk, models={"keep": 0}, promotion=HOPELESS).finished is not None


@pytest.mark.parametrize("hours", [1300, 1000 + 24 * (30 + 60 + 21) - 1])
def test_too_little_history_is_refused_and_changes_nothing(tmp_path, hours):
    desk = desk_on(tmp_path, EASY[-hours:])
    with pytest.raises(BadData, match=r"are too few to search a recipe: 3664 are needed .* ingest more history"):
        trained(desk)
    assert not [key for key in contents(desk) if key.startswith(("models/", "studies/"))]


def test_what_is_said_to_be_needed_is_enough():
    setup = setup_of()
    spans = spans_of(EASY[-3664:], setup=setup)
    assert spans.longest_look_back_days == 30
    assert spans.hold_out - spans.search == 60 * 24
    assert spans.end - spans.hold_out == 21 * 24
    assert spans_of(EASY, setup=setup).longest_look_back_days == 40
    assert spans_of(EASY, setup=setup_of(search={"longest_look_back_days": 33})).longest_look_back_days == 33


def test_prices_that_never_move_are_refused(tmp_path):
    desk = desk_on(tmp_path, klines_of([100.0] * HOURS))
    with pytest.raises(BadData, match=r"all 4 trials failed; most often: .*class"):
        trained(desk)
    assert not [key for key in contents(desk) if key.startswith("models/")]


@pytest.mark.slow
def test_a_champion_with_a_newer_card_is_left_alone(tmp_path):
    desk = desk_on(tmp_path)
    trained(desk)
    head = desk.models.registry.head()
    newer = replace(head, schema=99)
    desk.bot.storage.put(HEAD, to_json(newer))
    before = contents(desk)
    with pytest.raises(NewerSchema, match=r"champion\.json has schema 99"):
        trained(desk)
    assert changed(desk, before) == set()


@pytest.mark.slow
def test_a_damaged_trial_stops_the_next_training_and_names_it(tmp_path):
    desk = desk_on(tmp_path)
    study = trained(desk).report.study.study_id
    folder = f"studies/{SYMBOL}/1h/{study}"
    desk.bot.storage.delete(f"{folder}/trials.json")
    desk.bot.storage.put(f"{folder}/0002.json", b"{")
    before = contents(desk)
    with pytest.raises(BadData, match=r"0002\.json"):
        trained(desk)
    assert changed(desk, before) == set()


def test_a_damaged_log_of_the_models_stops_a_training_before_it_searches(tmp_path):
    desk = desk_on(tmp_path)
    desk.bot.storage.put(f"models/{SYMBOL}/1h/log/00000001.json", b"{")
    before = contents(desk)
    with pytest.raises(BadData, match=r"log/00000001\.json is not complete JSON"):
        trained(desk)
    assert changed(desk, before) == set()
