import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives import FUTURES_HEADER, daily_path, monthly_path, publish, publish_bytes, publish_months, rows_of
from tests.builders import HOUR, Quiet, random_klines, without
from trader.adapters.kline_archive import FolderArchive
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.klines import Gap, concat, fill_gaps
from trader.jobs.ingest import ingest
from trader.store.klines import KlineStore

START = datetime(2024, 9, 1, tzinfo=UTC)
KLINES = random_klines(91 * 24, start=START)  # September to November 2024
NOW = datetime(2024, 12, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Watched(FolderArchive):
    """A folder archive that writes down what is asked of it."""

    def __init__(self, root):
        super().__init__(root)
        self.fetched: list[str] = []
        self.asked: list[str] = []

    def checksum(self, path):
        self.asked.append(path)
        return super().checksum(path)

    def fetch(self, path):
        self.fetched.append(path)
        return super().fetch(path)


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


class Dying(LocalStorage):
    """Storage whose process ends at the n-th write."""

    def __init__(self, root, *, writes):
        super().__init__(root, durable=False)
        self.left = writes
        self.lock = threading.Lock()

    def _spend(self):
        with self.lock:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def put(self, key, data):
        self._spend()
        return super().put(key, data)

    def create(self, key, data):
        self._spend()
        return super().create(key, data)

    def replace(self, key, data, etag):
        self._spend()
        return super().replace(key, data, etag)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "vision"
    folder.mkdir()
    return folder


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "store", durable=False)


def run(storage, archive, *, first="2024-09", last="2024-11", now=NOW, **changes):
    archive = FolderArchive(archive) if isinstance(archive, Path) else archive
    arguments = {"symbol": "BTCUSDT", "interval": "1h", "progress": Quiet(), **changes}
    return ingest(storage=storage, archive=archive, first=first, last=last, now=now, **arguments)


def load(storage):
    return KlineStore(storage).load("BTCUSDT", "1h")


def contents(storage):
    return {key: storage.get(key).data for key in storage.keys("")}


def of_month(number):
    return KLINES.between(datetime(2024, number, 1, tzinfo=UTC), datetime(2024, number + 1, 1, tzinfo=UTC))


def of_day(day):
    return KLINES.between(day, day + DAY)


def publish_days(root, first, last):
    day = first
    while day <= last:
        publish(root, daily_path(f"{day:%Y-%m-%d}"), of_day(day))
        day += DAY


def test_months_of_an_archive_come_into_storage_with_their_raw_files(storage, root):
    publish_months(root, KLINES)
    report = run(storage, root)
    assert load(storage).same_as(KLINES)
    assert (report.months, report.fetched, report.unchanged) == (("2024-09", "2024-10", "2024-11"), 3, 0)
    assert (report.real, report.filled, report.gaps, report.missing, report.warnings) == (2184, 0, (), (), ())
    for month in report.months:
        for path in (monthly_path(month), f"{monthly_path(month)}.CHECKSUM"):
            assert storage.get(path.replace("data/", "raw/", 1)).data == (root / path).read_bytes()


def test_a_second_ingestion_asks_for_checksums_only_and_changes_nothing(storage, root):
    publish_months(root, KLINES)
    first, before = run(storage, root), contents(storage)
    archive = Watched(root)
    second = run(storage, archive)
    assert archive.fetched == []
    assert len(archive.asked) == 3
    assert contents(storage) == before
    assert (second.fetched, second.unchanged, second.real) == (0, 3, first.real)


def test_gaps_are_reported_with_start_and_length(storage, root):
    publish_months(root, without(KLINES, 100, 101, 102, 719, 720))
    report = run(storage, root)
    assert report.gaps == (Gap(start=START + 100 * HOUR, count=3), Gap(start=START + 719 * HOUR, count=2))
    assert (report.real, report.filled) == (2179, 5)
    assert load(storage).same_as(fill_gaps(without(KLINES, 100, 101, 102, 719, 720)))


