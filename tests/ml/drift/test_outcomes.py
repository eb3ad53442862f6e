"""What came of the predictions, by hand."""

import numpy as np
import pytest

from tests.ml.drift.markets import market
from trader.ml.drift.outcomes import daily_pairs, earned, label_rate, lags_of, pair_sums, relation
from trader.ml.drift.sample import Rows


def test_the_sums_of_a_day_leave_out_what_is_not_known():
    p = np.array([[0.6, 0.4, np.nan, 0.5]])
    y = np.array([[1.0, 0.0, 1.0, np.nan]])
    assert pair_sums(p, y)[0].tolist() == [2.0, 1.0, 1.0, 0.6]
    assert label_rate(pair_sums(p, y)[np.newaxis]) == pytest.approx([0.5])


def test_the_relation_is_the_covariance_in_deviations_of_its_days():
    # two days of two hours; p - mean: .1 -.1 | .2 -.2, y - mean: .5 -.5 | .5 -.5: the days' sums are .1 and .2
    p = np.array([[0.6, 0.4], [0.7, 0.3]])
    y = np.array([[1.0, 0.0], [1.0, 0.0]])
    sums = pair_sums(p, y)
    assert relation(sums, lags=0) == pytest.approx(0.3 / np.sqrt(0.01 + 0.04))
    assert relation(pair_sums(p, 1 - y), lags=0) == pytest.approx(-0.3 / np.sqrt(0.05))
    assert relation(sums, lags=1) == pytest.approx(0.3 / np.sqrt(0.05 + 2 * 0.5 * 0.1 * 0.2))


def test_days_that_take_each_other_back_count_as_half_at_most():
    p = np.array([[0.6, 0.4], [0.6, 0.4], [0.6, 0.4]])
    y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    # the days' sums are .1 -.1 .1: .03 - .02 = .01 is less than half of .03
    assert relation(pair_sums(p, y), lags=1) == pytest.approx(0.1 / np.sqrt(0.015))


def test_without_rows_or_with_a_constant_probability_there_is_no_relation():
    assert relation(np.zeros((3, 5, 4)), lags=1).tolist() == [0.0, 0.0, 0.0]
    assert relation(pair_sums(np.full((4, 6), 0.5), np.eye(4, 6)), lags=0) == pytest.approx(0.0, abs=1e-6)
    assert earned(np.zeros((2, 5))).tolist() == [0.0, 0.0]


def test_what_was_earned_is_in_units_of_the_root_of_the_sum_of_squares():
    assert earned(np.array([0.01, -0.04, 0.0, -0.02])) == pytest.approx(-0.05 / np.sqrt(0.0021))


def test_labels_that_overlap_tie_as_many_days_as_they_reach_into():
    assert [lags_of(horizon, slots=24) for horizon in (1, 2, 24, 25, 26, 168)] == [0, 1, 1, 1, 2, 7]
    assert lags_of(5, slots=1) == 4


def test_an_honest_model_has_a_relation_and_one_that_knows_nothing_has_none():
    honest, _ = market(200, seed=1, skill=0.2)
    blind, _ = market(200, seed=1, skill=0.2, knows=False)
    assert relation(daily_pairs(honest, slots=24), lags=1) > 6
    assert abs(relation(daily_pairs(blind, slots=24), lags=1)) < 3


def test_rows_are_placed_by_day_and_hour():
    hour = 3_600_000
    column = np.array([1.0, 2.0, 3.0])
    rows = Rows(
        open_time=np.array([23, 24, 49]) * hour,
        features=column[:, np.newaxis],
        **dict.fromkeys(("p_up", "labels", "gross", "net"), column),
    )
    table = rows.by_hour(column, slots=24)
    assert (rows.days, table.shape) == (3, (3, 24))
    assert (table[0, 23], table[1, 0], table[2, 1]) == (1.0, 2.0, 3.0)
    assert np.isfinite(table).sum() == 3
    assert rows.by_day(column).tolist() == [1.0, 2.0, 3.0]
    assert rows.since(1, until=2).open_time.tolist() == [24 * hour]
