"""Resamples are what they should be, intervals cover, and pairs cancel what they share."""

import math
import tracemalloc
from itertools import accumulate

import numpy as np
import pytest

from trader.core.errors import BadConfig, BadData
from trader.core.evaluation.bootstrap import block_length, paired_lower_bound, resampled_sums, uncertainty


def noise(rows, *, seed, mean=0.0, deviation=0.01):
    return np.random.default_rng(seed).normal(mean, deviation, rows)


def autoregressive(rows, *, coefficient, seed):
    return np.array(list(accumulate(noise(rows, seed=seed), lambda before, now: coefficient * before + now)))


def test_every_resample_has_as_many_rows_as_the_stream():
    counts = resampled_sums(np.ones((2, 50)), draws=300, block=7, seed=1)
    assert counts.shape == (2, 300)
    assert (counts == 50).all()


def test_blocks_are_runs_of_neighbours_on_a_circle():
    # Rows 1, 10, 100 in blocks that hardly ever end: a resample is the circle from some row on, each row once.
    rows = np.array([[1.0, 10.0, 100.0]])
    assert (resampled_sums(rows, draws=200, block=1e9, seed=2) == 111.0).all()
    # Blocks of one row are Efron's bootstrap: every mix of the three rows comes up.
    assert set(resampled_sums(rows, draws=500, block=1, seed=2)[0].tolist()) == {
        3,
        30,
        300,
        12,
        21,
        102,
        201,
        120,
        210,
        111,
    }


def test_the_variance_of_a_resampled_sum_is_what_politis_and_romano_derive():
    # Lemma 1: n * sum of w(k) R(k) over circular autocovariances R, with q = 1 - 1/block and
    # w(k) = (1 - k/n) q^k + (k/n) q^(n-k).
    values, block = autoregressive(60, coefficient=0.9, seed=3), 5.0
    apart, lags = values - values.mean(), np.arange(60)
    circular = np.array([apart @ np.roll(apart, -lag) for lag in lags]) / 60
    stay = 1 - 1 / block
    weight = (1 - lags / 60) * stay**lags + lags / 60 * stay ** (60 - lags)
    expected = 60 * (circular[0] + (weight * circular)[1:].sum())
    sums = resampled_sums(values[np.newaxis], draws=40_000, block=block, seed=4)[0]
    assert sums.var() == pytest.approx(expected, rel=0.03)
    assert sums.mean() == pytest.approx(values.sum(), abs=4 * math.sqrt(expected / 40_000))


def test_the_seed_decides():
    values = noise(1000, seed=5)
    found = uncertainty(values, interval="1h", seed=1, draws=200)
    assert found == uncertainty(values, interval="1h", seed=1, draws=200)
    assert found != uncertainty(values, interval="1h", seed=2, draws=200)


def test_draws_are_made_in_chunks_so_that_memory_does_not_grow_with_them():
    rows = np.zeros((1, 2000))
    tracemalloc.start()
    try:
        resampled_sums(rows, draws=2000, block=2, seed=1)  # two million blocks
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6


def test_the_interval_of_independent_noise_is_the_normal_one():
    values = noise(2000, seed=6, mean=0.0003)
    found = uncertainty(values, interval="1h", seed=1, draws=2000, block=1)
    half = 1.645 * values.std() * math.sqrt(2000)
    assert found.net.low == pytest.approx(values.sum() - half, rel=0.06)
    assert found.net.high == pytest.approx(values.sum() + half, rel=0.06)
    assert (found.draws, found.block, found.net.level) == (2000, 1.0, 0.90)
    # The deviation of a small Sharpe ratio is one over the root of the hours: 2.1 a year over 2000 hours.
    ratio, half = values.mean() / values.std(ddof=1), 1.645 / math.sqrt(2000)
    assert found.sharpe.low == pytest.approx((ratio - half) * math.sqrt(8760), abs=0.25)
    assert found.sharpe.high == pytest.approx((ratio + half) * math.sqrt(8760), abs=0.25)


def test_blocks_see_what_single_hours_cannot():
    values = autoregressive(5000, coefficient=0.8, seed=7)
    alone = uncertainty(values, interval="1h", seed=1, draws=500, block=1).net
    together = uncertainty(values, interval="1h", seed=1, draws=500, block=100).net
    # The deviation of a sum is 1 / (1 - 0.8) times the innovations', 3 times what single hours have.
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(3.0, abs=0.6)


