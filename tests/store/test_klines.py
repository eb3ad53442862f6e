import itertools
import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, klines_of, random_klines, without
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.indicators import compute_indicators
from trader.core.klines import Klines, concat, fill_gaps
from trader.store.klines import KlineStore

START = datetime(2024, 1, 20, tzinfo=UTC)


class CountingStorage(LocalStorage):
    """Local storage that writes down what is asked of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, durable=False)
        self.calls: list[tuple[str, str]] = []

    def get(self, key):
        self.calls.append(("get", key))
        return super().get(key)

    def keys(self, prefix):
        self.calls.append(("keys", prefix))
        return super().keys(prefix)

    def create(self, key, data):
        self.calls.append(("create", key))
        return super().create(key, data)

    def replace(self, key, data, etag):
        self.calls.append(("replace", key))
        return super().replace(key, data, etag)


@pytest.fixture
def storage(tmp_path) -> CountingStorage:
    return CountingStorage(tmp_path / "store")


@pytest.fixture
def store(storage) -> KlineStore:
    return KlineStore(storage)


def stored(storage, klines, *, symbol="BTCUSDT") -> KlineStore:
    store = KlineStore(storage)
    store.append(symbol, klines)
    storage.calls.clear()
    return store


def key(month):
    return f"klines/BTCUSDT/1h/{month}.parquet"


def test_an_empty_store_has_no_months_no_klines_and_no_window(store):
    assert store.months("BTCUSDT", "1h") == []
    assert len(store.load("BTCUSDT", "1h")) == 0
    assert len(store.window("BTCUSDT", "1h", last=START, count=10)) == 0


def test_klines_come_back_bit_for_bit_and_one_object_a_month_holds_them(storage):
    klines = random_klines(2000, start=START)
    store = KlineStore(storage)
    assert store.append("BTCUSDT", klines) == 2000
    assert store.months("BTCUSDT", "1h") == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert KlineStore(storage).load("BTCUSDT", "1h").same_as(klines)


def test_symbols_and_intervals_are_kept_apart(storage):
    store = stored(storage, random_klines(10, start=START))
    assert store.append("ETHUSDT", random_klines(5, start=START, seed=1)) == 5
    assert store.append("BTCUSDT", random_klines(7, start=START, interval="15m")) == 7
    assert len(store.load("BTCUSDT", "1h")) == 10
    assert len(store.load("ETHUSDT", "1h")) == 5
    assert len(store.load("BTCUSDT", "15m")) == 7


def test_a_range_is_start_inclusive_and_end_exclusive(storage):
    klines = random_klines(2000, start=START)
    store = stored(storage, klines)
    start, end = START + 300 * HOUR, START + 1500 * HOUR
    assert store.load("BTCUSDT", "1h", start=start, end=end).same_as(klines[300:1500])
    assert store.load("BTCUSDT", "1h", end=end).same_as(klines[:1500])
    assert store.load("BTCUSDT", "1h", start=start).same_as(klines[300:])


def test_a_range_reads_only_its_months(storage):
    store = stored(storage, random_klines(2000, start=START))
    february = datetime(2024, 2, 1, tzinfo=UTC)
    assert len(store.load("BTCUSDT", "1h", start=february, end=datetime(2024, 3, 1, tzinfo=UTC))) == 29 * 24
    assert [name for what, name in storage.calls if what == "get"] == [key("2024-02")]


def test_a_gap_is_filled_and_flagged_and_carries_no_volume(storage):
    klines = random_klines(100, start=START)
    store = stored(storage, without(klines, 40, 41, 42))
    loaded = store.load("BTCUSDT", "1h")
    assert np.flatnonzero(loaded.filled).tolist() == [40, 41, 42]
    assert loaded.close[42] == klines.close[39]
    assert loaded.volume[41] == 0


def test_a_gap_over_the_end_of_a_month_is_filled(storage):
    klines = random_klines(24 * 20, start=START)
    missing = range(24 * 11 + 12, 24 * 12 + 12)  # from 31 January 12:00 to 1 February 12:00
    store = stored(storage, without(klines, *missing))
    assert store.load("BTCUSDT", "1h").same_as(fill_gaps(without(klines, *missing)))


def test_a_range_that_begins_in_a_gap_is_filled_from_the_month_before(storage):
    klines = random_klines(24 * 70, start=START)
    gap = range(24 * 11 + 12, 24 * 42)  # 31 January 12:00 up to 2 March: the whole of February is absent
    store = stored(storage, without(klines, *gap))
    assert store.months("BTCUSDT", "1h") == ["2024-01", "2024-03"]
    loaded = store.load("BTCUSDT", "1h", start=datetime(2024, 2, 10, 5, tzinfo=UTC))
    assert loaded.first == datetime(2024, 2, 10, 5, tzinfo=UTC)
    assert loaded.filled[0]
    assert loaded.close[0] == klines.close[24 * 11 + 11]


def test_a_range_that_ends_in_a_gap_ends_with_the_last_real_kline(storage):
    klines = without(random_klines(100, start=START), 50, 51, 52)
    store = stored(storage, klines)
    inside = START + 51 * HOUR
    assert store.load("BTCUSDT", "1h", end=inside + HOUR).last == START + 49 * HOUR
    assert store.window("BTCUSDT", "1h", last=inside, count=10).last == START + 49 * HOUR


def test_what_is_stored_later_changes_nothing_before_it(storage):
    klines = without(random_klines(100, start=START), 50, 51, 52)
    store = stored(storage, klines.until(START + 49 * HOUR))
    before = store.window("BTCUSDT", "1h", last=START + 51 * HOUR, count=30)
    assert store.append("BTCUSDT", klines) == 47
    assert store.window("BTCUSDT", "1h", last=START + 51 * HOUR, count=30).same_as(before)


def test_a_month_that_comes_late_replaces_the_rows_filled_in_its_place(storage):
    klines = random_klines(24 * 60, start=START)
    january, rest = klines[: 24 * 12], klines[24 * 12 :]
    store = stored(storage, concat([january, rest[rest.index_of(datetime(2024, 3, 1, tzinfo=UTC)) :]], "1h"))
    assert store.load("BTCUSDT", "1h").filled.sum() == 29 * 24
    assert store.append("BTCUSDT", rest) == 29 * 24
    assert store.load("BTCUSDT", "1h").same_as(klines)


def test_an_hour_that_is_published_late_replaces_its_filled_row(storage):
    klines = random_klines(100, start=START)
    store = stored(storage, without(klines, 40))
    assert store.append("BTCUSDT", klines[40:41]) == 1
    assert store.load("BTCUSDT", "1h").same_as(klines)


def test_filled_rows_are_never_appended(storage):
    klines = random_klines(100, start=START)
    store = stored(storage, klines[:40])
    assert store.append("BTCUSDT", fill_gaps(without(klines[39:], 5, 6))) == 58
    assert store.append("BTCUSDT", klines[44:46]) == 2
    assert store.load("BTCUSDT", "1h").same_as(klines)


def test_appending_what_is_there_writes_nothing(storage):
    klines = random_klines(1000, start=START)
    store = stored(storage, klines)
    assert store.append("BTCUSDT", klines[100:900]) == 0
    assert {what for what, _ in storage.calls} <= {"get"}


def test_what_was_just_read_is_not_read_again_to_be_appended_to_and_a_change_in_between_is_seen(storage):
    klines = random_klines(1000, start=START)
    store = stored(storage, klines[:998])
    store.window("BTCUSDT", "1h", last=klines.last, count=10)
    storage.calls.clear()
    assert store.append("BTCUSDT", klines[998:999]) == 1
    assert [what for what, _ in storage.calls] == ["replace"]
    KlineStore(storage).append("BTCUSDT", klines[999:])  # another process
    again = random_klines(1000, start=START, seed=9)[998:999]
    assert store.append("BTCUSDT", again) == 1
    assert KlineStore(storage).load("BTCUSDT", "1h").same_as(concat([klines[:998], again, klines[999:]], "1h"))


def test_only_months_that_change_are_written_and_the_new_klines_win(storage):
    old, new = random_klines(1000, start=START), random_klines(1000, start=START, seed=9)
    store = stored(storage, old)
    changed = concat([old[:999], new[999:]], "1h")
    assert store.append("BTCUSDT", changed) == 1
    assert [name for what, name in storage.calls if what == "replace"] == [key("2024-03")]
    assert store.load("BTCUSDT", "1h").same_as(changed)


def test_klines_that_cannot_be_right_are_not_stored(store):
    klines = random_klines(10, start=START)
    broken = Klines(interval="1h", **{**dict(klines.columns()), "high": klines.low * 0.5})
    with pytest.raises(BadData, match="high or low"):
        store.append("BTCUSDT", broken)
    assert store.months("BTCUSDT", "1h") == []


def test_appending_nothing_does_nothing(store, storage):
    assert store.append("BTCUSDT", random_klines(3, start=START)[:0]) == 0
    assert storage.calls == []


def test_a_window_is_the_tail_and_needs_one_request_a_month_and_no_listing(storage):
    klines = random_klines(24 * 150, start=START)
    store = stored(storage, klines)
    last = klines.last
    assert store.window("BTCUSDT", "1h", last=last, count=1000).same_as(klines[-1000:])
    assert storage.calls == [("get", key(month)) for month in ("2024-06", "2024-05")]


def test_a_window_in_the_first_hour_of_a_month_still_needs_no_listing(storage):
    klines = random_klines(24 * 90, start=START).between(START, datetime(2024, 4, 1, tzinfo=UTC))
    store = stored(storage, klines)
    window = store.window("BTCUSDT", "1h", last=datetime(2024, 4, 1, tzinfo=UTC), count=1000)
    assert window.same_as(klines[-1000:])
    assert {what for what, _ in storage.calls} == {"get"}


def test_a_window_is_shorter_where_history_begins(storage):
    klines = random_klines(50, start=START)
    store = stored(storage, klines)
    assert store.window("BTCUSDT", "1h", last=klines.last, count=1000).same_as(klines)
    assert store.window("BTCUSDT", "1h", last=START + 9 * HOUR, count=1000).same_as(klines[:10])
    assert len(store.window("BTCUSDT", "1h", last=START - HOUR, count=1000)) == 0


def test_a_window_reaches_over_months_that_are_absent(storage):
    klines = random_klines(24 * 200, start=START)
    gap = range(24 * 12, 24 * 150)  # February to June
    store = stored(storage, without(klines, *gap))
    window = store.window("BTCUSDT", "1h", last=klines.last, count=24 * 100)
    assert window.same_as(fill_gaps(without(klines, *gap))[-24 * 100 :])
    assert window.filled[0]


def test_a_window_far_after_the_newest_kline_ends_with_it(storage):
    klines = random_klines(50, start=START)
    store = stored(storage, klines)
    assert store.window("BTCUSDT", "1h", last=datetime(2026, 11, 20, tzinfo=UTC), count=20).same_as(klines[-20:])


def test_storage_is_asked_every_time_and_what_another_process_wrote_is_seen(storage):
    klines = random_klines(50, start=START)
    store = stored(storage, klines[:49])
    assert store.window("BTCUSDT", "1h", last=klines.last, count=5).last == START + 48 * HOUR
    assert KlineStore(storage).append("BTCUSDT", klines) == 1
    assert store.window("BTCUSDT", "1h", last=klines.last, count=5).same_as(klines[-5:])
    storage.delete(key("2024-01"))
    assert len(store.load("BTCUSDT", "1h")) == 0


def test_the_same_bytes_are_parsed_once(storage, monkeypatch):
    klines = random_klines(500, start=START)
    store = stored(storage, klines[:400])
    monkeypatch.setattr("trader.store.klines.decode", lambda *_, **__: pytest.fail("parsed again"))
    assert store.append("BTCUSDT", klines) == 100
    assert store.window("BTCUSDT", "1h", last=klines.last, count=300).same_as(klines[-300:])


def test_nobody_can_spoil_the_cache(storage):
    klines = random_klines(50, start=START)
    mine = random_klines(50, start=START)
    store = stored(storage, mine)
    mine.close[:] = 1.0
    window = store.window("BTCUSDT", "1h", last=klines.last, count=50)
    window.close[:] = 2.0
    part = store.read("BTCUSDT", "1h", "2024-01")
    with pytest.raises(ValueError, match="read-only"):
        part.klines.close[0] = 3.0
    assert store.load("BTCUSDT", "1h").same_as(klines)


def test_indicators_can_be_computed_from_a_window(storage):
    klines = random_klines(200, start=START)
    window = stored(storage, klines).window("BTCUSDT", "1h", last=klines.last, count=200)
    assert compute_indicators(window, ["ma_5", "mfi_7"]).shape == (200, 2)


def test_two_writers_at_once_lose_nothing(tmp_path):
    klines = random_klines(200, start=START)
    storage = LocalStorage(tmp_path / "store", durable=False)
    parts = [klines[hour : hour + 1] for hour in range(200)]
    failures = []

    def write(mine):
        store = KlineStore(storage)
        for part in mine:
            try:
                store.append("BTCUSDT", part)
            except Conflict as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(parts[start::2],)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert KlineStore(storage).load("BTCUSDT", "1h").same_as(klines)


def test_a_writer_that_always_loses_gives_up_with_a_conflict(tmp_path):
    class Contested(LocalStorage):
        def replace(self, key, data, etag):
            raise Conflict(f"{key} was changed by somebody else")

    storage = Contested(tmp_path / "store", durable=False)
    klines = random_klines(10, start=START)
    store = KlineStore(storage)
    assert store.append("BTCUSDT", klines[:5]) == 5
    with pytest.raises(Conflict):
        store.append("BTCUSDT", klines)
    assert KlineStore(storage).load("BTCUSDT", "1h").same_as(klines[:5])


def test_a_damaged_month_is_never_taken_for_empty(storage, store):
    klines = random_klines(1000, start=START)
    assert store.append("BTCUSDT", klines) == 1000
    data = storage.get(key("2024-02")).data
    for damaged in (b"", b"PAR1", data[: len(data) // 2], data[:-1], os.urandom(2000)):
        storage.put(key("2024-02"), damaged)
        for read in (
            lambda: store.load("BTCUSDT", "1h"),
            lambda: store.window("BTCUSDT", "1h", last=klines.last, count=1000),
            lambda: KlineStore(storage).append("BTCUSDT", klines),
        ):
            with pytest.raises(BadData, match=r"2024-02.*delete this month and run `trader ingest`"):
                read()


def test_a_symbol_that_is_none_and_an_unknown_interval_are_refused(store):
    for symbol in ("btcusdt", "../BTC", "", "BTC/USDT"):
        with pytest.raises(BadConfig, match="symbol"):
            store.load(symbol, "1h")
    with pytest.raises(BadConfig, match="interval"):
        store.window("BTCUSDT", "7m", last=START, count=3)


def test_foreign_files_beside_the_months_are_not_months(storage):
    store = stored(storage, random_klines(10, start=START))
    storage.put("klines/BTCUSDT/1h/notes.txt", b"hello")
    storage.put("klines/BTCUSDT/1h/2024-13.parquet", b"no month")
    assert store.months("BTCUSDT", "1h") == ["2024-01"]


gaps = st.lists(st.tuples(st.integers(0, 2500), st.integers(1, 900)), max_size=4)


@settings(max_examples=30, deadline=None)
@given(gaps=gaps, first=st.integers(0, 2499), length=st.integers(1, 2500), count=st.integers(1, 2600), data=st.data())
def test_for_any_gaps_the_store_gives_what_filling_the_real_klines_gives(gaps, first, length, count, data):
    klines = random_klines(2500, start=START)
    kept = np.ones(2500, dtype=bool)
    for start, size in gaps:
        kept[start : start + size] = False
    real = klines[kept]
    with tempfile.TemporaryDirectory() as folder:
        storage = LocalStorage(Path(folder), durable=False)
        writer = KlineStore(storage)
        order = data.draw(st.permutations(range(4)))
        assert sum(writer.append("BTCUSDT", real[part::4]) for part in order) == len(real)
        store = data.draw(st.sampled_from([writer, KlineStore(storage)]))
        assert store.load("BTCUSDT", "1h").same_as(fill_gaps(real))

        start, end = START + first * HOUR, START + (first + length) * HOUR
        until_end = fill_gaps(real[: real.index_of(end)])
        assert store.load("BTCUSDT", "1h", start=start, end=end).same_as(until_end[until_end.index_of(start) :])
        window = store.window("BTCUSDT", "1h", last=end - HOUR, count=count)
        assert window.same_as(until_end[max(0, len(until_end) - count) :])


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 799), max_size=5), repeats=st.integers(1, 3))
def test_it_does_not_matter_how_klines_were_cut_into_appends(cuts, repeats):
    klines = random_klines(800, start=START)
    edges = [0, *sorted(cuts), 800]
    with tempfile.TemporaryDirectory() as folder:
        storage = LocalStorage(Path(folder), durable=False)
        store = KlineStore(storage)
        total = 0
        for _ in range(repeats):
            total += sum(store.append("BTCUSDT", klines[start:end]) for start, end in itertools.pairwise(edges))
        assert total == 800
        assert KlineStore(storage).load("BTCUSDT", "1h").same_as(klines)


@pytest.mark.slow
def test_a_replay_can_append_and_read_its_window_a_hundred_times_a_second(tmp_path):
    """Measured at 350 a second on two idle cores; processor time counts, so that a busy machine does not."""
    klines = random_klines(2300, start=START)
    store = KlineStore(LocalStorage(tmp_path / "store", durable=False))
    assert store.append("BTCUSDT", klines[:2000]) == 2000
    began = time.process_time()
    for hour in range(2000, 2300):
        assert store.append("BTCUSDT", klines[hour : hour + 1]) == 1
        window = store.window("BTCUSDT", "1h", last=START + hour * HOUR, count=1000)
    assert window.same_as(klines[-1000:])
    assert time.process_time() - began < 3


def test_prices_of_one_hour_are_kept_exactly(storage):
    klines = klines_of([0.1, 0.30000000000000004, 1e-8, 123456.78901234], start=START)
    stored(storage, klines)
    assert KlineStore(storage).load("BTCUSDT", "1h").close.tolist() == klines.close.tolist()
