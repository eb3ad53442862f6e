"""What no skill earns, by hand, and that coins share everything with the strategy but its timing."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from tests.builders import START
from tests.core.evaluation.streams import COSTS, random_walk, stream_of
from trader.core.accounting import Costs
from trader.core.evaluation.baselines import last_sign, no_skill, shuffled, toss, toss_sides
from trader.core.evaluation.stream import Stream

CLOSES = [100.0, 110.0, 99.0, 99.0, 108.9]
FREE = Costs(fee_rate=0.0, slippage_rate=0.0)


def found_for(exposure):
    return no_skill(stream_of(exposure, closes=CLOSES), costs=COSTS, seed=1)


def test_holding_keeps_the_quantity_and_always_long_the_notional():
    found = found_for([1, 1, 1, 1])
    assert found.hold == pytest.approx(0.089 - 0.001)
    assert found.always_long == pytest.approx(0.1 - 0.1 + 0.1 - 0.001)
    assert found.always_short == pytest.approx(-0.1 - 0.001)
    assert found.flat == 0.0


def test_last_sign_goes_with_the_last_hour_and_pays_for_it():
    # Moves +, -, 0, +: flat, long (-10 %), short (0), still short after no move (-10 %); turnover 1 + 2.
    stream = stream_of([0, 0, 0, 0], closes=CLOSES)
    assert last_sign(stream).tolist() == [0.0, 1.0, -1.0, -1.0]
    found = found_for([0, 0, 0, 0])
    assert found.last_sign_gross == pytest.approx(-0.1 + 0.0 - 0.1)
    assert found.last_sign == pytest.approx(-0.2 - 0.003)


def test_last_sign_knows_nothing_across_a_hole():
    early = stream_of([0, 0, 0], closes=[100, 99, 98, 200])
    late = stream_of([0, 0], closes=[300, 301, 302], start=START + timedelta(hours=9))
    assert last_sign(Stream.concat([early, late])).tolist() == [0.0, -1.0, -1.0, -1.0, 1.0]


def test_the_hole_itself_is_nobodys_return():
    early = stream_of([0, 0], closes=[100, 101, 102])
    late = stream_of([0], closes=[500, 505], start=START + timedelta(hours=9))
    found = no_skill(Stream.concat([early, late]), costs=FREE, seed=1)
    assert found.hold == pytest.approx(1.02 * 1.01 - 1)
    assert found.always_long == pytest.approx(1 / 100 + 1 / 101 + 0.01)


def stretches(exposure):
    sign = np.sign(exposure)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sign)) + 1, [len(sign)]])
    return sorted((abs(sign[begin]), end - begin) for begin, end in pairwise(starts))


def turnover(exposure):
    return np.abs(np.diff(exposure, prepend=0.0)).sum()


@pytest.mark.parametrize("seed", range(20))
def test_a_coin_keeps_holding_periods_exposure_and_turnover(seed):
    rng = np.random.default_rng(seed)
    exposure = np.repeat(rng.choice([-1.0, 0.0, 1.0], 40), rng.integers(1, 30, 40))
    coin = shuffled(exposure, rng)
    assert stretches(coin) == stretches(exposure)
    assert turnover(coin) == turnover(exposure)
    assert np.count_nonzero(coin) == np.count_nonzero(exposure)
    assert (coin != exposure).any()


def test_a_coin_keeps_the_sizes_within_a_holding_period():
    exposure = np.array([0.0, 0.2, 0.4, 0.0, 0.0, -1.0, -0.5, -0.1, 0.0])
    for seed in range(10):
        coin = shuffled(exposure, np.random.default_rng(seed))
        assert sorted(np.abs(coin)) == sorted(np.abs(exposure))
        assert turnover(coin) == pytest.approx(turnover(exposure))
        assert "0.2 0.4" in " ".join(f"{abs(size):g}" for size in coin)


def test_coins_of_a_strategy_that_is_always_in_the_market_flip_as_often():
    exposure = np.repeat([1.0, -1.0, 1.0, -1.0, 1.0], [3, 10, 2, 7, 1])
    firsts = set()
    for seed in range(20):
        coin = shuffled(exposure, np.random.default_rng(seed))
        assert turnover(coin) == turnover(exposure)
        assert (coin != 0).all()
        firsts.add(coin[0])
    assert firsts == {1.0, -1.0}


def test_sides_are_tossed_anew_after_every_flat_stretch():
    exposure = np.array([1.0, 0.0, -1.0, 0.0, 1.0])
    sides = {tuple(shuffled(exposure, np.random.default_rng(seed))[::2]) for seed in range(200)}
    assert len(sides) == 8


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_coins_of_a_one_sided_strategy_stay_on_its_side(side):
    exposure = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]) * side
    for seed in range(20):
        assert set(shuffled(exposure, np.random.default_rng(seed))) == {0.0, side}


def test_foresight_beats_all_coins_and_its_opposite_none():
    closes = random_walk(2000, seed=3)
    foresight = np.sign(np.diff(closes))
    best = toss(stream_of(foresight, closes=closes), costs=COSTS, seed=1)
    worst = toss(stream_of(-foresight, closes=closes), costs=COSTS, seed=1)
    assert (best.count, best.at_least_as_good, worst.at_least_as_good) == (50, 0.0, 1.0)
    assert best.low <= best.mean <= best.high < 0 < stream_of(foresight, closes=closes).net.sum()


def test_coins_of_one_that_never_trades_are_all_as_good():
    found = found_for([0, 0, 0, 0]).coins
    assert (found.mean, found.low, found.high, found.at_least_as_good) == (0.0, 0.0, 0.0, 1.0)


def test_the_same_seed_tosses_the_same_coins():
    stream = stream_of([1, 0, -1, 0], closes=CLOSES)
    assert toss(stream, costs=COSTS, seed=7) == toss(stream, costs=COSTS, seed=7)


def test_coins_on_random_sides_hold_the_same_positions_and_pay_the_same():
    # Long twice through +10 % and -10 %, flat, short through +10 %: 0 and 10 % are at stake, turnover is 3.
    stream = stream_of([1, 1, 0, -1], closes=[100.0, 110.0, 99.0, 99.0, 108.9])
    found = toss_sides(stream, costs=COSTS, seed=1, count=400)
    assert (found.low, found.high) == (pytest.approx(-0.1 - 0.003), pytest.approx(0.1 - 0.003))
    assert found.mean == pytest.approx(-0.003, abs=0.02)
    assert found.at_least_as_good == 1.0  # the strategy was short through +10 %, the worst that could be


def test_a_flip_is_two_positions_with_a_coin_each():
    stream = stream_of([1, -1], closes=[100.0, 110.0, 99.0])
    found = toss_sides(stream, costs=FREE, seed=1, count=400)
    assert found.high == pytest.approx(0.2)
    assert found.low == pytest.approx(-0.2)
    assert found.at_least_as_good == pytest.approx(0.25, abs=0.07)


def test_one_that_waits_for_wild_hours_without_a_view_is_as_good_as_coins_in_those_hours_only():
    # Forty wild hours, each held on a side that means nothing: at other hours there is nothing to earn or lose.
    rng = np.random.default_rng(0)
    held, calm, wild = np.zeros(4000), 0.0001, 0.05
    held[2 * rng.permutation(2000)[:40]] = 1.0
    moves = rng.choice([-1.0, 1.0], 4000) * np.where(held != 0, wild, calm)
    held *= rng.choice([-1.0, 1.0], 4000)
    closes = 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + moves]))
    stream = stream_of(held, closes=closes, costs=FREE)
    anywhere, there = (each(stream, costs=FREE, seed=1, count=400) for each in (toss, toss_sides))
    assert there.high - there.low == pytest.approx(2 * 1.645 * wild * np.sqrt(40), rel=0.15)
    assert anywhere.high - anywhere.low < 0.5 * (there.high - there.low)


def test_coins_on_random_sides_of_a_short_stream_without_a_position_earn_nothing():
    found = found_for([0, 0, 0, 0]).sides
    assert (found.mean, found.low, found.high, found.at_least_as_good) == (0.0, 0.0, 0.0, 1.0)
