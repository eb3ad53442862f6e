"""What round trips earned, by hand; together with what is still open they are the whole net return."""

import numpy as np
import pytest

from tests.core.evaluation.streams import random_walk, stream_of
from trader.core.evaluation.trips import leaves, trip_returns
from trader.core.performance import round_trips


def test_a_trip_pays_for_entering_and_leaving():
    # Long from 100 to 121 in two hours of 10 %, 10 bp in and 10 bp out; the way out is charged to the flat hour.
    stream = stream_of([1, 1, 0, 0], closes=[100, 110, 121, 121, 121])
    assert trip_returns(stream) == pytest.approx([0.2 - 0.002])


def test_a_flip_is_paid_by_both_trips_in_proportion():
    # Long 1 for +10 %, then short 0.5 for +5 %: the flip costs 1.5 * 10 bp, 10 bp of them for leaving the long one.
    stream = stream_of([1, -0.5, 0], closes=[100, 110, 99, 99])
    assert trip_returns(stream) == pytest.approx([0.1 - 0.001 - 0.001, 0.05 - 0.0005 - 0.0005])


def test_resizing_stays_in_the_trip_and_is_charged_to_it():
    stream = stream_of([1, 0.5, 0], closes=[100, 110, 121, 121])
    assert trip_returns(stream) == pytest.approx([0.1 + 0.05 - 0.001 - 0.0005 - 0.0005])


def test_an_open_position_is_not_a_trip():
    assert len(trip_returns(stream_of([0, 1, 1], closes=[1, 1, 1, 2]))) == 0
    assert trip_returns(stream_of([-1, 0, 1, 1], closes=[1, 1, 1, 1, 2])) == pytest.approx([-0.002])
    assert len(trip_returns(stream_of([], closes=[1]))) == 0


def test_trips_and_the_open_position_are_the_whole_net_return():
    rng = np.random.default_rng(4)
    exposure = np.repeat(rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], 300), rng.integers(1, 9, 300))
    stream = stream_of(np.append(exposure, 0.0), closes=random_walk(len(exposure) + 1, seed=5))
    found = trip_returns(stream)
    assert len(found) == round_trips(stream.exposure) > 100
    assert found.sum() == pytest.approx(stream.net.sum(), abs=1e-12)


def test_the_row_in_which_a_position_is_left_is_marked():
    left = leaves(np.array([0.0, 1.0, 0.5, 0.0, -1.0, 1.0, 1.0]))
    assert np.flatnonzero(left).tolist() == [3, 5]
    assert leaves(np.array([])).tolist() == []
