"""Probabilities against what came, by hand."""

import math

import numpy as np
import pytest

from trader.core.evaluation.calibration import calibrate, wilson

P = np.array([0.1, 0.4, 0.35, 0.8])
CAME = np.array([0.0, 0.0, 1.0, 1.0])


def test_brier_and_its_skill_against_the_base_rate():
    found = calibrate(P, CAME)
    assert (found.rows, found.base_rate) == (4, 0.5)
    assert found.brier == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert found.brier_skill == pytest.approx(1 - found.brier / 0.25)


def test_always_saying_the_base_rate_has_no_skill():
    found = calibrate(np.full(4, 0.25), np.array([1.0, 0.0, 0.0, 0.0]))
    assert found.brier == pytest.approx(0.1875)
    assert found.brier_skill == pytest.approx(0.0)
    assert found.auc == 0.5


def test_log_loss_is_in_nats():
    assert calibrate(P, CAME).log_loss == pytest.approx(-math.log(0.9 * 0.6 * 0.35 * 0.8) / 4)


def test_being_sure_and_wrong_costs_much_but_not_everything():
    assert calibrate(np.array([1.0]), np.array([0.0])).log_loss == pytest.approx(-math.log(1e-15), rel=1e-2)


def test_auc_counts_the_pairs_in_the_right_order():
    # 0.35 is above 0.1 and below 0.4; 0.8 is above both: 3 of 4 pairs.
    assert calibrate(P, CAME).auc == pytest.approx(0.75)
    assert calibrate(1 - P, CAME).auc == pytest.approx(0.25)
    assert calibrate(np.array([0.5, 0.5, 0.9]), np.array([0.0, 1.0, 1.0])).auc == pytest.approx(0.75)  # a tie is half


def test_one_class_only_has_no_skill_to_speak_of():
    found = calibrate(np.array([0.4, 0.6]), np.array([1.0, 1.0]))
    assert (found.brier_skill, found.auc) == (None, None)


def test_rows_without_a_probability_or_a_label_are_left_out():
    nan = np.nan
    found = calibrate(np.array([nan, 0.1, 0.4, 0.35, 0.8, 0.9]), np.array([1.0, 0.0, 0.0, 1.0, 1.0, nan]))
    assert found == calibrate(P, CAME)
    assert calibrate(np.array([nan, 0.5]), np.array([1.0, nan])) is None


def test_wilsons_interval_is_the_textbooks():
    # 8 of 10: 0.4902 to 0.9433.
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 5)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson(5, 5)[1] == pytest.approx(1.0, abs=1e-12)
    assert 0.0 <= wilson(0, 5)[0] < wilson(5, 5)[1] <= 1.0


def test_the_reliability_table_has_bins_of_equal_count():
    p, came = np.arange(1, 21) / 21, np.tile([0.0, 1.0], 10)
    table = calibrate(p, came, bins=5).reliability
    assert [each.count for each in table] == [4] * 5
    assert table[0].mean_p == pytest.approx((1 + 2 + 3 + 4) / 4 / 21)
    assert all(each.rate == 0.5 for each in table)
    assert (table[0].rate_low, table[0].rate_high) == pytest.approx(wilson(2, 4))


def test_equal_probabilities_share_a_bin():
    table = calibrate(np.array([0.5] * 8 + [0.9, 0.95]), np.tile([0.0, 1.0], 5)).reliability
    assert [each.count for each in table] == [8, 1, 1]
    assert len(calibrate(np.full(6, 0.5), np.tile([0.0, 1.0], 3)).reliability) == 1


def test_honest_probabilities_look_honest():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.3, 0.7, 20_000)
    table = calibrate(p, (rng.random(20_000) < p).astype(float)).reliability
    assert sum(each.rate_low <= each.mean_p <= each.rate_high for each in table) >= 8
