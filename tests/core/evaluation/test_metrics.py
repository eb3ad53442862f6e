"""Every metric of a short stream, by hand."""

import math
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START
from tests.core.evaluation.streams import stream_of, stream_of_returns
from trader.core.evaluation.metrics import find_drawdown, measure, yearly

HOUR = timedelta(hours=1)
ROOT = math.sqrt(8760)

# Long for +2 % and -1 %, flat, short for +3 % and -1 %, flat: two trips, 10 bp each time the exposure changes by 1.
GROSS = [0.02, -0.01, 0.0, 0.03, -0.01, 0.0]
NET = [0.019, -0.01, -0.001, 0.029, -0.01, -0.001]
FOUND = measure(stream_of_returns(GROSS, NET, [1.0, 1.0, 0.0, -1.0, -1.0, 0.0]))


def test_sums_costs_and_what_reinvesting_brings():
    assert FOUND.klines == 6
    assert FOUND.gross == pytest.approx(0.03)
    assert FOUND.net == pytest.approx(0.026)
    assert FOUND.costs == pytest.approx(0.004)
    assert FOUND.compounded == pytest.approx(1.019 * 0.99 * 0.999 * 1.029 * 0.99 * 0.999 - 1)


def test_cagr_is_the_compounded_return_to_the_power_of_the_years():
    assert FOUND.cagr == pytest.approx((1 + FOUND.compounded) ** (8760 / 6) - 1)
    assert yearly(0.21, years=2) == pytest.approx(0.1)
    assert yearly(0.1, years=0.5) == pytest.approx(0.21)


def test_a_total_loss_and_a_growth_beyond_all_numbers_have_no_cagr():
    assert yearly(-1.0, years=1) is None
    assert yearly(-1.5, years=1) is None
    assert yearly(1.0, years=1e-6) is None
    assert yearly(0.1, years=0) is None


def test_volatility_is_the_sample_deviation_a_year():
    # 1 and 3 %: deviation sqrt(2) %.
    assert measure(stream_of_returns([0.01, 0.03])).volatility == pytest.approx(0.01 * math.sqrt(2) * ROOT)
    assert measure(stream_of_returns([0.01, 0.01])).volatility == 0.0
    assert measure(stream_of_returns([0.01])).volatility is None


def test_sharpe_is_the_mean_over_the_deviation_a_year():
    assert measure(stream_of_returns([0.01, 0.03])).sharpe == pytest.approx(math.sqrt(2) * ROOT)
    assert measure(stream_of_returns([0.01, 0.01])).sharpe is None
    assert measure(stream_of_returns([0.01, 0.03], interval="4h")).sharpe == pytest.approx(math.sqrt(2 * 2190))


def test_sortino_counts_losses_over_all_rows():
    # Mean 1 %; losses 0, 2 %, 0, 0: root mean square 1 %.
    assert measure(stream_of_returns([0.02, -0.02, 0.03, 0.01])).sortino == pytest.approx(ROOT)
    assert measure(stream_of_returns([0.02, 0.01])).sortino is None


def test_calmar_is_the_net_sum_a_year_over_the_drawdown():
    # +2 % net in four hours, fell by 4 %.
    found = measure(stream_of_returns([0.04, -0.04, 0.02, 0.01], [0.03, -0.04, 0.02, 0.01]))
    assert found.calmar == pytest.approx(0.02 * 8760 / 4 / 0.04)
    assert measure(stream_of_returns([0.01, 0.02])).calmar is None


def test_hit_rate_turnover_and_exposure():
    assert FOUND.hit_rate == 2 / 4
    assert FOUND.turnover == 4.0
    assert FOUND.exposed == 4 / 6
    assert FOUND.mean_exposure == 4 / 6
    assert measure(stream_of_returns([0.1, 0.1], exposure=[0.5, -0.25])).mean_exposure == 0.375


def test_rows_that_are_not_scorable_are_no_hits():
    stream = stream_of([1, 1], closes=[100, 101, 102], scorable=np.array([True, False]))
    assert measure(stream).hit_rate == 1.0
    assert measure(stream_of([1], closes=[100, 101], scorable=np.array([False]))).hit_rate is None


def test_profit_factor_and_expectancy_are_of_round_trips_after_their_costs():
    # +0.8 % and +1.8 %.
    assert FOUND.round_trips == 2
    assert FOUND.expectancy == pytest.approx((0.008 + 0.018) / 2)
    assert FOUND.profit_factor is None
    assert FOUND.winners == 1.0
    # +3 %, -1 % and +0.5 % gross, 20 bp each: +2.8 %, -1.2 % and +0.3 %.
    closes = 100 * np.cumprod([1, 1.03, 1, 0.99, 1, 1.005, 1])
    mixed = measure(stream_of([1, 0, 1, 0, 1, 0], closes=closes))
    assert mixed.profit_factor == pytest.approx(3.1 / 1.2)
    assert mixed.expectancy == pytest.approx(0.019 / 3)
    assert mixed.winners == 2 / 3


def test_best_and_worst_hour_are_net():
    assert (FOUND.best_hour, FOUND.worst_hour) == (0.029, -0.01)


def test_few_round_trips_are_called_no_evidence():
    assert FOUND.evidence == "fewer than 30 round trips: NO EVIDENCE"
    assert measure(stream_of([1, 0] * 30, closes=[1] * 61)).evidence == ""


def test_a_drawdown_has_its_peak_trough_and_recovery():
    # Equity 0, 1, 3, 2, 0, 1, 3, 4 %: known one kline after the decision's close, so the start is START + 1 h.
    found = find_drawdown(stream_of_returns([0.01, 0.02, -0.01, -0.02, 0.01, 0.02, 0.01]))
    assert found.depth == pytest.approx(0.03)
    assert found.peak == START + 3 * HOUR
    assert found.trough == START + 5 * HOUR
    assert found.recovery == START + 7 * HOUR


def test_a_fall_from_the_start_that_never_recovers():
    found = find_drawdown(stream_of_returns([-0.02, 0.01, 0.005]))
    assert found.depth == pytest.approx(0.02)
    assert (found.peak, found.trough, found.recovery) == (START + HOUR, START + 2 * HOUR, None)


def test_the_peak_is_the_last_moment_before_the_fall():
    found = find_drawdown(stream_of_returns([0.01, 0.0, 0.0, -0.01]))
    assert (found.peak, found.trough) == (START + 4 * HOUR, START + 5 * HOUR)


def test_no_fall_has_no_times():
    found = find_drawdown(stream_of_returns([0.01, 0.0]))
    assert (found.depth, found.peak, found.trough, found.recovery) == (0.0, None, None, None)


def test_nothing_at_all_has_no_ratios():
    empty = measure(stream_of_returns([]))
    assert (empty.klines, empty.net, empty.turnover, empty.mean_exposure, empty.round_trips) == (0, 0.0, 0.0, 0.0, 0)
    for name in ("cagr", "volatility", "sharpe", "sortino", "calmar", "hit_rate", "expectancy", "best_hour"):
        assert getattr(empty, name) is None, name


def test_never_trading_is_all_zeros_and_no_ratios():
    flat = measure(stream_of([0, 0, 0], closes=[100, 90, 110, 100]))
    assert (flat.net, flat.costs, flat.exposed, flat.drawdown.depth, flat.cagr) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert (flat.sharpe, flat.sortino, flat.calmar, flat.hit_rate, flat.profit_factor) == (None,) * 5
    assert "NO EVIDENCE" in flat.evidence
