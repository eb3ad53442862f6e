"""Hours joined to longer klines and split into quarters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import klines_of, random_klines, without
from trader.core.klines import Klines, empty, interval_ms
from trader.simulator.intervals import join, split_hours


def rounded(klines: Klines) -> Klines:
    columns = dict(klines.columns())
    for name in ("open", "high", "low", "close", "volume"):
        columns[name] = np.round(columns[name], 2)
    return Klines(interval=klines.interval, **columns)


def test_four_hours_become_one_kline():
    hours = klines_of([10, 12, 9, 11, 20, 21], volume=2)
    joined = join(hours, "4h")
    assert joined.interval == "4h"
    assert joined.open_time.tolist() == [hours.open_time[0], hours.open_time[4]]
    assert joined.open.tolist() == [10, 11]
    assert joined.high.tolist() == [12, 21]
    assert joined.low.tolist() == [9, 11]
    assert joined.close.tolist() == [11, 21]
    assert joined.volume.tolist() == [8, 4]


def test_a_long_kline_is_made_of_the_hours_there_are_and_missing_without_any():
    hours = without(klines_of([10, 12, 9, 11, *[20] * 4, 30]), 0, 3, 4, 5, 6, 7)
    joined = join(hours, "4h")
    assert (joined.open_time - joined.open_time[0]).tolist() == [0, 2 * interval_ms("4h")]
    assert joined.close.tolist() == [9, 30]


def test_nothing_cannot_be_joined():
    with pytest.raises(ValueError, match="nothing to join"):
        join(empty("1h"), "4h")


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), count=st.integers(1, 200))
def test_quarters_joined_again_are_the_hours(seed, count):
    hours = rounded(random_klines(count, seed=seed))
    quarters = split_hours(hours, seed=(seed, 1), decimals=2)
    assert len(quarters) == 4 * count
    again = join(quarters, "1h")
    for name in ("open_time", "open", "high", "low", "close"):
        assert np.array_equal(getattr(again, name), getattr(hours, name)), name
    assert np.allclose(again.volume, hours.volume, atol=0.021)
    assert np.array_equal(
        quarters.open[1:][np.arange(1, 4 * count) % 4 != 0], quarters.close[:-1][np.arange(1, 4 * count) % 4 != 0]
    )


def test_quarters_are_the_same_for_the_same_seed_only():
    hours = rounded(random_klines(50))
    assert split_hours(hours, seed=(1, 2), decimals=2).same_as(split_hours(hours, seed=(1, 2), decimals=2))
    assert not split_hours(hours, seed=(1, 2), decimals=2).same_as(split_hours(hours, seed=(1, 3), decimals=2))
