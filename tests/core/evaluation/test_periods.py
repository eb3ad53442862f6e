"""Years and months, by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.core.evaluation.streams import random_walk, stream_of
from trader.core.evaluation.periods import Calendar, by_period
from trader.core.performance import round_trips

NEW_YEAR_EVE = datetime(2020, 12, 31, 22, tzinfo=UTC)


def test_rows_belong_to_the_month_of_their_klines_opening():
    # 22:00 and 23:00 of the old year, 00:00 and 01:00 of the new one; long until the first hour of the new one.
    stream = stream_of([1, 1, 0, -1], closes=[100, 110, 99, 99, 108.9], start=NEW_YEAR_EVE)
    old, new = by_period(stream, Calendar.MONTH)
    assert (old.name, old.klines, new.name, new.klines) == ("2020-12", 2, "2021-01", 2)
    assert (old.gross, old.net) == pytest.approx((0.0, -0.001))
    assert (new.gross, new.net) == pytest.approx((-0.1, -0.102))
    assert (old.round_trips, new.round_trips) == (0, 1)
    assert old.max_drawdown == pytest.approx(0.1)
    assert new.max_drawdown == pytest.approx(0.102)
    assert [year.name for year in by_period(stream, Calendar.YEAR)] == ["2020", "2021"]


def test_periods_add_up_to_the_whole():
    rng = np.random.default_rng(1)
    exposure = np.repeat(rng.choice([-1.0, 0.0, 1.0], 400), rng.integers(1, 40, 400))
    stream = stream_of(exposure, closes=random_walk(len(exposure), seed=2), start=NEW_YEAR_EVE)
    for calendar in Calendar:
        periods = by_period(stream, calendar)
        assert len(periods) > 1
        assert sum(period.klines for period in periods) == len(stream)
        assert sum(period.net for period in periods) == pytest.approx(stream.net.sum())
        assert sum(period.round_trips for period in periods) == round_trips(exposure)


def test_no_rows_are_no_periods():
    assert by_period(stream_of([], closes=[1]), Calendar.MONTH) == ()
