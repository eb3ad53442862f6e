from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives import FUTURES_HEADER, HEADER, row, rows_of, zipped, zipped_members
from tests.builders import random_klines
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadData
from trader.core.klines import to_ms
from trader.store import raw
from trader.store.raw import daily_file, monthly_file, parse
from trader.store.raw_store import RawStore, sha256

HOUR_MS = 3_600_000
START = datetime(2024, 11, 1, tzinfo=UTC)
MONTH = monthly_file("BTCUSDT", "1h", "2024-11")
MEMBER = "BTCUSDT-1h-2024-11.csv"
FIRST = to_ms(START)


def times(count):
    return [FIRST + HOUR_MS * hour for hour in range(count)]


def parsed(lines, *, file=MONTH, member=MEMBER):
    return parse(file, zipped(lines, member=member))


def test_a_file_has_binances_path_and_a_key_of_its_own():
    assert MONTH.path == "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11.zip"
    assert MONTH.key == "raw/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11.zip"
    assert MONTH.checksum_key == f"{MONTH.key}.CHECKSUM"
    day = daily_file("ETHUSDT", "15m", datetime(2024, 11, 3, tzinfo=UTC))
    assert day.path == "data/spot/daily/klines/ETHUSDT/15m/ETHUSDT-15m-2024-11-03.zip"
    assert day.end - day.start == timedelta(days=1)


def test_a_month_of_klines_is_read_exactly():
    klines = random_klines(720, start=START)
    result = parsed(rows_of(klines))
    assert result.klines.same_as(klines)
    assert result.off_grid == 0


def test_microseconds_and_milliseconds_give_the_same_klines():
    klines = random_klines(24, start=START)
    assert parsed(rows_of(klines, scale=1000)).klines.same_as(parsed(rows_of(klines)).klines)


def test_microseconds_are_told_row_by_row():
    klines = random_klines(24, start=START)
    mixed = [*rows_of(klines[:10]), *rows_of(klines[10:], scale=1000)]
    assert parsed(mixed).klines.same_as(klines)


def test_a_header_is_skipped():
    klines = random_klines(24, start=START)
    assert parsed([HEADER, *rows_of(klines)]).klines.same_as(klines)


def test_a_futures_file_is_refused_as_spot():
    with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-11.zip: futures file refused as spot"):
        parsed([FUTURES_HEADER, *rows_of(random_klines(24, start=START))])


def test_a_first_row_with_a_broken_time_is_no_header():
    lines = rows_of(random_klines(24, start=START))
    with pytest.raises(BadData, match=r"2024-11\.zip is not a spot kline file"):
        parsed([f"x{lines[0]}", *lines[1:]])