def test_the_change_to_microseconds_leaves_no_gap(storage, root):
    klines = random_klines(90 * 24, start=datetime(2024, 12, 1, tzinfo=UTC))
    publish_months(root, klines)
    report = run(storage, root, first="2024-12", last="2025-02", now=datetime(2025, 3, 5, tzinfo=UTC))
    assert report.gaps == ()
    assert load(storage).same_as(klines)


def test_only_what_is_new_is_fetched(storage, root):
    publish_months(root, of_month(9))
    assert run(storage, root, last="2024-09").fetched == 1
    publish_months(root, KLINES)
    archive = Watched(root)
    assert run(storage, archive).unchanged == 1
    assert sorted(archive.fetched) == [monthly_path("2024-10"), monthly_path("2024-11")]


def test_a_reissued_file_is_fetched_again_and_replaces_its_month(storage, root):
    publish_months(root, KLINES)
    assert run(storage, root).fetched == 3
    newer = random_klines(91 * 24, start=START, seed=5).between(of_month(10).first, of_month(11).first)
    publish(root, monthly_path("2024-10"), without(newer, 7))
    report = run(storage, root)
    assert (report.fetched, report.unchanged) == (1, 2)
    assert load(storage).same_as(fill_gaps(concat([of_month(9), without(newer, 7), of_month(11)], "1h")))
    raw = storage.get(f"raw/spot/monthly/klines/BTCUSDT/1h/{Path(monthly_path('2024-10')).name}")
    assert raw.data == (root / monthly_path("2024-10")).read_bytes()


def test_a_wrong_checksum_stores_nothing_of_that_file_and_keeps_the_others(storage, root):
    publish_months(root, KLINES)
    publish_bytes(root, monthly_path("2024-10"), (root / monthly_path("2024-10")).read_bytes(), digest="0" * 64)
    with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-10\.zip has SHA-256"):
        run(storage, root)
    assert not [key for key in storage.keys("") if "2024-10" in key]
    assert KlineStore(storage).months("BTCUSDT", "1h") == ["2024-09", "2024-11"]
    publish(root, monthly_path("2024-10"), of_month(10))
    assert (run(storage, root).fetched, load(storage).same_as(KLINES)) == (1, True)


def test_a_damaged_file_with_the_right_checksum_is_not_kept(storage, root):
    publish_months(root, KLINES)
    publish_bytes(root, monthly_path("2024-10"), (root / monthly_path("2024-10")).read_bytes()[:-100])
    with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-10\.zip is not a complete zip"):
        run(storage, root)
    assert not [key for key in storage.keys("") if "2024-10" in key]


def test_a_damaged_file_does_not_spoil_what_was_stored_of_its_month(storage, root):
    publish_months(root, KLINES)
    assert run(storage, root).fetched == 3
    publish_bytes(root, monthly_path("2024-10"), b"rubbish")
    with pytest.raises(BadData, match="2024-10"):
        run(storage, root)
    assert load(storage).same_as(KLINES)


def test_all_damaged_files_are_named(storage, root):
    publish_months(root, KLINES)
    for month in ("2024-09", "2024-11"):
        publish(root, monthly_path(month), [FUTURES_HEADER, *rows_of(of_month(int(month[-2:])))])
    with pytest.raises(BadData, match=r"2 files are damaged.*2024-09\.zip: futures file refused.*2024-11\.zip: futu"):
        run(storage, root)
    assert load(storage).same_as(of_month(10))


def test_a_missing_checksum_is_a_warning_and_the_file_is_not_fetched_twice(storage, root):
    publish(root, monthly_path("2024-09"), of_month(9), checksum=False)
    report = run(storage, root, last="2024-09")
    assert report.warnings == ("BTCUSDT-1h-2024-09.zip: no checksum is published, its content could not be verified",)
    archive = Watched(root)
    report = run(storage, archive, last="2024-09")
    assert (archive.fetched, report.unchanged, len(report.warnings)) == ([], 1, 1)
    publish(root, monthly_path("2024-09"), without(of_month(9), 3), checksum=False)
    assert run(storage, root, last="2024-09").filled == 1


