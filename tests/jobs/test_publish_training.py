"""What is told of a training: its study to every tracker once, the models' pages, and people, with before and after."""

import json

import pytest

from tests.builders import HOUR
from tests.desks import SYMBOL, move_to_run
from tests.jobs.test_publish import KEY, Bell, Listener, outlets_of, told_of
from tests.jobs.training.trainings import EASY, desk_on, studies_of, trained
from trader.core.notices import Topic
from trader.jobs.outlets import NoticeRules
from trader.jobs.publish import publish_runs
from trader.jobs.publish_training import publish_models, publish_training
from trader.jobs.retrain import Retrained, Retraining
from trader.jobs.symbols import run_symbols
from trader.report.dashboard.site import assets

pytestmark = pytest.mark.slow


def retraining(finished):
    return Retraining(
        symbol=SYMBOL, open_time=EASY.last, outcome=Retrained.FINISHED, why="it was due", finished=finished
    )


def test_a_training_is_told_to_trackers_people_and_the_dashboard(tmp_path):
    desk, listener, bell = desk_on(tmp_path), Listener(), Bell()
    found = trained(desk)
    rules = NoticeRules(level="info")
    outlets = outlets_of(listener, notifier=bell, assets=assets, notices=rules)
    for _ in range(2):
        publish_training(desk, retraining(found.finished), at=EASY.last, outlets=outlets)
    (study_id,) = studies_of(desk).ids()
    trials = studies_of(desk).study(study_id).trials
    assert [number for _, number, _ in listener.steps] == [trial.number for trial in trials], "once"
    assert {run for run, _, _ in listener.steps} == {f"{SYMBOL}-1h study {study_id}"}
    assert [metrics["trial/score"] for _, _, metrics in listener.steps] == [trial.score for trial in trials]
    assert {"data/trials.json", "static-img/optimisation_history.png"} <= set(listener.files)
    assert [notice.topic for notice in bell.rung] == [Topic.TRAINED, Topic.PROMOTED]
    assert told_of(desk).model.id == found.finished.model_id
    assert told_of(desk).problems == ()


def test_after_a_persons_word_the_dashboard_says_who_decides(tmp_path):
    desk = desk_on(tmp_path)
    found = trained(desk)
    outlets = outlets_of(assets=assets)
    move_to_run(desk, EASY.last)
    publish_runs(desk.bot, run_symbols(desk.bot), outlets=outlets)
    publish_models(desk, at=EASY.last + HOUR, outlets=outlets)
    models = desk.bot.storage.get(f"dashboard/data/{SYMBOL}-1h/models.js").data.decode()
    assert f'"champion":"{found.finished.model_id}"' in models
    assert desk.bot.storage.get(f"dashboard/data/{SYMBOL}-1h/model-{found.finished.model_id}.js") is not None


def test_a_training_that_cannot_be_told_has_ended_all_the_same(tmp_path):
    desk = desk_on(tmp_path)
    found = trained(desk)
    desk.bot.storage.put(KEY, json.dumps({"schema": 99}).encode())
    listener = Listener()
    publish_training(desk, retraining(found.finished), at=EASY.last, outlets=outlets_of(listener))
    assert listener.steps == []
    assert desk.models.registry.head().finished == found.finished
