"""Labels look exactly one kline ahead, and say nothing about hours that were never published."""

import numpy as np

from tests.builders import klines_of, random_klines, without
from trader.core.klines import empty, fill_gaps
from trader.core.labels import directions, moves, next_returns, scorable


def test_the_return_of_a_kline_is_earned_over_the_next_one():
    returns = next_returns(klines_of([100, 110, 99]))
    np.testing.assert_allclose(returns[:2], [0.10, -0.10], rtol=0, atol=1e-15)
    assert np.isnan(returns[2])


def test_a_rise_is_one_a_fall_and_a_tie_are_zero_and_the_last_is_unknown():
    labels = directions(klines_of([100, 101, 101, 100]))
    np.testing.assert_array_equal(labels, [1.0, 0.0, 0.0, np.nan])


def test_a_row_whose_own_or_next_kline_is_filled_is_neither_trained_on_nor_scored():
    klines = fill_gaps(without(klines_of([100, 101, 102, 103, 104, 105]), 2, 3))
    assert scorable(klines).tolist() == [True, False, False, False, True, False]
    np.testing.assert_array_equal(directions(klines), [1.0, np.nan, np.nan, np.nan, 1.0, np.nan])


def test_a_real_hour_without_volume_is_scorable():
    assert scorable(klines_of([100, 101, 102], volume=0)).tolist() == [True, True, False]


def test_one_kline_and_none_have_no_label():
    assert np.isnan(next_returns(klines_of([100]))).tolist() == [True]
    assert scorable(klines_of([100])).tolist() == [False]
    assert np.isnan(directions(klines_of([100]))).tolist() == [True]
    assert len(directions(empty("1h"))) == len(next_returns(empty("1h"))) == len(scorable(empty("1h"))) == 0


def test_a_label_reads_no_further_than_one_kline_ahead():
    klines = random_klines(50)
    np.testing.assert_array_equal(directions(klines)[:29], directions(klines[:30])[:29])
    assert np.isnan(directions(klines[:30])[29])


def test_labelling_changes_no_kline():
    klines = fill_gaps(without(random_klines(20), 5))
    before = klines.filled.copy()
    scorable(klines)
    np.testing.assert_array_equal(klines.filled, before)


def test_a_longer_horizon_looks_that_far_and_leaves_out_every_row_that_meets_a_filled_kline():
    klines = fill_gaps(without(klines_of([100, 101, 102, 103, 104, 105, 104, 103]), 3))
    np.testing.assert_array_equal(
        directions(klines, horizon=2), [1.0, np.nan, np.nan, np.nan, 0.0, 0.0, np.nan, np.nan]
    )
    np.testing.assert_allclose(moves(klines, horizon=2)[[0, 5]], [0.02, 103 / 105 - 1], rtol=0, atol=1e-15)
    assert np.isnan(directions(klines[:2], horizon=2)).all()
    assert np.isnan(directions(klines[:2], horizon=5)).all()
