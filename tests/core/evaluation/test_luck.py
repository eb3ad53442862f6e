"""The published examples of the probabilistic and the deflated Sharpe ratio, and moments by hand."""

import math

import numpy as np
import pytest

from trader.core.errors import BadData
from trader.core.evaluation.luck import (
    Moments,
    TrialsInfo,
    assess,
    deflate,
    expected_best_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)

# Bailey & López de Prado (2014), the numerical example: five years of days, 2.5 a year.
SELECTED = Moments(klines=1250, sharpe=2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)


def normal(*, sharpe, klines):
    return Moments(klines=klines, sharpe=sharpe, skewness=0.0, kurtosis=3.0)


def test_the_published_deflated_sharpe_ratio():
    found = deflate(SELECTED, trials=TrialsInfo(raw=100, effective=100.0, sharpe_variance=1 / 500))
    assert found.expected_best == pytest.approx(0.1132, abs=5e-5)
    assert found.probability == pytest.approx(0.9004, abs=5e-5)
    assert (found.raw_expected_best, found.raw_probability) == (found.expected_best, found.probability)


def test_fewer_effective_trials_deflate_less_than_the_raw_ones():
    found = deflate(SELECTED, trials=TrialsInfo(raw=100, effective=46.0, sharpe_variance=1 / 500))
    # The paper's second figure: with 46 independent trials the ratio reaches 0.95.
    assert found.probability == pytest.approx(0.9505, abs=5e-4)
    assert found.raw_probability == pytest.approx(0.9004, abs=5e-5)


def test_one_trial_is_not_deflated():
    assert expected_best_sharpe(trials=1, variance=0.5) == 0.0
    found = deflate(SELECTED, trials=TrialsInfo(raw=1, effective=1.0, sharpe_variance=0.0))
    assert found.probability == probabilistic_sharpe(SELECTED)


def test_the_best_of_many_is_expected_higher_the_more_there_are():
    best = [expected_best_sharpe(trials=trials, variance=0.01) for trials in (1, 1.1, 1.5, 2, 10, 100, 1000)]
    assert best == sorted(best)
    assert best[0] == best[1] == 0.0


@pytest.mark.parametrize("trials", [10, 100])
def test_the_expected_best_is_about_the_mean_of_simulated_maxima(trials):
    maxima = np.random.default_rng(1).normal(0.0, 0.1, (20_000, trials)).max(axis=1)
    assert expected_best_sharpe(trials=trials, variance=0.01) == pytest.approx(maxima.mean(), rel=0.03)


def test_the_published_probabilistic_sharpe_ratios():
    # Bailey & López de Prado (2012): two years of months, 0.458 a month, with and without its bad tail.
    tailed = Moments(klines=24, sharpe=0.458, skewness=-2.448, kurtosis=10.164)
    assert probabilistic_sharpe(tailed) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe(normal(sharpe=0.458, klines=24)) == pytest.approx(0.982, abs=5e-4)


@pytest.mark.parametrize(("a_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_the_published_minimum_track_record_lengths(a_year, years):
    # The same paper: how long a ratio of 2 must be seen to be above 1 with 95 % confidence.
    record = normal(sharpe=2 / math.sqrt(a_year), klines=1)
    needed = minimum_track_record(record, benchmark=1 / math.sqrt(a_year))
    assert needed / a_year == pytest.approx(years, abs=5e-3)


def test_a_record_as_long_as_the_minimum_is_just_probable_enough():
    needed = minimum_track_record(SELECTED)
    exact = Moments(klines=needed, sharpe=SELECTED.sharpe, skewness=-3.0, kurtosis=10.0)
    assert probabilistic_sharpe(exact) == pytest.approx(0.95)


@pytest.mark.parametrize("sharpe", [0.0, -0.1])
def test_no_record_is_long_enough_without_a_gain(sharpe):
    assert minimum_track_record(normal(sharpe=sharpe, klines=100)) is None


def test_moments_by_hand():
    # -1, -1, 2 %: mean 0; second, third and fourth moments 2, 2 and 6 (%).
    found = moments(np.array([-0.01, -0.01, 0.02]))
    assert found.sharpe == pytest.approx(0.0, abs=1e-15)
    assert found.skewness == pytest.approx(2 / 2**1.5)
    assert found.kurtosis == pytest.approx(6 / 2**2)
    # 1 and 3 %: mean over sample deviation is sqrt(2), two points have kurtosis 1.
    pair = moments(np.array([0.01, 0.03]))
    assert (pair.klines, pair.sharpe, pair.kurtosis) == (2, pytest.approx(math.sqrt(2)), pytest.approx(1.0))


def test_a_stream_that_never_moves_has_no_luck_to_measure():
    for returns in (np.zeros(5), np.full(5, 0.1), np.array([0.1]), np.array([])):
        found = assess(returns)
        assert (found.moments, found.probability, found.needed, found.deflated) == (None,) * 4


def test_a_ratio_without_spread_has_no_probability():
    assert Moments(klines=10, sharpe=2.0, skewness=2.0, kurtosis=4.0).spread == 0.0
    assert probabilistic_sharpe(Moments(klines=10, sharpe=2.0, skewness=2.0, kurtosis=4.0)) is None


def test_the_parts_are_put_together():
    returns = np.random.default_rng(2).normal(0.001, 0.01, 2000)
    found = assess(returns, trials=TrialsInfo(raw=50, effective=10.0, sharpe_variance=0.001))
    assert found.probability == probabilistic_sharpe(moments(returns))
    assert found.needed == minimum_track_record(moments(returns))
    assert found.deflated.raw_probability < found.deflated.probability < found.probability
    assert assess(returns).deflated is None


@pytest.mark.parametrize(
    ("raw", "effective", "variance"),
    [(0, 1.0, 0.1), (5, 0.5, 0.1), (5, 2.0, -0.1), (5, math.nan, 0.1), (5, 2, math.nan)],
)
def test_trials_that_cannot_be_are_refused(raw, effective, variance):
    with pytest.raises(BadData, match="cannot be"):
        TrialsInfo(raw=raw, effective=effective, sharpe_variance=variance)
