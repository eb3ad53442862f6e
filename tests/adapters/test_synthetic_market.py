"""The demo's market: the same whatever was asked before, closed klines only, and an edge that is there but weak."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.adapters.clocks import VirtualClock
from trader.adapters.synthetic_market import SYMBOL, SyntheticMarket
from trader.core.errors import BadConfig
from trader.core.indicators import FEATURE_PRESETS, compute_indicators
from trader.core.klines import INTERVALS, fill_gaps, find_gaps, from_ms, interval_ms
from trader.core.labels import directions, next_returns
from trader.simulator.synthetic import GENESIS

HOUR = timedelta(hours=1)
NOW = datetime(2024, 8, 20, 12, tzinfo=UTC)
HOURS = int((NOW - GENESIS) / HOUR)


def market(seed=7, *, now=NOW):
    clock = VirtualClock(now)
    return SyntheticMarket(seed=seed, clock=clock), clock


ALL = market()[0].klines(SYMBOL, "1h", start=GENESIS, end=NOW)


@settings(deadline=None, max_examples=30)
@given(
    ranges=st.lists(st.tuples(st.integers(-50, HOURS + 50), st.integers(-50, HOURS + 50)), min_size=1, max_size=4),
    now=st.integers(0, HOURS),
)
def test_an_hour_is_the_same_whatever_was_asked_before(ranges, now):
    asked, _ = market(now=GENESIS + now * HOUR)
    for start, end in ranges:
        begin, finish = GENESIS + start * HOUR, GENESIS + end * HOUR
        shown = asked.klines(SYMBOL, "1h", start=begin, end=finish)
        closed = min(finish, GENESIS + now * HOUR)
        assert shown.same_as(ALL.between(begin, max(begin, closed)))


def test_another_seed_is_another_market():
    other = market(8)[0].klines(SYMBOL, "1h", start=GENESIS, end=NOW)
    assert not np.array_equal(other.close[:100], ALL.close[:100])


def test_a_kline_is_shown_from_the_moment_of_its_close():
    asked, clock = market(now=GENESIS + 6 * HOUR)
    assert asked.klines(SYMBOL, "1h", start=GENESIS, end=NOW).last == GENESIS + 5 * HOUR
    clock.move_to(GENESIS + 6 * HOUR - timedelta(milliseconds=1))
    assert asked.klines(SYMBOL, "1h", start=GENESIS, end=NOW).last == GENESIS + 4 * HOUR
    clock.move_to(GENESIS)
    assert len(asked.klines(SYMBOL, "1h", start=GENESIS, end=NOW)) == 0


def test_missing_hours_are_left_out_and_the_price_stays_at_the_last_close():
    gap = find_gaps(ALL)[0]
    asked, clock = market(now=gap.start + gap.count * HOUR)
    shown = asked.klines(SYMBOL, "1h", start=gap.start - HOUR, end=NOW)
    assert shown.last == gap.start - HOUR
    assert asked.price(SYMBOL) == Decimal(repr(float(shown.close[-1])))
    clock.move_to(gap.start + (gap.count + 1) * HOUR)
    assert asked.klines(SYMBOL, "1h", start=gap.start, end=NOW).first == gap.start + gap.count * HOUR


def test_there_is_nothing_before_genesis():
    asked, _ = market(now=GENESIS + timedelta(minutes=59))
    assert len(asked.klines(SYMBOL, "1h", start=GENESIS - 1000 * HOUR, end=GENESIS)) == 0
    with pytest.raises(BadConfig, match="begins at 2024-01-01 00:00 UTC"):
        asked.price(SYMBOL)
    with pytest.raises(BadConfig, match="begins at"):
        market(now=datetime(2020, 1, 1, tzinfo=UTC))[0].price(SYMBOL)


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_tells_the_same_story(interval):
    shown = market()[0].klines(SYMBOL, interval, start=GENESIS, end=NOW)
    days = NOW.replace(hour=0)
    assert shown.interval == interval
    assert interval_ms(interval) <= 86_400_000
    assert shown.last + timedelta(milliseconds=interval_ms(interval)) <= NOW
    whole, hours = shown.between(GENESIS, days), ALL.between(GENESIS, days)
    assert whole.open[0] == hours.open[0]
    assert whole.close[-1] == hours.close[-1]
    assert whole.high.max() == hours.high.max()
    assert whole.low.min() == hours.low.min()
    assert whole.volume.sum() == pytest.approx(hours.volume.sum(), rel=1e-4)


@pytest.mark.parametrize("interval", ["15m", "4h"])
def test_longer_and_shorter_klines_do_not_depend_on_what_was_asked_before(interval):
    early, clock = market(now=GENESIS + 700 * HOUR)
    before = early.klines(SYMBOL, interval, start=GENESIS, end=NOW)
    clock.move_to(NOW)
    after = early.klines(SYMBOL, interval, start=GENESIS, end=NOW)
    assert len(after) > len(before) > 100
    assert after[: len(before)].same_as(before)
    assert after.same_as(market()[0].klines(SYMBOL, interval, start=GENESIS, end=NOW))


def test_only_its_own_symbol_intervals_and_seeds_are_taken():
    asked, _ = market()
    for call in (asked.price, asked.rules, lambda symbol: asked.klines(symbol, "1h", start=GENESIS, end=NOW)):
        with pytest.raises(BadConfig, match="no BTCUSDT; it has DEMOUSDT only"):
            call("BTCUSDT")
    with pytest.raises(BadConfig, match="interval '7m' is not supported"):
        asked.klines(SYMBOL, "7m", start=GENESIS, end=NOW)
    with pytest.raises(BadConfig, match="seed -1 is negative"):
        market(-1)


def test_its_rules_are_those_of_the_grid_its_prices_lie_on():
    rules = market()[0].rules(SYMBOL)
    assert (rules.base_asset, rules.quote_asset, rules.status) == ("DEMO", "USDT", "TRADING")
    assert (rules.tick_size, rules.step, rules.min_notional) == (Decimal("0.01"), Decimal("0.01"), Decimal(5))
    assert rules.market_lot_size.step == 0
    assert market()[0].price(SYMBOL) % rules.tick_size == 0


def test_ten_years_later_it_still_answers():
    asked, clock = market(now=datetime(2034, 1, 1, tzinfo=UTC))
    shown = asked.klines(SYMBOL, "1h", start=clock.now() - 1000 * HOUR, end=clock.now())
    assert 980 <= len(shown) <= 1000
    assert from_ms(shown.open_time[-1]) == datetime(2033, 12, 31, 23, tzinfo=UTC)


def out_of_sample(seed, *, start, test_days, train_days=180):
    """Probabilities, labels and returns of the hours after `start` (in days from genesis)."""
    asked, clock = market(seed, now=GENESIS + timedelta(days=start + test_days))
    klines = fill_gaps(asked.klines(SYMBOL, "1h", start=GENESIS, end=clock.now()))
    rows, labels = compute_indicators(klines, FEATURE_PRESETS["ten"]), directions(klines)
    first, split = (start - train_days) * 24, start * 24
    usable = np.isfinite(labels) & np.isfinite(rows).all(axis=1)
    train = usable.copy()
    train[:first] = train[split - 1 :] = False
    parameters = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.03, "subsample": 0.8, "seed": 1}
    parameters |= {"colsample_bytree": 0.8, "gamma": 5, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows[train], labels[train]), 350)
    test = usable.copy()
    test[:split] = False
    return booster.predict(xgboost.DMatrix(rows[test])), labels[test], next_returns(klines)[test]


def area_under_curve(probabilities, labels):
    ranks = np.empty(len(probabilities))
    ranks[np.argsort(probabilities, kind="stable")] = np.arange(1, len(probabilities) + 1)
    positive = labels.sum()
    return (ranks[labels == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive))


def net_of_costs(probabilities, returns, *, band=0.04, rate=0.001):
    signal = np.where(probabilities >= 0.5 + band, 1.0, np.where(probabilities <= 0.5 - band, -1.0, np.nan))
    held = np.flatnonzero(np.isfinite(signal))
    newest = np.searchsorted(held, np.arange(len(signal)), side="right") - 1
    exposure = np.where(newest >= 0, signal[held[newest]], 0.0)
    return exposure @ returns - rate * np.abs(np.diff(exposure, prepend=0.0)).sum()


def test_the_planted_edge_can_be_learned_and_is_weak():
    areas, nets, coins = [], [], []
    for seed, start in ((7, 731), (1, 450), (42, 300)):
        probabilities, labels, returns = out_of_sample(seed, start=start, test_days=90)
        areas.append(area_under_curve(probabilities, labels))
        nets.append(net_of_costs(probabilities, returns))
        coins.append(net_of_costs(np.random.default_rng(seed).permutation(probabilities), returns))
    assert min(areas) > 0.53
    assert max(areas) < 0.6
    assert 0 < np.mean(nets) < 0.8
    assert np.mean(coins) < 0  # the same trades in random hours lose their costs


@pytest.mark.slow
def test_over_many_stretches_most_but_not_all_months_earn_their_costs():
    areas, nets = [], []
    for seed in (1, 2, 3, 7, 42):
        for start in (230, 430, 630, 731):
            probabilities, labels, returns = out_of_sample(seed, start=start, test_days=90)
            areas.append(area_under_curve(probabilities, labels))
            cuts = range(0, len(returns) - 600, 720)
            nets += [net_of_costs(probabilities[cut : cut + 720], returns[cut : cut + 720]) for cut in cuts]
    assert 0.545 < np.mean(areas) < 0.575
    assert min(areas) > 0.52
    assert 0.7 < np.mean(np.array(nets) > 0) < 1.0
    assert 0.05 < np.mean(nets) < 0.2
