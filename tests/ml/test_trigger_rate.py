"""How often the trigger fires: the coins are what they are said to be, and every firing is the trigger's own."""

from datetime import timedelta

import numpy as np
import pytest

from tests.builders import HOUR, START, klines_of, random_klines
from trader.core.accounting import Costs
from trader.core.errors import BadConfig, BadData
from trader.core.policy import TriggerPolicy, evaluate_trigger
from trader.ml.trigger_rate import Habits, firings, lose, toss, trigger_rates

FREE = Costs(fee_rate=0.0, slippage_rate=0.0)
DEAR = Costs(fee_rate=0.001, slippage_rate=0.0)
MANY = 200_000


def policy(window=24, threshold=-0.05, *, min_runs=3, cooldown=48):
    return TriggerPolicy(window=window, threshold=threshold, min_runs=min_runs, cooldown=timedelta(hours=cooldown))


def habits(holding=20.0, exposed=1.0, hit=0.4):
    return Habits(holding=holding, exposed=exposed, hit=hit)


def runs_of(exposure):
    """The lengths of the stretches of one exposure, and the exposure of each."""
    first = np.flatnonzero(np.diff(exposure, prepend=np.nan))
    return np.diff(np.append(first, len(exposure))), exposure[first]


@pytest.mark.parametrize(("holding", "exposed"), [(1, 1.0), (20, 1.0), (20, 0.9), (5, 0.17), (80, 0.5)])
def test_a_coin_holds_for_as_long_and_as_much_of_the_time_as_it_is_told(holding, exposed):
    exposure = toss(MANY, habits=habits(holding, exposed), rng=np.random.default_rng(1))
    lengths, sides = runs_of(exposure)
    assert set(np.unique(exposure)) <= {-1.0, 0.0, 1.0}
    assert lengths[sides != 0].mean() == pytest.approx(holding, rel=0.05)
    assert (exposure != 0).mean() == pytest.approx(exposed, abs=0.02)
    assert exposure.mean() == pytest.approx(0.0, abs=0.06)


def test_a_coin_knows_nothing_and_a_losing_model_is_on_the_wrong_side():
    klines, rng = random_klines(40_000, seed=3), np.random.default_rng(2)
    moves = klines.close[1:] / klines.close[:-1] - 1

    def earned(exposure):
        return float((exposure[:-1] * moves).sum())

    coins = [earned(toss(len(klines), habits=habits(), rng=rng)) for _ in range(20)]
    losers = [earned(lose(klines, habits=habits(), rng=rng)) for _ in range(20)]
    spread = 0.005 * np.sqrt(len(moves) / 20)
    assert abs(np.mean(coins)) < 4 * spread
    # a position of 20 klines moves by 0.8 * 0.005 * sqrt(20) = 1.8 %, and one in five too many is on the wrong side
    assert max(losers) < 0
    assert np.mean(losers) == pytest.approx(-0.2 * 0.0155 * len(moves) / 20, rel=0.25)


def hour_by_hour(net, *, times, policy):
    """The obvious way: the trigger asked at every run, a training over a minute after the hour in which it fires."""
    due, trained_at, found = None, None, []
    for row, at in enumerate(times):
        if due is not None:
            due, trained_at = None, due + HOUR + timedelta(minutes=1)
        window = net[max(0, row - policy.window) : row]
        due = evaluate_trigger(window=window, due_since=due, trained_at=trained_at, at=at, policy=policy).due_since
        if due is not None:
            found.append(row)
    return found


@pytest.mark.parametrize(
    "settings", [policy(), policy(5, -0.01, cooldown=1), policy(72, -0.08, min_runs=72, cooldown=72)]
)
def test_the_firings_are_those_of_the_trigger_asked_hour_by_hour(settings):
    rng = np.random.default_rng(5)
    net = rng.normal(-0.0002, 0.006, 1500).tolist()
    times = [START + hour * HOUR for hour in range(1501)]
    expected = hour_by_hour(net, times=times, policy=settings)
    assert len(expected) > 3
    assert firings(net, times=times, step=HOUR, policy=settings) == expected


def test_a_sum_that_is_the_threshold_fires_nothing():
    times = [START + hour * HOUR for hour in range(9)]
    exact = policy(4, -0.75, min_runs=2, cooldown=1)
    assert firings([-0.25] * 3 + [0.25] * 4, times=times[:8], step=HOUR, policy=exact) == []
    assert firings([-0.25] * 3 + [-0.01], times=times[:5], step=HOUR, policy=exact) == [4]


def test_a_falling_market_catches_who_is_always_wrong_and_never_who_is_always_right():
    klines = klines_of(100 * 0.999 ** np.arange(24 * 7 * 10))
    grid = [policy(24, -0.0205), policy(24, -0.5)]
    found = trigger_rates(klines, habits=habits(5, hit=0.0), costs=FREE, policies=grid, coins=10, seed=0)
    sure, never = found.rates
    assert (sure.caught, never.caught, never.days, never.a_year) == (1.0, 0.0, None, 0.0)
    assert sure.days == pytest.approx(21 / 24)  # each hour loses 0.1 %, and the run of row 21 knows 21
    assert found.losing_week == pytest.approx(-0.168, rel=0.01)
    right = trigger_rates(klines, habits=habits(5, hit=1.0), costs=FREE, policies=grid, coins=10, seed=0)
    assert (right.rates[0].caught, right.losing_week) == (0.0, pytest.approx(0.168, rel=0.01))


def test_costs_fire_the_trigger_too_and_the_same_seed_gives_the_same_rates():
    klines, grid = random_klines(24 * 7 * 10, seed=1), [policy(72, -0.05)]

    def rates(costs, seed=0):
        return trigger_rates(klines, habits=habits(3), costs=costs, policies=grid, coins=20, seed=seed)

    assert rates(DEAR) == rates(DEAR)
    assert rates(DEAR) != rates(DEAR, seed=1)
    assert rates(DEAR).rates[0].a_year > rates(FREE).rates[0].a_year
    assert rates(DEAR).rates[0].low <= rates(DEAR).rates[0].a_year <= rates(DEAR).rates[0].high
    # turning every three hours costs two sides of 10 bp: 168 / 3 * 0.2 % a week
    assert rates(DEAR).coin_week - rates(FREE).coin_week == pytest.approx(-0.112, rel=0.05)


@pytest.mark.parametrize("wrong", [{"holding": 0.5}, {"exposed": 0.0}, {"exposed": 1.1}, {"hit": 1.5}])
def test_habits_that_nobody_can_have_are_refused(wrong):
    with pytest.raises(BadConfig):
        habits(**wrong)


def test_too_few_klines_are_refused():
    with pytest.raises(BadData, match="8 weeks"):
        trigger_rates(random_klines(24 * 55), habits=habits(), costs=FREE, policies=[policy()], coins=10, seed=0)
