"""Pruning: by hand, and against SciPy."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from trader.ml.pruning import Pruner, PruningRule, is_hopeless, is_looked_at, signed_rank
from trader.ml.study import Trial, TrialState


def trial(*scores, is_evidence=True):
    return Trial(number=0, state=TrialState.COMPLETE, parameters={}, fold_scores=scores, is_evidence=is_evidence)


OTHERS = (trial(1, 1, 1, 1), trial(0, 0, 9, 9), trial(2, 2, 2, -9))


def test_a_trial_is_looked_at_after_the_warm_up_and_every_third_fold():
    rule = PruningRule(kind=Pruner.MEDIAN, warm_up_folds=4)
    assert [done for done in range(1, 13) if is_looked_at(rule, done)] == [4, 7, 10]
    assert not any(is_looked_at(PruningRule(), done) for done in range(1, 13))


def test_the_median_is_that_of_the_sums_after_as_many_folds():
    rule = PruningRule(kind=Pruner.MEDIAN, warm_up_trials=3)
    assert is_hopeless(rule, scores=[1, 0.9], finished=OTHERS)  # sums after two folds: 2, 0, 4
    assert not is_hopeless(rule, scores=[1, 1], finished=OTHERS)
    assert is_hopeless(rule, scores=[1, 1, 3], finished=OTHERS)  # 3, 9, 6


def test_too_few_trials_with_evidence_to_compare_with_prune_nothing():
    rule = PruningRule(kind=Pruner.MEDIAN, warm_up_trials=3)
    assert not is_hopeless(rule, scores=[-99.0], finished=OTHERS[:2])
    idle = (*OTHERS[:2], trial(0, 0, 0, 0, is_evidence=False))
    assert not is_hopeless(rule, scores=[-99.0], finished=idle)
    assert not is_hopeless(PruningRule(warm_up_trials=0), scores=[-99.0], finished=OTHERS)


def test_wilcoxon_compares_with_the_best_fold_by_fold():
    rule = PruningRule(kind=Pruner.WILCOXON, warm_up_trials=1)
    best, other = trial(*[1.0] * 8), trial(*[0.5] * 8)
    assert is_hopeless(rule, scores=[0.9 - number / 100 for number in range(6)], finished=(other, best))
    assert not is_hopeless(rule, scores=[0.9, 0.9, 0.9, 1.2, 1.3, 1.4], finished=(other, best))
    # Mostly a little worse, once much better: the sum is ahead, so it may go on.
    assert not is_hopeless(rule, scores=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 9.0], finished=(other, best))


@pytest.mark.parametrize("seed", range(5))
def test_the_signed_rank_test_is_the_one_of_scipy(seed):
    rng = np.random.default_rng(seed)
    lag = rng.integers(-4, 4, 24) / 2  # ties and zeros
    expected = wilcoxon(lag, alternative="less", zero_method="zsplit", method="approx", correction=False).pvalue
    assert signed_rank(lag) == pytest.approx(expected, abs=0.02)
    apart = rng.normal(-0.3, 1, 30)
    expected = wilcoxon(apart, alternative="less", method="approx").pvalue
    assert signed_rank(apart) == pytest.approx(expected, rel=1e-9)


def test_without_any_difference_the_signed_rank_test_says_nothing():
    assert signed_rank(np.zeros(9)) == pytest.approx(0.5)
