"""A symbol's market at a moment."""

import json
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from tests.builders import HOUR, START, klines_of, random_klines, without
from trader.core.errors import BadConfig
from trader.core.klines import empty, to_ms
from trader.simulator.intervals import join
from trader.simulator.testnet.market import SymbolMarket, rules_of

MINUTE = timedelta(minutes=1)


def market_of(klines):
    return SymbolMarket(rules=rules_of("BTCUSDT", klines), klines=klines)


def rows(market, now, *, interval="1h", start=None, end=None, limit=500):
    texts = market.rows(
        interval,
        now=now,
        start_ms=None if start is None else to_ms(start),
        end_ms=None if end is None else to_ms(end),
        limit=limit,
    )
    return [json.loads(text) for text in texts]


def opens(found):
    return [row[0] for row in found]


def hours(*numbers):
    return [to_ms(START + number * HOUR) for number in numbers]


def test_only_what_has_begun_is_shown_and_the_forming_kline_is_the_last():
    market = market_of(random_klines(50))
    assert opens(rows(market, START + 3 * HOUR + 20 * MINUTE)) == hours(0, 1, 2, 3)
    assert opens(rows(market, START + 3 * HOUR)) == hours(0, 1, 2, 3)
    assert opens(rows(market, START + 3 * HOUR - timedelta(milliseconds=1))) == hours(0, 1, 2)
    assert rows(market, START - HOUR) == []


def test_a_closed_kline_is_the_recorded_one():
    klines = random_klines(50)
    row = rows(market_of(klines), START + 10 * HOUR, limit=2)[0]
    values = [klines.open[9], klines.high[9], klines.low[9], klines.close[9], klines.volume[9]]
    assert [float(value) for value in row[1:6]] == pytest.approx(values, abs=1e-8)
    assert row[6] == to_ms(START + 10 * HOUR) - 1


def test_the_forming_kline_begins_at_its_open_and_widens():
    klines = random_klines(50)
    market = market_of(klines)
    seen = [rows(market, START + 10 * HOUR + minute * MINUTE, limit=1)[0] for minute in range(60)]
    assert {row[0] for row in seen} == {to_ms(START + 10 * HOUR)}
    first = [float(value) for value in seen[0][1:6]]
    assert first[:4] == pytest.approx([klines.open[10]] * 4, abs=0.01)
    assert first[4] == 0
    highs, lows, volumes = (np.array([float(row[column]) for row in seen]) for column in (2, 3, 5))
    assert (np.diff(highs) >= 0).all()
    assert (np.diff(lows) <= 0).all()
    assert (np.diff(volumes) >= 0).all()
    assert volumes[-1] < klines.volume[10]


def test_the_beginning_of_a_kline_does_not_show_its_extremes_close_or_volume():
    klines = random_klines(100)
    market = market_of(klines)
    for hour in range(100):
        row = rows(market, START + hour * HOUR + 3 * MINUTE, limit=1)[0]
        rest = klines.high[hour] - max(klines.open[hour], klines.close[hour])
        if rest > 0.05:
            assert float(row[2]) < klines.high[hour]
        assert float(row[5]) < klines.volume[hour] / 2


def test_the_price_is_the_forming_klines_close():
    market = market_of(random_klines(50))
    for minute in (0, 7, 31, 59):
        now = START + 12 * HOUR + minute * MINUTE
        assert market.price(now) == pytest.approx(Decimal(rows(market, now, limit=1)[0][4]), abs=Decimal("0.01"))


def test_a_missing_hour_is_left_out_and_the_price_stands_still_in_it():
    klines = without(random_klines(50), 10, 11)
    market = market_of(klines)
    assert opens(rows(market, START + 13 * HOUR, start=START + 8 * HOUR)) == hours(8, 9, 12, 13)
    assert opens(rows(market, START + 11 * HOUR + 30 * MINUTE, limit=1)) == hours(9)
    stands = {market.price(START + 10 * HOUR + minute * MINUTE) for minute in (0, 30, 119)}
    assert [float(price) for price in stands] == pytest.approx([klines.close[9]], abs=0.005)


