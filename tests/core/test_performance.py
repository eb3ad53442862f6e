"""Figures of short streams, by hand."""

import math

import numpy as np
import pytest

from trader.core.performance import annual_factor, deviation, evaluate, falls, max_drawdown, round_trips


def figures(exposure, gross, net, interval="1h"):
    return evaluate(exposure=np.array(exposure), gross=np.array(gross), net=np.array(net), interval=interval)


# Long two hours, flat, short two hours; 10 bp each time the exposure changes by 1.
EXPOSURE = [1.0, 1.0, 0.0, -1.0, -1.0]
GROSS = [0.02, -0.01, 0.0, 0.03, 0.0]
NET = [0.019, -0.01, -0.001, 0.029, 0.0]


def test_sums_costs_and_turnover_by_hand():
    found = figures(EXPOSURE, GROSS, NET)
    assert found.klines == 5
    assert found.gross == pytest.approx(0.04, abs=1e-15)
    assert found.net == pytest.approx(0.037, abs=1e-15)
    assert found.costs == pytest.approx(0.003, abs=1e-15)
    assert found.turnover == 3.0  # in, out, in
    assert found.compounded == pytest.approx(1.019 * 0.99 * 0.999 * 1.029 - 1, abs=1e-15)


def test_sharpe_is_the_mean_over_the_sample_deviation_times_the_root_of_8760():
    # Returns 0.01 and 0.03: mean 0.02, sample deviation 0.01 * sqrt(2).
    found = figures([1.0, 1.0], [0.01, 0.03], [0.01, 0.03])
    assert found.sharpe == pytest.approx(0.02 / (0.01 * math.sqrt(2)) * math.sqrt(8760), rel=1e-12)


@pytest.mark.parametrize(("interval", "klines_a_year"), [("1h", 8760), ("15m", 35040), ("4h", 2190), ("1d", 365)])
def test_a_year_has_8760_hours(interval, klines_a_year):
    assert annual_factor(interval) == pytest.approx(math.sqrt(klines_a_year), rel=1e-15)


@pytest.mark.parametrize("value", [0.0, 0.1, -0.001, 0.3])
@pytest.mark.parametrize("hours", [1, 2, 3, 10, 1000])
def test_a_constant_stream_has_no_sharpe(value, hours):
    assert math.isnan(figures([1.0] * hours, [value] * hours, [value] * hours).sharpe)


def test_the_hit_rate_counts_exposed_hours_with_a_positive_gross_return():
    found = figures(EXPOSURE, GROSS, NET)
    assert found.hit_rate == 2 / 4  # +0.02 and +0.03 of four exposed hours; a flat price is no hit
    assert found.exposed == 4 / 5
    assert math.isnan(figures([0.0, 0.0], [0.0, 0.0], [0.0, 0.0]).hit_rate)


@pytest.mark.parametrize(
    ("exposure", "count"),
    [
        ([], 0),
        ([0.0, 0.0], 0),
        ([1.0, 1.0], 0),  # still open
        ([1.0, 0.0], 1),
        ([0.0, 1.0, 1.0, 0.0, 0.0], 1),
        ([0.0, 1.0, 1.0, 1.0, 0.0], 1),
        ([1.0, -1.0], 1),  # a flip leaves one, the next is open
        ([1.0, -1.0, 0.0], 2),
        ([0.5, 0.0, -0.5, 0.0, 1.0], 2),
        ([1.0, 0.5, 0.0], 1),  # resizing is not leaving
    ],
)
def test_a_round_trip_is_a_position_opened_and_left(exposure, count):
    assert round_trips(np.array(exposure)) == count


def test_a_flip_turns_over_twice():
    assert figures([1.0, -1.0], [0.0, 0.0], [0.0, 0.0]).turnover == 3.0


@pytest.mark.parametrize(
    ("returns", "drawdown"),
    [
        ([], 0.0),
        ([0.1, 0.1], 0.0),
        ([-0.1, 0.05], 0.1),  # the start counts as 0
        ([0.2, -0.05, -0.1, 0.3, -0.1], 0.15),
        ([0.1, -0.2, 0.3, -0.25], 0.25),
    ],
)
def test_drawdown_is_the_largest_fall_of_the_sum_from_an_earlier_peak(returns, drawdown):
    assert max_drawdown(np.array(returns)) == pytest.approx(drawdown, abs=1e-15)


def test_falls_are_from_the_highest_so_far_at_the_start_and_after_each_return():
    assert falls(np.array([0.1, -0.2, 0.3, -0.25])) == pytest.approx([0.0, 0.0, 0.2, 0.0, 0.25], abs=1e-15)
    assert falls(np.array([])).tolist() == [0.0]


def test_the_deviation_of_what_does_not_vary_is_exactly_zero():
    assert deviation(np.array([0.01, 0.03])) == pytest.approx(0.01 * math.sqrt(2), rel=1e-12)
    assert deviation(np.full(1000, 0.1)) == 0.0
    assert deviation(np.array([0.1])) == deviation(np.array([])) == 0.0


def test_no_hours_are_all_zeros_and_no_ratio():
    found = figures([], [], [])
    assert (found.klines, found.gross, found.net, found.compounded, found.costs) == (0, 0.0, 0.0, 0.0, 0.0)
    assert (found.max_drawdown, found.exposed, found.turnover, found.round_trips) == (0.0, 0.0, 0.0, 0)
    assert math.isnan(found.sharpe)
    assert math.isnan(found.hit_rate)


def test_one_hour_has_no_deviation_and_so_no_sharpe():
    assert math.isnan(figures([1.0], [0.01], [0.009]).sharpe)
