"""The recorded market: what Binance would have shown at that moment, and nothing later."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, START, klines_of, random_klines, symbol_rules, without
from trader.adapters.clocks import VirtualClock
from trader.adapters.recorded_market import RecordedMarket
from trader.core.errors import BadConfig
from trader.core.klines import empty, fill_gaps, from_ms

GAPPY = without(random_klines(48, seed=4), 10, 11, 30)
EVER = {"start": START - 100 * HOUR, "end": START + 1000 * HOUR}


def market(klines=GAPPY, *, hours=48.0):
    clock = VirtualClock(START + timedelta(hours=hours))
    return RecordedMarket(klines={"BTCUSDT": klines}, rules={"BTCUSDT": symbol_rules()}, clock=clock), clock


def test_it_returns_the_range_that_was_asked_for():
    found = market()[0].klines("BTCUSDT", "1h", start=START + 2 * HOUR, end=START + 5 * HOUR)
    assert found.same_as(GAPPY[2:5])


def test_a_kline_is_shown_from_the_moment_of_its_close():
    recorded, clock = market(hours=5)
    assert len(recorded.klines("BTCUSDT", "1h", **EVER)) == 5
    clock.move_to(START + 5 * HOUR - timedelta(milliseconds=1))
    assert len(recorded.klines("BTCUSDT", "1h", **EVER)) == 4
    clock.move_to(START)
    assert len(recorded.klines("BTCUSDT", "1h", **EVER)) == 0


def test_filled_klines_are_not_shown():
    recorded, _ = market(fill_gaps(GAPPY))
    assert recorded.klines("BTCUSDT", "1h", **EVER).same_as(GAPPY)


def test_ranges_without_klines_are_empty():
    recorded, _ = market()
    for start, end in ((10, 12), (5, 5), (9, 3), (90, 99), (-9, 0)):
        assert len(recorded.klines("BTCUSDT", "1h", start=START + start * HOUR, end=START + end * HOUR)) == 0


def test_the_price_is_the_newest_close_also_within_a_gap():
    recorded, clock = market(hours=12.5)
    assert recorded.price("BTCUSDT") == Decimal(repr(float(GAPPY.close[9])))
    clock.move_to(START + 13 * HOUR)
    assert recorded.price("BTCUSDT") == Decimal(repr(float(GAPPY.close[10])))
    assert market(klines_of([0.1, 30000.1]))[0].price("BTCUSDT") == Decimal("30000.1")


def test_before_the_first_close_there_is_no_price():
    with pytest.raises(BadConfig, match=r"has no BTCUSDT closed by 2024-01-01 00:30 UTC; it has BTCUSDT 1h 2024-01-01"):
        market(hours=0.5)[0].price("BTCUSDT")
    with pytest.raises(BadConfig, match=r"BTCUSDT 1h \(empty\)"):
        market(empty("1h"))[0].price("BTCUSDT")


def test_what_it_does_not_have_is_refused_by_saying_what_it_has():
    recorded, _ = market()
    with pytest.raises(BadConfig, match=r"no ETHUSDT; it has BTCUSDT 1h 2024-01-01 00:00\.\.2024-01-02 23:00"):
        recorded.klines("ETHUSDT", "1h", **EVER)
    with pytest.raises(BadConfig, match="no BTCUSDT 4h; it has BTCUSDT 1h"):
        recorded.klines("BTCUSDT", "4h", **EVER)
    with pytest.raises(BadConfig, match="no ETHUSDT"):
        recorded.price("ETHUSDT")
    with pytest.raises(BadConfig, match="no rules of ETHUSDT; it has those of BTCUSDT"):
        recorded.rules("ETHUSDT")
    assert recorded.rules("BTCUSDT") == symbol_rules()
    with pytest.raises(BadConfig, match="it has nothing"):
        RecordedMarket(klines={}, rules={}, clock=VirtualClock(START)).price("BTCUSDT")


def test_nothing_is_copied():
    found = market()[0].klines("BTCUSDT", "1h", start=START, end=START + 9 * HOUR)
    assert np.shares_memory(found.close, GAPPY.close)


minutes = st.integers(-300, 60 * 60).map(lambda count: START + timedelta(minutes=count))


@settings(deadline=None)
@given(start=minutes, end=minutes, now=minutes)
def test_it_never_shows_anything_outside_the_range_or_not_yet_closed(start, end, now):
    recorded, clock = market()
    clock.move_to(now)
    shown = {from_ms(time) for time in recorded.klines("BTCUSDT", "1h", start=start, end=end).open_time}
    everything = [from_ms(time) for time in GAPPY.open_time]
    assert shown == {open_time for open_time in everything if start <= open_time < end and open_time + HOUR <= now}