def test_a_checksum_that_appears_later_is_compared_with_what_is_stored(storage, root):
    publish(root, monthly_path("2024-09"), of_month(9), checksum=False)
    assert run(storage, root, last="2024-09").fetched == 1
    publish(root, monthly_path("2024-09"), of_month(9))
    archive = Watched(root)
    assert run(storage, archive, last="2024-09").warnings == ()
    assert archive.fetched == []


def test_an_archive_that_cannot_tell_versions_apart_is_fetched_each_time(storage, root):
    class Forgetful(Watched):
        def revision(self, path):
            return None if super().revision(path) is None else ""

    publish(root, monthly_path("2024-09"), of_month(9), checksum=False)
    for _ in range(2):
        archive = Forgetful(root)
        assert run(storage, archive, last="2024-09").fetched == 1
    assert load(storage).same_as(of_month(9))


def test_months_without_a_monthly_file_come_from_daily_ones_up_to_yesterday(storage, root):
    publish_months(root, KLINES.until(datetime(2024, 10, 31, 23, tzinfo=UTC)))
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 10, tzinfo=UTC))
    archive = Watched(root)
    report = run(storage, archive, now=datetime(2024, 11, 10, 15, tzinfo=UTC))
    assert load(storage).last == datetime(2024, 11, 9, 23, tzinfo=UTC)
    assert daily_path("2024-11-10") not in archive.asked
    assert (report.fetched, report.missing) == (2 + 9, ())
    assert storage.get("raw/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11-09.zip.CHECKSUM") is not None


def test_daily_files_leave_newer_klines_of_the_market_alone(storage, root):
    store, now = KlineStore(storage), datetime(2024, 11, 10, 15, tzinfo=UTC)
    assert store.append("BTCUSDT", KLINES.between(datetime(2024, 11, 9, 20, tzinfo=UTC), now)) == 19
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 9, tzinfo=UTC))
    report = run(storage, root, first="2024-11", now=now)
    assert load(storage).same_as(KLINES.between(datetime(2024, 11, 1, tzinfo=UTC), now))
    assert report.gaps == ()


def test_a_daily_file_replaces_its_own_day(storage, root):
    day = datetime(2024, 11, 3, tzinfo=UTC)
    other = random_klines(24, start=day, seed=3)
    assert KlineStore(storage).append("BTCUSDT", other) == 24
    publish(root, daily_path("2024-11-03"), without(of_day(day), 5))
    report = run(storage, root, first="2024-11", now=datetime(2024, 11, 5, tzinfo=UTC))
    assert load(storage).same_as(fill_gaps(without(of_day(day), 5)))
    assert report.missing == ("2024-11-01", "2024-11-02", "2024-11-04")


def test_more_days_are_added_to_a_month_that_has_some(storage, root):
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 3, tzinfo=UTC))
    assert run(storage, root, first="2024-11", now=datetime(2024, 11, 4, tzinfo=UTC)).fetched == 3
    publish_days(root, datetime(2024, 11, 4, tzinfo=UTC), datetime(2024, 11, 5, tzinfo=UTC))
    report = run(storage, root, first="2024-11", now=datetime(2024, 11, 6, tzinfo=UTC))
    assert (report.fetched, report.unchanged) == (2, 3)
    assert len(load(storage)) == 5 * 24


def test_a_monthly_file_replaces_the_whole_month(storage, root):
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 9, tzinfo=UTC))
    assert run(storage, root, first="2024-11", now=datetime(2024, 11, 10, tzinfo=UTC)).fetched == 9
    assert KlineStore(storage).append("BTCUSDT", of_day(datetime(2024, 11, 10, tzinfo=UTC))) == 24
    monthly = without(of_month(11), 230)  # the hour that the market had, the archive has not
    publish(root, monthly_path("2024-11"), monthly)
    report = run(storage, root, first="2024-11")
    assert (report.fetched, report.unchanged) == (1, 0)
    assert load(storage).same_as(fill_gaps(monthly))


