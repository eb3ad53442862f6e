"""The made-up months: plausible, continuous, gappy, of the promised size, and decided by the seed alone."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.core.klines import concat, digest, find_gaps, to_ms
from trader.simulator.synthetic import GENESIS, State, generate_month, month_of, month_start


def months(seed, count):
    state, parts = State(), []
    for month in range(count):
        klines, state = generate_month(seed=seed, month=month, before=state)
        parts.append(klines)
    return parts


@pytest.fixture(scope="module")
def ten_years():
    return concat(months(3, 120), "1h")


def test_months_are_counted_from_genesis():
    assert month_of(GENESIS) == 0
    assert month_of(datetime(2023, 12, 31, 23, tzinfo=UTC)) == -1
    assert month_of(datetime(2026, 3, 31, 23, 59, tzinfo=UTC)) == 26
    assert month_start(26) == datetime(2026, 3, 1, tzinfo=UTC)
    assert month_start(12) == datetime(2025, 1, 1, tzinfo=UTC)


def test_a_month_is_the_same_again_and_another_with_another_seed_or_state():
    first, state = generate_month(seed=5, month=0, before=State())
    again, same_state = generate_month(seed=5, month=0, before=State())
    assert first.same_as(again)
    assert state == same_state
    assert not first.same_as(generate_month(seed=6, month=0, before=State())[0])
    assert not first.same_as(generate_month(seed=5, month=0, before=state)[0])
    assert not np.array_equal(first.volume[:50], generate_month(seed=5, month=1, before=State())[0].volume[:50])


def test_a_month_has_its_own_hours_and_continues_at_the_last_close():
    before = State()
    for month, klines in enumerate(months(2, 14)):
        assert to_ms(month_start(month)) <= klines.open_time[0]
        assert klines.open_time[-1] < to_ms(month_start(month + 1))
        if klines.open_time[0] == to_ms(month_start(month)):
            assert klines.open[0] == before.close
        _, before = generate_month(seed=2, month=month, before=before)


def test_the_numbers_are_these_whatever_is_changed_around_them():
    """The demo of a given seed is part of what was published: change it knowingly."""
    klines, _ = generate_month(seed=7, month=0, before=State())
    assert klines.close[:6].tolist() == [100.0, 100.16, 100.0, 99.58, 99.43, 99.04]


def test_ten_years_neither_die_nor_explode_and_lie_on_the_tick(ten_years):
    assert ten_years.close.min() > 40
    assert ten_years.close.max() < 250
    assert 80 < np.median(ten_years.close) < 125
    for column in (ten_years.open, ten_years.high, ten_years.low, ten_years.close, ten_years.volume):
        assert np.array_equal(column, np.round(column, 2))
    assert ten_years.volume.min() > 0


def test_volatility_is_that_of_a_market_and_comes_in_clusters(ten_years):
    returns = np.diff(np.log(ten_years.close))
    assert 0.005 < returns.std() < 0.008
    size = np.abs(returns)
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.1
    assert np.corrcoef(size[:-24], size[24:])[0, 1] > 0.05
    assert ((returns / returns.std()) ** 4).mean() > 3.5


def test_afternoons_are_busier_than_nights(ten_years):
    hour = ten_years.open_time // 3_600_000 % 24
    assert ten_years.volume[hour == 15].mean() > 2 * ten_years.volume[hour == 3].mean()


def test_about_once_a_month_some_hours_are_missing(ten_years):
    gaps = find_gaps(ten_years)
    assert 80 < len(gaps) < 160
    counts = [gap.count for gap in gaps]
    assert min(counts) == 1
    assert {1, 2, 3, 4, 5} <= set(counts)
    assert np.mean(np.array(counts) <= 5) > 0.95  # two that meet are longer


def test_every_seed_has_gaps_of_its_own():
    assert len({digest(concat(months(seed, 3), "1h")) for seed in range(4)}) == 4