def test_before_the_first_kline_the_price_is_its_open_and_after_the_last_its_close():
    klines = random_klines(5)
    market = market_of(klines)
    assert float(market.price(START - HOUR)) == pytest.approx(klines.open[0], abs=0.005)
    assert float(market.price(START + 999 * HOUR)) == pytest.approx(klines.close[4], abs=0.005)
    assert opens(rows(market, START + 999 * HOUR, limit=1)) == hours(4)
    assert market.end == START + 5 * HOUR


def test_from_a_start_the_oldest_come_first_and_without_one_the_newest():
    market = market_of(random_klines(50))
    now = START + 20 * HOUR + MINUTE
    assert opens(rows(market, now, start=START + 5 * HOUR, limit=2)) == hours(5, 6)
    assert opens(rows(market, now, limit=2)) == hours(19, 20)
    assert opens(rows(market, now, end=START + 7 * HOUR, limit=2)) == hours(6, 7)
    assert opens(rows(market, now, start=START + 5 * HOUR, end=START + 6 * HOUR)) == hours(5, 6)
    assert opens(rows(market, now, start=START + 5 * HOUR + MINUTE, limit=1)) == hours(6)
    assert opens(rows(market, now, start=START + 19 * HOUR, limit=9)) == hours(19, 20)
    assert rows(market, now, start=START + 9 * HOUR, end=START + 5 * HOUR) == []
    assert rows(market, now, start=START + 21 * HOUR) == []


def test_longer_intervals_are_joined_and_their_forming_kline_holds_what_has_been():
    klines = random_klines(50)
    market = market_of(klines)
    found = rows(market, START + 10 * HOUR + 30 * MINUTE, interval="4h")
    assert opens(found) == hours(0, 4, 8)
    whole = join(klines, "4h")
    assert float(found[1][2]) == pytest.approx(whole.high[1], abs=1e-8)
    assert float(found[2][1]) == pytest.approx(klines.open[8], abs=1e-8)
    assert klines.volume[8:10].sum() < float(found[2][5]) < klines.volume[8:11].sum()
    assert float(found[2][2]) <= klines.high[8:11].max() + 0.01


@pytest.mark.parametrize("interval", ["15m", "1m", "1w", "3d", "nonsense"])
def test_an_interval_that_cannot_be_made_is_refused(interval):
    with pytest.raises(BadConfig, match="cannot be made"):
        rows(market_of(random_klines(5)), START, interval=interval)


def test_stretches_cover_everything_that_happened_once():
    klines = random_klines(10)
    market = market_of(klines)
    begin, end = START + 30 * MINUTE, START + 4 * HOUR + 10 * MINUTE
    found = list(market.stretches(begin, end))
    assert [stretch.until for stretch in found] == [START + HOUR * hour for hour in (1, 2, 3, 4)] + [end]
    assert float(found[1].low) == pytest.approx(klines.low[1], abs=0.005)
    assert float(found[1].high) == pytest.approx(klines.high[1], abs=0.005)
    assert found[0].high <= Decimal(str(klines.high[0])) + Decimal("0.005")
    assert list(market.stretches(end, end)) == []
    middle = START + 2 * HOUR + 17 * MINUTE
    parts = [*market.stretches(begin, middle), *market.stretches(middle, end)]
    assert min(part.low for part in parts) == min(stretch.low for stretch in found)
    assert max(part.high for part in parts) == max(stretch.high for stretch in found)


def test_filled_klines_are_no_klines():
    with pytest.raises(BadConfig, match="there are no klines"):
        market_of(empty("1h"))


@pytest.mark.parametrize(
    ("price", "tick", "step"), [(40000.0, "0.01", "0.00001"), (2.5, "0.0001", "0.00001"), (0.0000123, "1E-8", "1")]
)
def test_small_prices_have_a_finer_tick_and_whole_lots(price, tick, step):
    rules = rules_of("XYZUSDT", klines_of(np.round([price, price + float(tick)], 8)))
    assert rules.tick_size == Decimal(tick)
    assert rules.lot_size.step == Decimal(step)