def test_a_month_built_from_its_monthly_file_does_not_fall_back_to_daily_ones(storage, root):
    publish_months(root, of_month(11))
    assert run(storage, root, first="2024-11").fetched == 1
    (root / monthly_path("2024-11")).unlink()
    (root / f"{monthly_path('2024-11')}.CHECKSUM").unlink()
    publish(root, daily_path("2024-11-03"), random_klines(24, start=datetime(2024, 11, 3, tzinfo=UTC), seed=4))
    report = run(storage, root, first="2024-11")
    assert load(storage).same_as(of_month(11))
    assert report.missing == ("2024-11",)
    assert "not in the archive any more" in report.warnings[0]


def test_missing_months_and_days_are_reported(storage, root):
    publish_months(root, of_month(9))
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 28, tzinfo=UTC))
    report = run(storage, root)
    assert report.missing == ("2024-10", "2024-11-29", "2024-11-30")
    assert report.months == ("2024-09", "2024-11")
    assert report.gaps == (Gap(start=datetime(2024, 10, 1, tzinfo=UTC), count=31 * 24),)


def test_an_archive_with_nothing_in_the_range_says_so_with_advice(storage, root):
    publish_months(root, KLINES)
    with pytest.raises(BadData, match=r"ETHUSDT 1h: .*vision.* has nothing from 2024-09 to 2024-11; check symbol"):
        run(storage, root, symbol="ETHUSDT")
    with pytest.raises(BadData, match="BTCUSDT 4h"):
        run(storage, root, interval="4h")
    assert storage.keys("") == []


def test_a_checksum_without_its_file_counts_as_missing(storage, root):
    publish_months(root, KLINES)
    (root / monthly_path("2024-10")).unlink()
    report = run(storage, root)
    assert report.missing == ("2024-10",)
    assert (report.fetched, report.unchanged) == (2, 0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"first": "2024-11", "last": "2024-09"}, "is empty"),
        ({"last": "2025-01"}, "2025-01 is in the future"),
        ({"first": "september"}, "is not a month"),
        ({"last": "2024-13"}, "is not a month"),
        ({"interval": "1s"}, "interval '1s' is not supported"),
        ({"symbol": "btc/usdt"}, "symbol 'btc/usdt'"),
    ],
)
def test_an_impossible_request_is_refused(storage, root, changes, problem):
    with pytest.raises(BadConfig, match=problem):
        run(storage, root, **changes)


def test_dropped_rows_are_counted_and_warned_of_every_time(storage, root):
    lines = rows_of(of_month(9))
    for hour in (5, 6):
        time, rest = lines[hour].split(",", 1)
        lines[hour] = f"{int(time) + 1694789},{rest}"
    publish(root, monthly_path("2024-09"), lines)
    for _ in range(2):
        report = run(storage, root, last="2024-09")
        assert report.off_grid == 2
        assert report.warnings == ("BTCUSDT-1h-2024-09.zip: 2 rows were dropped, no kline opens at their times",)
        assert report.gaps == (Gap(start=START + 5 * HOUR, count=2),)


def test_kept_raw_files_are_normalised_without_fetching(storage, root):
    publish_months(root, KLINES)
    assert run(storage, root).fetched == 3
    before = contents(storage)
    storage.delete("klines/BTCUSDT/1h/2024-10.parquet")
    storage.delete("raw/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-10.zip.CHECKSUM")
    archive = Watched(root)
    report = run(storage, archive)
    assert archive.fetched == []
    assert (report.fetched, report.from_raw, report.unchanged) == (0, 1, 2)
    assert contents(storage) == before


def test_a_kept_raw_file_that_rotted_is_fetched_again(storage, root):
    publish_months(root, KLINES)
    assert run(storage, root).fetched == 3
    storage.delete("klines/BTCUSDT/1h/2024-10.parquet")
    storage.put("raw/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-10.zip", b"rot")
    assert run(storage, root).fetched == 1
    assert load(storage).same_as(KLINES)


