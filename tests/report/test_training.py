"""The report of a training as people read it: in words, within 100 columns, with nothing that was not there."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START
from tests.core.evaluation.streams import COSTS, random_walk, stream_of
from tests.desks import RECIPE
from tests.jobs.training.trainings import settings_of, setup_of
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.overfitting import backtest_overfitting
from trader.core.evaluation.report import evaluate_stream
from trader.core.training import TrainingOutcome
from trader.ml.checks import Check, CheckName
from trader.ml.gate import Side, Verdict, resolved
from trader.ml.recipe import Ensemble, EnsembleKind
from trader.ml.report import StudySummary, TrainingReport
from trader.report.training import WIDTH, describe_recipe, describe_training

STUDY = StudySummary(
    study_id="20240101T0000-0123456789",
    trials=40,
    completed=36,
    pruned=3,
    failed=1,
    effective=11.6,
    best=7,
    score=0.1,
    is_reproducible=True,
    why_stopped="all trials are done",
    seconds=31.4,
    first=START,
    last=START + timedelta(days=360),
)
SIDE = Side(gross=0.2, net=0.1, round_trips=40, exposed=0.5, max_drawdown=0.05)
VERDICT = Verdict(
    promoted=False,
    why="with 95% confidence it earns -0.0100 more than the champion (measured: +0.0200); more than +0.0000 is needed",
    champion=replace(SIDE, round_trips=12),
    challenger=SIDE,
    difference=0.02,
    bound=-0.01,
    block=24.0,
    rules=setup_of().gate,
    seed=0,
    first=START + timedelta(days=361),
    last=START + timedelta(days=450),
)
PASSED = Check(name=CheckName.SAVED, passed=True, figure=0.0, bound=0.0, words="0 of 2000 differ")
FAILED = Check(name=CheckName.ONE_SIDED, passed=False, figure=1.0, bound=0.95, words="100.0% are on one side of 0.5")


@pytest.fixture(scope="module")
def report():
    rows = 1200
    closes = random_walk(rows, seed=2)
    exposure = np.repeat(np.random.default_rng(1).choice([-1.0, 0.0, 1.0], rows // 8), 8)
    stream = stream_of(exposure, closes=closes)
    trials = TrialsInfo(raw=39, effective=11.6, sharpe_variance=1e-5)
    overfitting = backtest_overfitting(np.random.default_rng(3).normal(0, 1, (64, 4)), blocks=4)
    found = evaluate_stream(stream, costs=COSTS, seed=5, trials=trials, overfitting=overfitting, coins=20, draws=100)
    return TrainingReport(
        symbol="BTCUSDT",
        interval="1h",
        why="due since 2024-01-01 00:00 UTC (return)",
        at=START,
        outcome=TrainingOutcome.REJECTED,
        result=VERDICT.why,
        model_id="20240101T0000-aaaaaaaaaa",
        champion="20230101T0000-bbbbbbbbbb",
        recipe=resolved(RECIPE, settings_of().rules().decision),
        study=STUDY,
        in_sample=found,
        hold_out=evaluate_stream(stream, costs=COSTS, seed=5, coins=20, draws=100),
        importance=None,
        checks=(PASSED, PASSED),
        verdict=VERDICT,
    )


def unwrapped(report) -> str:
    return " ".join(" ".join(describe_training(report)).split())


def test_every_line_fits_and_what_goes_on_is_indented(report):
    wordy = replace(report, result="a reason that goes on and on " * 20, checks=(FAILED,) * 3)
    for each in (report, wordy):
        lines = describe_training(each)
        assert max(map(len, lines)) <= WIDTH
        names = [line[:10].strip() for line in lines]
        assert names[0] == "training"
        assert [name for name in names if name][-2:] == ["model", "champion"]
        assert all(line[:10].isspace() or line[9] == " " for line in lines)


def test_it_says_what_a_reader_has_to_know_to_doubt_it(report):
    text = unwrapped(report)
    assert "40 trials (3 pruned, 1 failed) in 31 s; all trials are done, the same again on another machine" in text
    metrics = report.in_sample.metrics
    assert f"searched {metrics.net:+.2%} net, {metrics.gross:+.2%} gross (" in text
    assert "the best of all trials: flattering" in text
    assert "the search knew nothing of these hours" in text
    assert "for 12 independent trials" in text
    assert "for all 39" in text
    assert "probability of overfitting" in text
    assert "over 4 trials (36 pruned, failed or without evidence not among them)" in text
    assert (
        "the recipe to beat: +10.00% net, +20.00% gross, 12 round trips (fewer than 30 round trips: NO EVIDENCE)"
        in text
    )
    assert "challenger: +10.00% net, +20.00% gross, 40 round trips, drawdown 5.00%" in text
    assert f"NOT passed: {VERDICT.why}" in text
    assert "checks the model behaves: all 2 passed" in text
    assert "result REJECTED: nobody else decides than before" in text
    assert "champion 20230101T0000-bbbbbbbbbb, as before" in text


def test_a_search_that_was_cut_off_says_so(report):
    cut = replace(
        report, study=replace(STUDY, pruned=0, failed=0, is_reproducible=False, why_stopped="the time was up")
    )
    assert "40 trials in 31 s; the time was up, NOT reproducible" in unwrapped(cut)


def test_what_a_model_did_wrong_is_named_and_what_it_did_right_is_not(report):
    lines = describe_training(replace(report, checks=(PASSED, FAILED)))
    assert "check     FAILED one-sided: 100.0% are on one side of 0.5" in lines
    assert not any("passed" in line and "check" in line for line in lines)


def test_without_a_winner_there_is_little_to_tell(report):
    nothing = replace(
        report,
        recipe=None,
        in_sample=None,
        hold_out=None,
        checks=(),
        verdict=None,
        outcome=TrainingOutcome.PROMOTED,
        champion=None,
        result="the first model",
    )
    lines = describe_training(nothing)
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["training", "study", "result", "model"]
    assert lines[-1] == "model     20240101T0000-aaaaaaaaaa"
    assert describe_training(replace(nothing, model_id=None))[-1] == "model     none"


def test_a_recipe_names_only_what_it_uses():
    recipe = resolved(RECIPE, settings_of(decision={"band": 0.02}).rules().decision)
    plain = "30 trees, max_depth 3, learning_rate 0.1, subsample 0.8, colsample_bytree 0.8, gamma 0, look-back 15 days"
    assert describe_recipe(recipe) == f"{plain}, band 0.02, exit {recipe.decision.exit}"
    rich = replace(
        recipe,
        horizon=4,
        ensemble=Ensemble(kind=EnsembleKind.LOOK_BACKS, size=3),
        decision=replace(recipe.decision, min_volatility=0.002, min_volume_ratio=0.5),
    )
    assert describe_recipe(rich) == (
        f"{plain}, label over 4 klines, mean of 3 look-backs, band 0.02, exit {recipe.decision.exit},"
        " volatility >= 0.002, volume ratio >= 0.5"
    )
