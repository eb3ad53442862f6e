"""An evaluation holds everything, can be kept as JSON, and says when it is no evidence."""

import json
from datetime import timedelta

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.builders import START
from tests.core.evaluation.streams import COSTS, random_walk, stream_of, stream_of_returns
from trader.core.errors import BadData
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.overfitting import backtest_overfitting
from trader.core.evaluation.report import Evaluation, evaluate_stream
from trader.store.codec import to_json

ROWS = 2000
TRIALS = TrialsInfo(raw=40, effective=12.5, sharpe_variance=1e-5)


@pytest.fixture(scope="module")
def stream():
    rng = np.random.default_rng(1)
    closes = random_walk(ROWS, seed=2)
    p_up = rng.uniform(0.4, 0.6, ROWS)
    exposure = np.repeat(rng.choice([-1.0, 0.0, 1.0], ROWS // 8), 8)
    return stream_of(exposure, closes=closes, p_up=p_up, labels=(np.diff(closes) > 0).astype(float))


def test_all_parts_are_there_and_agree(stream):
    overfitting = backtest_overfitting(np.random.default_rng(3).normal(0, 1, (64, 4)), blocks=4)
    found = evaluate_stream(stream, costs=COSTS, seed=5, trials=TRIALS, overfitting=overfitting, coins=20, draws=300)
    assert (found.first, found.last) == (START, START + timedelta(hours=ROWS - 1))
    assert found.metrics.net == pytest.approx(sum(year.net for year in found.by_year))
    assert found.uncertainty.net.low < found.metrics.net < found.uncertainty.net.high
    assert found.luck.deflated.trials == TRIALS
    assert found.luck.moments.sharpe * np.sqrt(8760) == pytest.approx(found.metrics.sharpe)
    assert found.calibration.rows == ROWS
    assert (found.overfitting, found.no_skill.coins.count, found.uncertainty.draws) == (overfitting, 20, 300)
    assert found.by_month[0].name == f"{START:%Y-%m}"
    assert [year.name for year in found.by_year] == [f"{START:%Y}"]
    assert found.evidence == ""


def test_the_seed_decides(stream):
    once, again = (evaluate_stream(stream, costs=COSTS, seed=5, draws=50) for _ in range(2))
    assert once == again
    other = evaluate_stream(stream, costs=COSTS, seed=6, draws=50)
    assert once.no_skill.coins != other.no_skill.coins
    assert once.uncertainty != other.uncertainty


def test_an_evaluation_is_kept_and_read_again_as_json(stream):
    found = evaluate_stream(stream, costs=COSTS, seed=5, trials=TRIALS, draws=50)
    assert TypeAdapter(Evaluation).validate_json(to_json(found)) == found


@pytest.mark.parametrize(
    "degenerate",
    [
        stream_of([0, 0, 0], closes=[100, 90, 80, 85]),
        stream_of([1, 1], closes=[100, 100, 100]),
        stream_of([1, 1, 1], closes=[100, 101, 102, 103], p_up=np.full(3, np.nan), labels=np.ones(3)),
        stream_of([1, 1, 1], closes=[100, 101, 102, 103], p_up=np.full(3, 0.9), labels=np.ones(3)),
        stream_of_returns([-1.0, 0.1]),
        stream_of_returns([5.0, 4.0, 3.0]),
        stream_of_returns([0.01] * 10),
    ],
)
def test_whatever_is_undefined_is_null_in_json_never_nan(degenerate):
    found = evaluate_stream(degenerate, costs=COSTS, seed=1, trials=TRIALS, draws=50)
    assert json.loads(to_json(found))["metrics"]["klines"] == len(degenerate)
    assert "NO EVIDENCE" in found.evidence


def test_less_than_two_hours_are_refused():
    with pytest.raises(BadData, match="1 1h rows cannot be evaluated"):
        evaluate_stream(stream_of([1], closes=[1, 2]), costs=COSTS, seed=1)