def test_a_damaged_stored_month_is_named_and_the_others_are_ingested(storage, root):
    publish_months(root, KLINES)
    storage.put("klines/BTCUSDT/1h/2024-10.parquet", b"rot")
    with pytest.raises(BadData, match=r"2024-10\.parquet is damaged.*delete this month"):
        run(storage, root)
    assert KlineStore(storage).read("BTCUSDT", "1h", "2024-11").klines.same_as(of_month(11))
    storage.delete("klines/BTCUSDT/1h/2024-10.parquet")
    assert (run(storage, root).unchanged, load(storage).same_as(KLINES)) == (2, True)


@pytest.mark.parametrize("writes", range(4 + 4 + 3))  # raw files, their checksums, months
def test_killed_at_any_write_the_next_ingestion_finishes_without_fetching_twice(tmp_path, root, writes):
    publish_months(root, KLINES.until(datetime(2024, 10, 31, 23, tzinfo=UTC)))
    publish_days(root, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 2, tzinfo=UTC))
    now = datetime(2024, 11, 3, tzinfo=UTC)
    with pytest.raises(Killed):
        run(Dying(tmp_path / "store", writes=writes), root, now=now)
    storage = LocalStorage(tmp_path / "store", durable=False)
    kept = {key for key in storage.keys("raw/") if key.endswith(".zip")}
    archive = Watched(root)
    report = run(storage, archive, now=now)
    assert not {path.replace("data/", "raw/", 1) for path in archive.fetched} & kept
    assert report.fetched + report.from_raw + report.unchanged == 4
    assert load(storage).same_as(KLINES.until(datetime(2024, 11, 2, 23, tzinfo=UTC)))
    assert len(storage.keys("raw/")) == 8


def test_an_archive_that_stops_answering_ends_the_ingestion_and_keeps_what_came(storage, root):
    class Failing(FolderArchive):
        def fetch(self, path):
            if "2024-11" in path:
                raise Retryable(f"{path} did not answer")
            return super().fetch(path)

    publish_months(root, KLINES)
    with pytest.raises(Retryable, match="2024-11"):
        run(storage, Failing(root))
    archive = Watched(root)
    assert run(storage, archive).real == len(KLINES)
    assert monthly_path("2024-11") in archive.fetched


def test_files_are_fetched_side_by_side(storage, root):
    barrier = threading.Barrier(3, timeout=10)

    class Together(FolderArchive):
        def fetch(self, path):
            barrier.wait()
            return super().fetch(path)

    publish_months(root, KLINES)
    assert run(storage, Together(root)).fetched == 3


def test_progress_is_shown_for_every_stretch(storage, root):
    class Seen(Quiet):
        def __init__(self):
            self.stretches = []

        def start(self, what, total):
            self.stretches.append((what, total))

    publish_months(root, KLINES)
    seen = Seen()
    assert run(storage, root, progress=seen).seconds > 0
    assert seen.stretches == [
        ("reading storage", 3),
        ("checking monthly files", 3),
        ("fetching files", 3),
        ("storing months", 3),
    ]


@settings(max_examples=8, deadline=None)
@given(
    gaps=st.lists(st.tuples(st.integers(0, 2183), st.integers(1, 1500)), max_size=3),
    order=st.permutations(["2024-09", "2024-10", "2024-11"]),
    repeats=st.integers(1, 2),
)
def test_ingesting_twice_or_in_any_order_is_ingesting_once(gaps, order, repeats):
    kept = np.ones(len(KLINES), dtype=bool)
    for start, size in gaps:
        kept[start : start + size] = False
    kept[[0, 730, 1500]] = True  # every month has a file
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "vision"
        publish_months(root, KLINES[kept])
        once = LocalStorage(Path(folder) / "once", durable=False)
        report = run(once, root)
        many = LocalStorage(Path(folder) / "many", durable=False)
        for month in order * repeats:
            assert run(many, root, first=month, last=month).months == (month,)
        assert contents(many) == contents(once)
        assert load(once).same_as(fill_gaps(KLINES[kept]))
        assert report.real == kept.sum()
