"""Klines: the grid, what `checked` refuses and in which words, gaps, and what stays the same."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, START, klines_of, random_klines, without
from trader.core.errors import BadConfig, BadData
from trader.core.klines import (
    INTERVALS,
    Gap,
    checked,
    close_of,
    concat,
    digest,
    empty,
    fill_gaps,
    find_gaps,
    from_ms,
    interval_ms,
    last_closed,
    merge,
    to_ms,
)

START_MS = 1_704_067_200_000  # 2024-01-01 00:00:00 UTC
HOUR_MS = 3_600_000


def columns(**changes):
    """Three good hours, as `checked` takes them."""
    good = {
        "open_time": [START_MS, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS],
        "open": [100.0, 101.0, 102.0],
        "high": [102.0, 103.0, 104.0],
        "low": [99.0, 100.0, 101.0],
        "close": [101.0, 102.0, 103.0],
        "volume": [1.0, 2.0, 3.0],
    }
    return {name: np.array(values) for name, values in {**good, **changes}.items()}


def test_a_moment_is_whole_milliseconds_since_1970_and_back():
    assert to_ms(START) == START_MS
    assert from_ms(START_MS) == START
    assert from_ms(START_MS).tzinfo is UTC


def test_milliseconds_beyond_float_precision_are_exact():
    moment = datetime(2300, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
    assert to_ms(moment) == 10_413_792_000_001
    assert from_ms(to_ms(moment)) == moment


def test_a_time_in_another_zone_is_the_same_instant():
    assert to_ms(datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == START_MS


def test_a_naive_time_is_refused_with_a_remedy():
    with pytest.raises(BadConfig, match=r"2024-01-01T00:00:00 has no time zone; write it as UTC"):
        to_ms(datetime(2024, 1, 1))  # noqa: DTZ001 - the fault under test


def test_an_unknown_interval_names_those_that_are_supported():
    with pytest.raises(BadConfig, match="interval '5m' is not supported; use one of 15m, 30m, 1h"):
        interval_ms("5m")


@pytest.mark.parametrize(("interval", "minutes"), [("15m", 15), ("1h", 60), ("4h", 240), ("1d", 1440)])
def test_an_interval_has_a_length(interval, minutes):
    assert interval_ms(interval) == minutes * 60_000


def test_every_interval_divides_a_day_so_that_its_grid_starts_at_midnight():
    assert all(86_400_000 % length == 0 for length in INTERVALS.values())


@pytest.mark.parametrize(
    ("now", "open_time"),
    [
        ("13:00:00.000", "12:00"),
        ("13:00:00.001", "12:00"),
        ("13:59:59.999", "12:00"),
        ("12:59:59.999", "11:00"),
        ("00:30:00.000", "23:00"),
    ],
)
def test_the_last_closed_kline_ended_at_or_before_now(now, open_time):
    found = last_closed(datetime.fromisoformat(f"2024-03-02T{now}+00:00"), "1h")
    day = "01" if open_time == "23:00" else "02"
    assert found == datetime.fromisoformat(f"2024-03-{day}T{open_time}+00:00")


def test_the_last_closed_daily_kline_is_yesterdays():
    assert last_closed(datetime(2024, 3, 1, 12, tzinfo=UTC), "1d") == datetime(2024, 2, 29, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(list(INTERVALS)))
@settings(deadline=None, derandomize=True)
def test_the_last_closed_kline_is_closed_and_the_next_one_is_not(milliseconds, interval):
    now = from_ms(milliseconds)
    newest = last_closed(now, interval)
    following = from_ms(to_ms(newest) + interval_ms(interval))
    assert close_of(newest, interval) <= now < close_of(following, interval)
    assert to_ms(newest) % interval_ms(interval) == 0


def test_good_columns_become_typed_klines_with_nothing_filled():
    klines = checked(interval="1h", **columns())
    assert len(klines) == 3
    assert (klines.first, klines.last) == (START, START + 2 * HOUR)
    assert klines.open_time.dtype == np.int64
    assert klines.close.dtype == np.float64
    assert klines.filled.tolist() == [False, False, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"open_time": [START_MS, START_MS + HOUR_MS + 1, START_MS + 2 * HOUR_MS]},
            "open time is not on the 1h grid at 2024-01-01 01:00:00 UTC",
        ),
        (
            {"open_time": [START_MS, START_MS, START_MS + HOUR_MS]},
            "open time is repeated or out of order at 2024-01-01 00:00:00 UTC",
        ),
        (
            {"open_time": [START_MS + 2 * HOUR_MS, START_MS + HOUR_MS, START_MS]},
            "open time is repeated or out of order at 2024-01-01 01:00:00 UTC",
        ),
        ({"close": [101.0, np.nan, 103.0]}, "a value is missing or infinite at 2024-01-01 01:00:00 UTC"),
        ({"high": [102.0, np.inf, 104.0]}, "a value is missing or infinite at 2024-01-01 01:00:00 UTC"),
        ({"volume": [1.0, 2.0, np.nan]}, "a value is missing or infinite at 2024-01-01 02:00:00 UTC"),
        ({"low": [99.0, 0.0, 101.0]}, "a price is not positive at 2024-01-01 01:00:00 UTC"),
        ({"low": [-1.0, 100.0, 101.0]}, "a price is not positive at 2024-01-01 00:00:00 UTC"),
        ({"volume": [1.0, 2.0, -3.0]}, "volume is negative at 2024-01-01 02:00:00 UTC"),
        ({"high": [102.0, 101.5, 104.0]}, "high or low does not contain open and close at 2024-01-01 01:00:00 UTC"),
        ({"low": [100.5, 100.0, 101.0]}, "high or low does not contain open and close at 2024-01-01 00:00:00 UTC"),
    ],
)
def test_a_fault_is_refused_in_words_with_its_source_and_time(changes, message):
    with pytest.raises(BadData) as refusal:
        checked(interval="1h", source="2024-01.zip", **columns(**changes))
    assert str(refusal.value) == f"2024-01.zip: {message}; the data is damaged, fetch it again"


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(BadData, match=r"klines: columns of different lengths \[2, 3\]; the file is damaged"):
        checked(interval="1h", **columns(volume=[1.0, 2.0]))


def test_a_hole_is_no_fault_and_neither_are_no_klines_at_all():
    assert len(checked(interval="1h", **columns(open_time=[START_MS, START_MS + HOUR_MS, START_MS + 9 * HOUR_MS]))) == 3
    assert len(checked(interval="1h", **{name: values[:0] for name, values in columns().items()})) == 0


def test_klines_are_found_by_time():
    klines = without(klines_of([1, 2, 3, 4, 5]), 2)
    assert klines.index_of(START) == 0
    assert klines.index_of(START + 2 * HOUR) == 2  # the hour is missing: the next one
    assert klines.index_of(START + 9 * HOUR) == 4
    assert klines.between(START + HOUR, START + 4 * HOUR).close.tolist() == [2, 4]
    assert klines.until(START + 3 * HOUR).close.tolist() == [1, 2, 4]
    assert klines.until(START - HOUR).close.tolist() == []


def test_a_missing_hour_is_filled_with_the_previous_close_no_volume_and_a_flag():
    filled = fill_gaps(without(klines_of([10, 11, 12, 13], volume=7), 1, 2))
    assert filled.open_time.tolist() == [START_MS + hour * HOUR_MS for hour in range(4)]
    assert filled.open.tolist() == [10, 10, 10, 12]
    assert filled.high.tolist() == [10, 10, 10, 13]
    assert filled.low.tolist() == [10, 10, 10, 12]
    assert filled.close.tolist() == [10, 10, 10, 13]
    assert filled.volume.tolist() == [7, 0, 0, 7]
    assert filled.filled.tolist() == [False, True, True, False]


def test_a_real_hour_without_volume_is_not_filled():
    filled = fill_gaps(klines_of([10, 11, 12], volume=0))
    assert filled.filled.tolist() == [False, False, False]
    assert find_gaps(klines_of([10, 11, 12], volume=0)) == []


def test_filling_until_a_later_hour_flags_the_hours_after_the_last_kline():
    filled = fill_gaps(klines_of([10, 11]), until=START + 3 * HOUR)
    assert filled.close.tolist() == [10, 11, 11, 11]
    assert filled.filled.tolist() == [False, False, True, True]


def test_filling_until_an_earlier_hour_drops_nothing():
    assert fill_gaps(klines_of([10, 11, 12]), until=START).close.tolist() == [10, 11, 12]


def test_a_kline_that_arrives_late_replaces_the_filled_one():
    whole = klines_of([10, 11, 12])
    filled = fill_gaps(without(whole, 1))
    assert fill_gaps(merge(filled, whole[1:2])).same_as(whole)


def test_no_klines_are_filled_into_no_klines():
    assert len(fill_gaps(empty("1h"), until=START)) == 0


@given(st.sets(st.integers(1, 38)), st.integers(0, 50))
@settings(deadline=None, derandomize=True)
def test_filling_twice_changes_nothing(missing, until_hour):
    until = START + until_hour * HOUR
    once = fill_gaps(without(random_klines(40), *missing), until=until)
    assert len(once) == max(40, until_hour + 1)
    assert fill_gaps(once, until=until).same_as(once)
    assert once.real.same_as(without(random_klines(40), *missing))


def test_gaps_are_found_oldest_first():
    klines = without(klines_of(range(1, 11)), 1, 2, 7)
    expected = [Gap(start=START + HOUR, count=2), Gap(start=START + 7 * HOUR, count=1)]
    assert find_gaps(klines) == expected
    assert find_gaps(fill_gaps(klines)) == expected
    assert find_gaps(empty("1h")) == []


def test_merging_prefers_what_was_read_later():
    merged = merge(klines_of([1, 2, 3]), klines_of([20, 30, 40], start=START + HOUR))
    assert merged.close.tolist() == [1, 20, 30, 40]


def test_an_hour_that_both_hold_is_there_once():
    merged = merge(klines_of([1, 2, 3]), klines_of([30, 40], start=START + 2 * HOUR))
    assert merged.close.tolist() == [1, 2, 30, 40]


def test_merging_klines_that_follow_one_another_joins_them():
    merged = merge(klines_of([1, 2]), klines_of([3, 4], start=START + 5 * HOUR))
    assert merged.open_time.tolist() == [START_MS + hour * HOUR_MS for hour in (0, 1, 5, 6)]


def test_merging_older_klines_puts_them_in_front():
    assert merge(klines_of([3, 4], start=START + 2 * HOUR), klines_of([1, 2])).close.tolist() == [1, 2, 3, 4]


def test_a_filled_hour_never_wins_over_a_real_one():
    whole = klines_of([1, 2, 3])
    assert merge(whole, fill_gaps(without(whole, 1))).same_as(whole)


def test_merging_with_nothing_changes_nothing():
    klines = klines_of([1, 2])
    assert merge(klines, empty("1h")).same_as(klines)
    assert merge(empty("1h"), klines).same_as(klines)


def test_parts_are_joined_in_the_given_order():
    klines = random_klines(6)
    assert concat([klines[:2], empty("1h"), klines[2:]], "1h").same_as(klines)
    assert len(concat([], "1h")) == 0


def test_the_digest_is_the_same_on_every_machine():
    times = struct.pack("<2q", START_MS, START_MS + HOUR_MS)
    prices = struct.pack("<8d", 100, 100, 100, 101.5, 100, 100, 100, 101.5)  # open, high, low, close
    rest = struct.pack("<2d", 7, 7) + b"\x00\x00"  # volume, filled
    expected = hashlib.sha256(b"1h" + times + prices + rest).hexdigest()
    assert digest(klines_of([100, 101.5], volume=7)) == expected


def test_the_digest_sees_every_column_and_the_interval():
    klines = random_klines(3)
    whole = {name: column.copy() for name, column in klines.columns()}
    for name in whole:
        changed = {other: column.copy() for other, column in whole.items()}
        changed[name][1] = changed[name][1] + 1
        assert digest(type(klines)(interval="1h", **changed)) != digest(klines), name
    assert digest(type(klines)(interval="2h", **whole)) != digest(klines)


def test_the_digest_does_not_depend_on_memory_layout():
    klines = random_klines(10)
    strided = type(klines)(interval="1h", **{name: np.repeat(column, 2)[::2] for name, column in klines.columns()})
    assert digest(strided) == digest(klines)
