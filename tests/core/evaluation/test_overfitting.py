"""The probability of backtest overfitting: tiny matrices by hand, noise near a half, a planted edge near 0."""

import math

import numpy as np
import pytest

from trader.core.errors import BadConfig, BadData
from trader.core.evaluation.overfitting import backtest_overfitting


def sharpe(returns):
    return returns.mean() / returns.std(ddof=1)


def test_trials_that_shine_in_one_half_only_are_overfitted_by_hand():
    # Trial 0 earns in the first half and loses in the second, trial 1 the other way round.
    returns = np.array([[0.02, -0.02], [0.01, -0.01], [-0.02, 0.02], [-0.01, 0.01]])
    found = backtest_overfitting(returns, blocks=2)
    assert (found.trials, found.rows, found.blocks, found.splits) == (2, 4, 2, 2)
    assert (found.pbo, found.loss) == (1.0, 1.0)
    assert found.logit_mean == pytest.approx(math.log((1 / 3) / (2 / 3)))  # the worse of two: rank 1 of 2 + 1
    assert found.logit_low == found.logit_median == found.logit_high == pytest.approx(found.logit_mean)
    assert found.slope is None  # both splits look alike in sample


def test_a_trial_that_is_always_better_is_not():
    returns = np.array([[0.02, -0.02], [0.01, -0.01], [0.02, -0.01], [0.01, -0.02]])
    found = backtest_overfitting(returns, blocks=2)
    assert (found.pbo, found.loss) == (0.0, 0.0)
    assert found.logit_mean == pytest.approx(math.log(2))


def test_every_split_is_judged_as_one_would_by_hand():
    returns = np.random.default_rng(0).normal(0.0, 0.01, (13, 5))  # one row too many: the first is left out
    kept = returns[1:].reshape(4, 3, 5)
    inside, outside, logits = [], [], []
    for pair in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]:
        others = [block for block in range(4) if block not in pair]
        seen = np.array([sharpe(kept[list(pair), :, trial].ravel()) for trial in range(5)])
        unseen = np.array([sharpe(kept[others, :, trial].ravel()) for trial in range(5)])
        best = seen.argmax()
        rank = 1 + (unseen < unseen[best]).sum()
        inside.append(seen[best])
        outside.append(unseen[best])
        logits.append(math.log(rank / (6 - rank)))
    found = backtest_overfitting(returns, blocks=4)
    assert (found.rows, found.splits) == (12, 6)
    assert found.pbo == np.mean(np.array(logits) <= 0)
    assert found.logit_mean == pytest.approx(np.mean(logits))
    assert found.loss == np.mean(np.array(outside) < 0)
    assert found.slope == pytest.approx(np.polyfit(inside, outside, 1)[0])


def test_noise_overfits_in_about_half_of_the_splits():
    found = [
        backtest_overfitting(np.random.default_rng(seed).normal(0.0, 0.01, (480, 20)), blocks=8).pbo
        for seed in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_a_planted_edge_is_found_with_sixteen_blocks():
    returns = np.random.default_rng(1).normal(0.0, 0.01, (1600, 30))
    returns[:, 7] += 0.002
    found = backtest_overfitting(returns)
    assert (found.splits, found.blocks) == (12870, 16)
    assert found.pbo < 0.01
    assert found.loss < 0.01
    assert found.logit_median == pytest.approx(math.log(30))  # the best of thirty


def test_chunks_change_nothing(monkeypatch):
    returns = np.random.default_rng(2).normal(0.0, 0.01, (400, 6))
    whole = backtest_overfitting(returns, blocks=8)
    monkeypatch.setattr("trader.core.evaluation.overfitting._CHUNK_CELLS", 60)
    assert backtest_overfitting(returns, blocks=8) == whole


def test_trials_that_never_trade_have_ratio_zero_and_equal_ranks():
    found = backtest_overfitting(np.zeros((64, 3)))
    assert (found.pbo, found.logit_mean, found.loss, found.slope) == (1.0, 0.0, 0.0, None)  # the middle is not above


@pytest.mark.parametrize(
    ("shape", "message"),
    [((100, 1), "two completed trials"), ((100,), "two completed trials"), ((31, 4), "31 rows are too few")],
)
def test_too_few_trials_or_rows_are_refused(shape, message):
    with pytest.raises(BadData, match=message):
        backtest_overfitting(np.zeros(shape))


def test_unknown_returns_and_impossible_blocks_are_refused():
    returns = np.zeros((64, 2))
    returns[3, 1] = np.nan
    with pytest.raises(BadData, match="not known"):
        backtest_overfitting(returns)
    for blocks in (0, 3, 22, -2):
        with pytest.raises(BadConfig, match="blocks; use an even number"):
            backtest_overfitting(np.zeros((64, 2)), blocks=blocks)
