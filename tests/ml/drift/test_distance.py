"""The two distances, by hand."""

import numpy as np
import pytest

from trader.ml.drift.distance import BINS, count_days, edges_of, kolmogorov_smirnov, stability_index

SAMPLE = np.arange(1.0, 1001.0)[:, np.newaxis]


def counted(rows, edges=None):
    edges = edges_of(SAMPLE) if edges is None else edges
    rows = np.asarray(rows, dtype=float).reshape(-1, len(edges))
    return count_days(rows, edges=edges, days=np.zeros(len(rows), dtype=np.int64), number=1)[0]


def test_the_bins_of_the_sample_hold_a_fiftieth_of_it_each():
    assert counted(SAMPLE)[0].tolist() == [20.0 * (place + 1) for place in range(BINS)]


def test_a_window_like_the_sample_is_at_no_distance():
    assert kolmogorov_smirnov(counted(SAMPLE[::10]), counted(SAMPLE)).tolist() == [0.0]
    assert stability_index(counted(SAMPLE[::10]), counted(SAMPLE))[0] == pytest.approx(0.0, abs=1e-9)


def test_the_upper_half_of_the_sample_is_half_a_distribution_away():
    assert kolmogorov_smirnov(counted(SAMPLE[500:]), counted(SAMPLE))[0] == pytest.approx(0.5)


def test_the_index_is_the_sum_over_the_tenths_with_half_a_row_added_to_each():
    # 100 rows in the lowest tenth of the sample, none elsewhere
    found = stability_index(counted(np.full(100, 1.0)), counted(SAMPLE))[0]
    low, rest, even = 100.5 / 105, 0.5 / 105, 100.5 / 1005
    by_hand = (low - even) * np.log(low / even) + 9 * (rest - even) * np.log(rest / even)
    assert found == pytest.approx(by_hand, rel=1e-5)


def test_the_largest_difference_is_that_of_the_two_distribution_functions():
    rng = np.random.default_rng(3)
    sample, served = rng.normal(size=5000), rng.normal(0.5, 1.5, size=700)
    edges = edges_of(sample[:, np.newaxis])
    found = kolmogorov_smirnov(counted(served, edges), counted(sample, edges))[0]
    everything = np.sort(np.concatenate([sample, served]))
    exact = np.abs(
        np.searchsorted(np.sort(sample), everything, side="right") / 5000
        - np.searchsorted(np.sort(served), everything, side="right") / 700
    ).max()
    assert exact - 1 / BINS <= found <= exact


def test_equal_values_fall_into_one_bin_and_a_constant_column_is_never_far_from_itself():
    ties = np.concatenate([np.zeros(900), np.arange(100.0)])
    edges = edges_of(ties[:, np.newaxis])
    assert kolmogorov_smirnov(counted(np.zeros(10), edges), counted(ties, edges))[0] < 0.11
    constant = edges_of(np.ones((50, 1)))
    assert kolmogorov_smirnov(counted(np.ones(9), constant), counted(np.ones(50), constant)).tolist() == [0.0]


def test_counts_are_kept_apart_by_day_and_column():
    rows = np.array([[1.0, 5.0], [2.0, 5.0], [9.0, 6.0]])
    edges = np.tile(np.arange(1.0, BINS), (2, 1))
    found = count_days(rows, edges=edges, days=np.array([0, 2, 2]), number=3)
    assert found.shape == (3, 2, BINS)
    assert found[:, :, -1].tolist() == [[1, 1], [0, 0], [2, 2]]
    assert np.diff(found[2, 0], prepend=0).nonzero()[0].tolist() == [1, 8]