def test_a_loss_is_as_likely_as_the_draws_say():
    assert uncertainty(noise(500, seed=8, mean=0.01), interval="1h", seed=1).loss_share == 0.0
    assert uncertainty(noise(500, seed=8, mean=-0.01), interval="1h", seed=1).loss_share == 1.0


def test_resampled_sharpe_ratios_by_hand():
    # Two hours of 1 and 3 %: half of the resamples hold both (a ratio of sqrt(2)), the others one of them twice (0).
    found = uncertainty(np.array([0.01, 0.03]), interval="1h", seed=1, block=1, level=0.5).sharpe
    assert (found.low, found.high) == (0.0, pytest.approx(math.sqrt(2) * math.sqrt(8760)))


def test_a_stream_that_never_moves_has_no_sharpe_interval():
    found = uncertainty(np.zeros(100), interval="1h", seed=1, draws=50)
    assert (found.net.low, found.net.high, found.sharpe, found.loss_share) == (0.0, 0.0, None, 1.0)


def test_a_stream_that_moved_once_still_has_an_interval():
    values = np.zeros(100)
    values[50] = 0.01
    found = uncertainty(values, interval="1h", seed=1, draws=500)
    assert (found.net.low, found.sharpe.low) == (0.0, 0.0)  # the one hour may be left out
    assert found.net.high >= 0.02


def test_a_pair_cancels_what_moves_both():
    market, edge = noise(2000, seed=9, deviation=0.1), noise(2000, seed=10, mean=0.0005, deviation=0.001)
    bound = paired_lower_bound(market + edge, market, seed=1)
    apart = edge.sum() - 1.645 * edge.std() * math.sqrt(2000)
    assert bound == pytest.approx(apart, abs=0.03)
    assert bound > 0 > paired_lower_bound(market + edge, noise(2000, seed=11, deviation=0.1), seed=1)


def test_more_confidence_is_a_lower_bound():
    a, b = noise(1000, seed=12, mean=0.001), noise(1000, seed=13)
    bounds = [paired_lower_bound(a, b, confidence=confidence, seed=1) for confidence in (0.5, 0.8, 0.95, 0.99)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == pytest.approx((a - b).sum(), abs=0.1)


def test_equal_streams_differ_by_nothing():
    values = noise(100, seed=14)
    assert paired_lower_bound(values, values.copy(), seed=1) == 0.0


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (noise(10_000, seed=15), 24.0, 24.0),  # nothing to keep together: a day
        (autoregressive(10_000, coefficient=0.9, seed=16), 60.0, 180.0),
        (np.zeros(10_000), 24.0, 24.0),
        (noise(12, seed=17), 1.0, 4.0),  # never more than a third
    ],
)
def test_the_block_length_follows_the_autocorrelation(values, low, high):
    assert low <= block_length(values) <= high


def test_the_automatic_block_length_of_an_autoregression_is_the_theoretical_one():
    # Patton, Politis & White (2009): (G^2 / g^2 * n)^(1/3) with, for AR(1), G/g = 2 phi / (1 - phi^2).
    found = np.mean([block_length(autoregressive(20_000, coefficient=0.9, seed=seed)) for seed in range(4)])
    assert found == pytest.approx((2 * 0.9 / (1 - 0.81)) ** (2 / 3) * 20_000 ** (1 / 3), rel=0.2)


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(BadData, match="1 rows, at least 2"):
        uncertainty(np.array([0.1]), interval="1h", seed=1)
    with pytest.raises(BadData, match="finite"):
        paired_lower_bound(np.array([0.1, np.nan, 0.2]), np.zeros(3), seed=1, block=2)
    with pytest.raises(BadData, match="they have 3 and 4"):
        paired_lower_bound(np.zeros(3), np.zeros(4), seed=1)
    with pytest.raises(BadConfig, match=r"block length 0\.5"):
        uncertainty(np.zeros(10), interval="1h", seed=1, block=0.5)
    with pytest.raises(BadConfig, match="draws 0"):
        uncertainty(np.zeros(10), interval="1h", seed=1, draws=0)
    for confidence in (0.0, 1.0, 95.0):
        with pytest.raises(BadConfig, match="must lie between 0 and 1"):
            paired_lower_bound(np.zeros(10), np.zeros(10), confidence=confidence, seed=1)
