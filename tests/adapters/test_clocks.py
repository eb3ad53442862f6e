"""The clocks: aware UTC, never backwards where that is promised, and virtual time that can be waited for."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from trader.adapters.clocks import VirtualClock, WallClock
from trader.core.errors import BadConfig

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("clock", [WallClock(), VirtualClock(NOON)], ids=repr)
def test_every_clock_gives_aware_utc_and_moves_forward_when_slept_on(clock):
    before, monotonic = clock.now(), clock.monotonic()
    assert before.utcoffset() == timedelta(0)
    clock.sleep(0.01)
    assert clock.now() - before >= timedelta(seconds=0.01)
    assert clock.monotonic() - monotonic >= 0.01
    paused = clock.monotonic()
    clock.sleep(0)
    clock.sleep(-5)
    assert 0 <= clock.monotonic() - paused < 1


def test_the_wall_clock_is_the_machines():
    assert abs(WallClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_virtual_clock_stands_still_until_it_is_moved_or_slept_on():
    clock = VirtualClock(NOON)
    time.sleep(0.005)
    assert clock.now() == NOON
    clock.sleep(90)
    assert clock.now() == NOON + timedelta(seconds=90)
    clock.move_to(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)


def test_virtual_sleep_costs_no_time_but_counts_as_monotonic_seconds():
    clock = VirtualClock(NOON)
    started, monotonic = time.monotonic(), clock.monotonic()
    clock.sleep(3600)
    clock.sleep(1800)
    assert time.monotonic() - started < 5
    assert 5400 <= clock.monotonic() - monotonic < 5405


def test_moving_a_virtual_clock_is_no_waiting():
    clock = VirtualClock(NOON)
    before = clock.monotonic()
    clock.move_to(NOON + timedelta(days=365))
    assert clock.monotonic() - before < 5


def test_waits_bounded_by_either_reading_end():
    clock = VirtualClock(NOON)
    until, patience = NOON + timedelta(minutes=15), clock.monotonic() + 60
    naps = 0
    while clock.now() < until and clock.monotonic() < patience:
        clock.sleep(7)
        naps += 1
    assert naps == 9


def test_a_time_without_a_zone_is_refused_and_another_zone_is_turned_into_utc():
    with pytest.raises(BadConfig, match="has no time zone"):
        VirtualClock(NOON.replace(tzinfo=None))
    clock = VirtualClock(NOON.astimezone(timezone(timedelta(hours=9))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC
    with pytest.raises(BadConfig, match="has no time zone"):
        clock.move_to(NOON.replace(tzinfo=None))
    assert clock.now() == NOON
