from dataclasses import replace

import pytest

from tests.jobs.notices.rows import FIRST
from tests.report.test_training import STUDY, VERDICT
from trader.core.errors import Retryable
from trader.core.notices import Level, Topic
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.notices import of_training
from trader.jobs.retrain import Retrained, Retraining
from trader.ml.report import TrainingReport

MODEL = "20240101T0000-aaaaaaaaaa"
DUE = "due since 2024-01-01 00:00 UTC (return)"
REPORT = TrainingReport(
    symbol="BTCUSDT",
    interval="1h",
    why=DUE,
    at=FIRST,
    outcome=TrainingOutcome.CHALLENGER,
    result="it won",
    model_id=MODEL,
    champion="20230101T0000-bbbbbbbbbb",
    recipe=None,
    study=STUDY,
    in_sample=None,
    hold_out=None,
    importance=None,
    checks=(),
    verdict=replace(VERDICT, why="it earns more"),
)


def retraining(outcome=TrainingOutcome.CHALLENGER, *, model=MODEL):
    finished = FinishedTraining(number=7, at=FIRST, model_id=model, outcome=outcome)
    return Retraining(symbol="BTCUSDT", open_time=FIRST, outcome=Retrained.FINISHED, why=DUE, finished=finished)


@pytest.mark.parametrize(
    ("outcome", "topic", "level"),
    [
        (TrainingOutcome.PROMOTED, Topic.PROMOTED, Level.SUCCESS),
        (TrainingOutcome.REJECTED, Topic.REJECTED, Level.INFO),
        (TrainingOutcome.CHALLENGER, Topic.APPROVAL, Level.WARNING),
    ],
)
def test_a_finished_training_is_told_by_its_outcome(outcome, topic, level):
    (notice,) = of_training(retraining(outcome), at=FIRST)
    assert (notice.topic, notice.level, notice.symbol, notice.at) == (topic, level, "BTCUSDT", FIRST)
    assert f"model {MODEL} " in notice.what
    assert DUE in notice.what
    assert f"`trader models show --symbol BTCUSDT {MODEL}`" in notice.advice


def test_a_challenger_waits_with_the_command_that_lets_it_decide():
    (notice,) = of_training(retraining(), at=FIRST)
    assert f'`trader models promote --symbol BTCUSDT {MODEL} --why "..."`' in notice.advice


def test_with_the_report_both_sides_of_the_hold_out_are_named():
    trained, approval = of_training(retraining(), at=FIRST, report=REPORT)
    assert (trained.topic, trained.level) == (Topic.TRAINED, Level.INFO)
    assert trained.what == f"trained ({DUE}): 40 trials in 31 s, best score +0.1000; it won"
    assert approval.what.endswith(
        "; hold-out 2024-12-27 to 2025-03-26: before +10.00 % net in 12 round trips,"
        " after +10.00 % net in 40 round trips; it earns more"
    )


def test_the_report_of_another_training_is_not_told():
    assert len(of_training(retraining(), at=FIRST, report=replace(REPORT, model_id="another"))) == 1


def test_a_side_that_could_not_be_fitted_is_unknown():
    verdict = replace(VERDICT, champion=None)
    approval = of_training(retraining(), at=FIRST, report=replace(REPORT, verdict=verdict))[-1]
    assert "before unknown, after +10.00 %" in approval.what


@pytest.mark.parametrize("outcome", sorted(set(Retrained) - {Retrained.FINISHED, Retrained.FAILED}))
def test_what_was_not_begun_is_nothing_to_tell(outcome):
    found = Retraining(symbol="BTCUSDT", open_time=FIRST, outcome=outcome, why="no")
    assert of_training(found, at=FIRST) == ()


def test_a_failed_training_is_told_with_its_error():
    error = Retryable("the market is away")
    found = Retraining(symbol="BTCUSDT", open_time=FIRST, outcome=Retrained.FAILED, why="it failed", error=error)
    (notice,) = of_training(found, at=FIRST)
    assert (notice.topic, notice.level) == (Topic.TRAINING_FAILED, Level.WARNING)
    assert notice.what == "the training failed, the model stays: the market is away"
    assert "`trader train --if-due --symbol BTCUSDT`" in notice.advice


def test_a_training_that_made_no_model_has_failed_too():
    (notice,) = of_training(retraining(TrainingOutcome.FAILED, model=""), at=FIRST)
    assert notice.topic is Topic.TRAINING_FAILED
    assert notice.what == f"the training failed, the model stays: it made no model ({DUE})"