def test_rows_off_the_grid_are_dropped_and_counted():
    shifted = timedelta(minutes=28, seconds=14, milliseconds=789) // timedelta(milliseconds=1)
    lines = [row(at + (shifted if 3 <= hour < 7 else 0)) for hour, at in enumerate(times(10))]
    result = parsed(lines)
    assert result.off_grid == 4
    assert (np.diff(result.klines.open_time) // HOUR_MS).tolist() == [1, 1, 5, 1, 1]


def test_a_microsecond_beside_the_grid_is_off_it():
    on, off = row(FIRST, scale=1000), row(FIRST + HOUR_MS, scale=1000)
    off = f"{int(off.partition(',')[0]) + 1},{off.partition(',')[2]}"
    result = parsed([on, off])
    assert (len(result.klines), result.off_grid) == (1, 1)


def test_of_repeated_rows_the_last_one_wins():
    lines = [row(FIRST, price=100), row(FIRST + HOUR_MS, price=200), row(FIRST, price=300)]
    result = parsed(lines)
    assert result.klines.open.tolist() == [300.0, 200.0]


def test_a_real_row_wins_over_one_off_the_grid():
    lines = [row(FIRST), row(FIRST + 1), row(FIRST + HOUR_MS)]
    assert parsed(lines).klines.open_time.tolist() == times(2)


@pytest.mark.parametrize("at", [FIRST - HOUR_MS, to_ms(datetime(2024, 12, 1, tzinfo=UTC)), 0, -HOUR_MS])
def test_a_row_of_another_month_is_an_error(at):
    with pytest.raises(BadData, match=r"2024-11.zip holds a row of .*, outside 2024-11"):
        parsed([row(FIRST), row(at)])


def test_a_row_of_another_day_is_an_error_in_a_daily_file():
    day = daily_file("BTCUSDT", "1h", START)
    lines = [row(at) for at in times(25)]
    assert len(parse(day, zipped(lines[:24], member="BTCUSDT-1h-2024-11-01.csv")).klines) == 24
    with pytest.raises(BadData, match="outside 2024-11-01"):
        parse(day, zipped(lines, member="BTCUSDT-1h-2024-11-01.csv"))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [HEADER],
        [row(FIRST).rpartition(",")[0]],
        [f"{row(FIRST)},1"],
        [row(FIRST), "1730422800000,,,,,,,,,,,"],
        [row(FIRST), "," + row(FIRST + HOUR_MS).partition(",")[2]],
        [row(FIRST), row(FIRST + HOUR_MS).replace("100.00000000", "abc", 1)],
        [row(FIRST), row(FIRST + HOUR_MS).replace("100.00000000", "nan", 1)],
        [row(FIRST), row(FIRST + HOUR_MS).replace("100.00000000", "-100.0", 1)],
        ["2024-11-01 00:00:00," + row(FIRST).partition(",")[2]],
        ["<html>", "<body>", "</body>"],
        [row(9 * 10**18)],
    ],
    ids=[
        "no rows", "header only", "11 columns", "13 columns", "empty values", "empty time", "text", "nan", "negative",
        "date", "html", "far future",
    ],
)  # fmt: skip
def test_contents_that_are_no_klines_are_refused_by_name(lines):
    with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-11\.zip"):
        parsed(lines)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {MEMBER: b"1", "extra.csv": b"2"},
        {"../../etc/passwd": b"1"},
        {f"/{MEMBER}": b"1"},
        {"BTCUSDT-1h-2024-10.csv": b"1"},
        {f"folder/{MEMBER}": b"1"},
    ],
)
def test_a_zip_with_other_members_is_refused(members):
    with pytest.raises(BadData, match=r"2024-11\.zip should hold BTCUSDT-1h-2024-11\.csv only"):
        parse(MONTH, zipped_members(members))


def test_a_zip_that_unpacks_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(raw, "MAX_CSV_BYTES", 1 << 20)
    bomb = zipped_members({MEMBER: b"0" * (8 << 20)})
    assert len(bomb) < 20_000
    with pytest.raises(BadData, match=r"2024-11\.zip unpacks to more than 1 MiB"):
        parse(MONTH, bomb)


def test_the_limit_is_64_mebibytes():
    assert raw.MAX_CSV_BYTES == 64 * 1024 * 1024
    bomb = zipped_members({MEMBER: b"\n" * (raw.MAX_CSV_BYTES + 1)})
    with pytest.raises(BadData, match="64 MiB"):
        parse(MONTH, bomb)


def test_what_is_no_zip_is_refused():
    for data in (b"", b"PK", b"<html>403</html>"):
        with pytest.raises(BadData, match=r"2024-11\.zip is not a complete zip"):
            parse(MONTH, data)


def test_an_encrypted_member_is_refused():
    data = bytearray(zipped([row(FIRST)], member=MEMBER))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadData, match=r"2024-11\.zip is not a complete zip"):
        parse(MONTH, bytes(data))


GOOD = zipped(rows_of(random_klines(30, start=START)), member=MEMBER)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(at, value):
    damaged = bytearray(GOOD)
    damaged[at] = value
    try:
        result = parse(MONTH, bytes(damaged))
    except BadData:
        return
    assert result.klines.same_as(parse(MONTH, GOOD).klines)


@settings(max_examples=100, deadline=None)
@given(length=st.integers(0, len(GOOD) - 1))
def test_a_truncated_zip_is_always_refused(length):
    with pytest.raises(BadData, match=r"2024-11\.zip"):
        parse(MONTH, GOOD[:length])


def test_a_raw_file_is_given_back_only_for_its_own_content(tmp_path):
    store = RawStore(LocalStorage(tmp_path, durable=False))
    assert store.get(MONTH, checksum=sha256(b"data")) is None
    store.keep(MONTH, b"data", checksum=sha256(b"data"))
    assert store.get(MONTH, checksum=sha256(b"data")) == b"data"
    assert store.get(MONTH, checksum=sha256(b"other")) is None
    kept = tmp_path / "raw/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11.zip.CHECKSUM"
    assert kept.read_text() == f"{sha256(b'data')}  BTCUSDT-1h-2024-11.zip\n"
    store.keep(MONTH, b"newer", checksum=None)
    assert not kept.exists()
