"""The way of the price inside a kline."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import random_klines
from trader.simulator.testnet.path import path_of

KLINES = random_klines(400, price=100.0)
ROWS = st.integers(0, len(KLINES) - 1)


@given(row=ROWS)
def test_a_path_goes_from_open_to_close_and_touches_high_and_low(row):
    path = path_of(KLINES, row)
    assert path.price(0.0) == KLINES.open[row]
    assert path.price(1.0) == KLINES.close[row]
    assert path.extremes(0.0, 1.0) == (KLINES.low[row], KLINES.high[row])
    assert path.volume_until(0.0) == 0
    assert path.volume_until(1.0) == KLINES.volume[row]


@given(row=ROWS, share=st.floats(0, 1))
def test_a_path_never_leaves_the_klines_range(row, share):
    assert KLINES.low[row] - 1e-9 <= path_of(KLINES, row).price(share) <= KLINES.high[row] + 1e-9


@given(row=ROWS, moments=st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted))
def test_the_extremes_of_two_stretches_are_those_of_both_together(row, moments):
    path = path_of(KLINES, row)
    first, middle, last = moments
    (low, high), (low_after, high_after) = path.extremes(first, middle), path.extremes(middle, last)
    assert path.extremes(first, last) == (min(low, low_after), max(high, high_after))


@given(row=ROWS)
def test_volume_never_shrinks(row):
    path = path_of(KLINES, row)
    assert all(after >= before for before, after in pairwise(path.volume_until(share / 20) for share in range(21)))


def test_the_first_extreme_does_not_tell_how_the_kline_ends():
    low_first = np.array([path_of(KLINES, row).corners[1][1] == KLINES.low[row] for row in range(len(KLINES))])
    rises = KLINES.close > KLINES.open
    assert 0.4 < low_first.mean() < 0.6
    assert abs(np.corrcoef(low_first, rises)[0, 1]) < 0.15


def test_the_volume_halfway_does_not_tell_the_volume_at_the_end():
    shares = [path_of(KLINES, row).volume_until(0.5) / KLINES.volume[row] for row in range(len(KLINES))]
    assert min(shares) < 0.4
    assert max(shares) > 0.6


def test_the_same_kline_always_has_the_same_path():
    assert path_of(KLINES, 7) == path_of(random_klines(400, price=100.0), 7)
    assert path_of(KLINES, 7) == path_of(KLINES[5:], 2)
    assert path_of(KLINES, 7).price(0.3) == pytest.approx(path_of(KLINES, 7).price(0.3000001), rel=1e-4)
