"""What klines say about themselves, against numbers made by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from tests.builders import HOUR, START, klines_of, random_klines, without
from trader.core.accounting import Costs
from trader.core.klines import Gap, fill_gaps, to_ms
from trader.report.market_statistics import (
    autocorrelation,
    break_even_hit_rate,
    by_year,
    coverage,
    days_of_week,
    hours_of_day,
    moments,
    monthly_coverage,
    noun,
    own_returns,
    profile,
    rolling_volatility,
    wilson,
    years,
)

COSTS = Costs(fee_rate=0.001, slippage_rate=0.0)


def test_coverage_counts_published_filled_and_silent_klines():
    klines = fill_gaps(without(klines_of([1.0] * 20, volume=5), 3, 7, 8, 9), until=START + 21 * HOUR)
    klines.volume[[0, 1]] = 0.0
    covered = coverage(klines)
    assert (covered.klines, covered.real, covered.filled, covered.zero_volume) == (22, 16, 6, 2)
    assert covered.gaps == (
        Gap(start=START + 7 * HOUR, count=3),
        Gap(start=START + 20 * HOUR, count=2),
        Gap(start=START + 3 * HOUR, count=1),
    )


def test_complete_klines_have_no_gap():
    covered = coverage(klines_of([1.0, 2.0]))
    assert (covered.filled, covered.gaps) == (0, ())


def test_a_month_is_measured_by_the_hours_the_data_spans():
    start = datetime(2023, 12, 31, tzinfo=UTC)
    klines = fill_gaps(without(random_klines(24 + 744 + 12, start=start), 5, 30, 31, 32))
    years_, share, missing = monthly_coverage(klines)
    assert years_.tolist() == [2023, 2024]
    assert share[0, 11] == pytest.approx(23 / 24)
    assert share[1, 0] == pytest.approx(741 / 744)
    assert share[1, 1] == 1.0
    assert missing[0, 11] == 1
    assert missing[1, 0] == 3
    assert missing.sum() == 4
    assert np.isnan(share[0, :11]).all()
    assert np.isnan(share[1, 2:]).all()


def test_a_return_never_touches_a_filled_kline():
    klines = fill_gaps(without(klines_of([100, 110, 121, 100, 150, 165]), 3))
    np.testing.assert_allclose(own_returns(klines), [np.nan, 0.1, 0.1, np.nan, np.nan, 0.1])


@pytest.mark.parametrize("count", [0, 1])
def test_no_kline_or_one_has_no_return(count):
    assert np.isnan(own_returns(random_klines(3)[:count])).sum() == count


def test_moments_agree_with_scipy_and_leave_unknown_values_out():
    values = np.random.default_rng(0).standard_t(4, size=2000)
    described = moments(np.concatenate([[np.nan], values, [np.nan]]))
    assert described.count == 2000
    assert described.mean == pytest.approx(values.mean())
    assert described.deviation == pytest.approx(values.std())
    assert described.skew == pytest.approx(stats.skew(values))
    assert described.excess_kurtosis == pytest.approx(stats.kurtosis(values))
    assert described.quantiles[4] == pytest.approx(np.median(values))
    assert (described.smallest, described.largest) == (values.min(), values.max())


def test_a_constant_has_no_skew_and_no_kurtosis():
    described = moments(np.full(10, 0.25))
    assert described.deviation == 0
    assert np.isnan(described.skew)
    assert np.isnan(described.excess_kurtosis)


def test_rolling_volatility_is_the_annualised_deviation_of_the_window():
    returns = np.random.default_rng(1).normal(0, 0.01, 100)
    volatility = rolling_volatility(returns, window=20, interval="1h")
    assert volatility[60] == pytest.approx(returns[41:61].std(ddof=1) * np.sqrt(8760))
    assert np.isnan(volatility[:17]).all()


def test_rolling_volatility_says_nothing_over_a_long_hole():
    returns = np.random.default_rng(1).normal(0, 0.01, 100)
    returns[50:53] = np.nan
    volatility = rolling_volatility(returns, window=20, interval="1h")
    assert np.isnan(volatility[52:70]).all()
    assert np.isfinite(volatility[[51, 70]]).all()


def test_the_autocorrelation_of_an_autoregression_falls_by_its_coefficient():
    rng = np.random.default_rng(2)
    values = np.zeros(60_000)
    for i, shock in enumerate(rng.normal(size=60_000)):
        values[i] = 0.7 * values[i - 1] + shock
    np.testing.assert_allclose(autocorrelation(values, lags=4), [0.7, 0.49, 0.343, 0.2401], atol=0.02)


def test_autocorrelation_by_hand_and_with_unknown_values():
    alternating = np.array([1.0, -1.0] * 4)
    np.testing.assert_allclose(autocorrelation(alternating, lags=2), [-7 / 8, 6 / 8])
    holed = alternating.copy()
    holed[[0, 7]] = np.nan
    np.testing.assert_allclose(autocorrelation(holed, lags=2), [-5 / 6, 4 / 6])


def test_a_constant_has_no_autocorrelation():
    assert np.isnan(autocorrelation(np.ones(10), lags=3)).all()


def test_a_profile_has_mean_and_standard_error_of_each_group():
    values = np.array([1.0, 3.0, 5.0, np.nan, 10.0])
    groups = np.array([0, 0, 0, 0, 2])
    result = profile(values, groups, size=3)
    np.testing.assert_allclose(result.mean, [3.0, np.nan, 10.0])
    np.testing.assert_allclose(result.error, [2.0 / np.sqrt(3), np.nan, np.nan])
    assert result.count.tolist() == [3, 0, 1]


def test_hours_days_and_years_are_those_of_utc():
    moments_ = [datetime(2024, 2, 29, 23, 30, tzinfo=UTC) + timedelta(days=i) for i in range(7)]
    times = np.array([to_ms(moment) for moment in moments_])
    assert hours_of_day(times).tolist() == [23] * 7
    assert days_of_week(times).tolist() == [moment.weekday() for moment in moments_]
    assert years(np.array([to_ms(datetime(2023, 12, 31, 23, tzinfo=UTC)), to_ms(START)])).tolist() == [2023, 2024]


def test_hour_of_day_means_find_a_planted_hour():
    klines = random_klines(24 * 200, seed=3)
    returns = np.where(hours_of_day(klines.open_time) == 14, 0.002, 0.0)
    result = profile(returns, hours_of_day(klines.open_time), size=24)
    assert result.mean[14] == pytest.approx(0.002)
    assert np.delete(result.mean, 14).tolist() == [0.0] * 23
    assert result.count.tolist() == [200] * 24


def test_wilson_agrees_with_scipy_at_the_ends_and_between():
    for successes, count in ((0, 10), (10, 10), (3, 10), (5_123, 10_000)):
        low, high = wilson(successes, count)
        expected = stats.binomtest(successes, count).proportion_ci(confidence_level=0.95, method="wilson")
        assert low <= successes / count <= high
        assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_by_year_counts_labels_moves_and_the_whole():
    closes = [100, 101, 101.15, 100, 100, 100.5]  # the second move is 15 bp: above one side, below two
    klines = klines_of(closes, start=datetime(2023, 12, 31, 21, tzinfo=UTC))
    first, second, whole = by_year(klines, costs=COSTS)
    assert (first.year, first.count, second.year, second.count) == (2023, 3, 2024, 2)
    assert (whole.year, whole.count) == (0, 5)
    assert first.base_rate == pytest.approx(2 / 3)
    assert second.base_rate == pytest.approx(1 / 2)
    assert first.beyond_costs == pytest.approx(2 / 3)
    assert second.beyond_costs == pytest.approx(1 / 2)
    assert second.mean_move == pytest.approx(0.0025)
    assert whole.median_move == pytest.approx(0.005)
    assert whole.low < whole.base_rate < whole.high


def test_klines_without_a_label_have_no_years():
    assert by_year(klines_of([1.0]), costs=COSTS) == []


def test_filled_klines_are_in_no_year():
    klines = fill_gaps(without(klines_of([100, 101, 102, 103, 104]), 2))
    assert by_year(klines, costs=COSTS)[-1].count == 2


def test_the_break_even_rate_earns_exactly_the_costs_of_a_flip():
    move = 0.0047
    rate = break_even_hit_rate(mean_move=move, costs=COSTS)
    assert (2 * rate - 1) * move == pytest.approx(2 * COSTS.rate)
    assert break_even_hit_rate(mean_move=0.0, costs=COSTS) == float("inf")


@pytest.mark.parametrize(("interval", "written"), [("1h", "hour"), ("4h", "4h kline")])
def test_klines_are_called_hours_only_when_they_are(interval, written):
    assert noun(interval) == written
