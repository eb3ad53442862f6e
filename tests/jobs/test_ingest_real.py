"""The archive as it really is: outages, the change to microseconds, futures files, and times beside the grid."""

import threading
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.archives import publish, publish_bytes
from tests.builders import Quiet
from trader.adapters.kline_archive import FolderArchive, HttpArchive
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadData
from trader.core.indicators import compute_indicators
from trader.core.klines import Gap, fill_gaps, to_ms
from trader.jobs.ingest import ingest
from trader.store.klines import KlineStore

pytestmark = pytest.mark.real_data

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def run(storage, archive, *, first, last, now=NOW):
    return ingest(
        storage=storage,
        archive=archive,
        progress=Quiet(),
        symbol="BTCUSDT",
        interval="1h",
        first=first,
        last=last,
        now=now,
    )


@pytest.fixture(scope="module")
def tutorial(real_data, tmp_path_factory):
    """Storage with the tutorial's months, and the report of their ingestion."""
    storage = LocalStorage(tmp_path_factory.mktemp("tutorial"), durable=False)
    return storage, run(storage, FolderArchive(real_data / "vision"), first="2017-08", last="2022-05")


def test_the_tutorials_months_have_their_hours_and_their_outages(tutorial):
    _, report = tutorial
    assert (report.real, report.off_grid, report.missing, report.warnings) == (41_845, 0, (), ())
    assert Gap(start=datetime(2018, 2, 8, 1, tzinfo=UTC), count=33) in report.gaps
    assert Gap(start=datetime(2018, 6, 26, 2, tzinfo=UTC), count=10) in report.gaps
    assert Gap(start=datetime(2019, 5, 15, 3, tzinfo=UTC), count=10) in report.gaps
    assert sum(gap.count for gap in report.gaps) == report.filled == 127


def test_58_months_take_less_than_ten_seconds(tutorial):
    _, report = tutorial
    assert len(report.months) == report.fetched == 58
    assert report.seconds < 10


def test_the_klines_are_those_of_the_same_months_gathered_elsewhere(tutorial, real_data):
    import pandas as pd  # noqa: PLC0415 - only this check reads the other file

    klines = KlineStore(tutorial[0]).load("BTCUSDT", "1h").real
    table = pd.read_parquet(real_data / "BTCUSDT-1h.parquet")
    table = table[table["open_time"] <= klines.open_time[-1]]
    for name in ("open_time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(table[name].to_numpy(), getattr(klines, name))


def test_the_tutorials_first_row_and_its_averages_are_reproduced(tutorial):
    klines = KlineStore(tutorial[0]).load("BTCUSDT", "1h")
    at = klines.index_of(datetime(2018, 1, 1, tzinfo=UTC))
    row = [float(getattr(klines, name)[at]) for name in ("open", "high", "low", "close", "volume")]
    assert row == [13715.65, 13715.65, 13400.01, 13529.01, 443.356199]
    averages = compute_indicators(klines[at - 100 : at + 1], ["ma_5", "ma_10", "ma_15", "ma_20"])[-1]
    assert averages.tolist() == [1.019717, 1.014913, 0.999011, 0.982319]


def test_a_second_ingestion_of_the_real_archive_fetches_nothing(tutorial, real_data):
    storage, first = tutorial
    again = run(storage, FolderArchive(real_data / "vision"), first="2017-08", last="2022-05")
    assert (again.fetched, again.from_raw, again.unchanged) == (0, 0, 58)
    assert (again.real, again.gaps) == (first.real, first.gaps)


def test_a_load_that_begins_in_the_long_outage_is_filled_from_before_it(tutorial):
    store = KlineStore(tutorial[0])
    inside = datetime(2018, 2, 8, 12, tzinfo=UTC)
    klines = store.load("BTCUSDT", "1h", start=inside, end=datetime(2018, 2, 12, tzinfo=UTC))
    assert klines.first == inside
    assert klines.filled[:22].all()
    assert not klines.filled[22]
    assert klines.close[0] == store.load("BTCUSDT", "1h", end=datetime(2018, 2, 8, 1, tzinfo=UTC)).close[-1]


def test_the_change_to_microseconds_leaves_no_gap(real_data, tmp_path):
    storage = LocalStorage(tmp_path / "store", durable=False)
    report = run(storage, FolderArchive(real_data / "vision"), first="2024-12", last="2025-02")
    assert (report.real, report.gaps) == ((31 + 31 + 28) * 24, ())


@pytest.mark.slow
def test_over_http_the_same_objects_are_stored(real_data, tmp_path):
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Keep the tests' output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=real_data / "vision"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    archive = HttpArchive(f"http://127.0.0.1:{server.server_port}")
    over_http = LocalStorage(tmp_path / "http", durable=False)
    from_folder = LocalStorage(tmp_path / "folder", durable=False)
    try:
        report = run(over_http, archive, first="2024-01", last="2025-02")
        again = run(over_http, archive, first="2024-01", last="2025-02")
    finally:
        archive.close()
        server.shutdown()
        server.server_close()
        thread.join()
    assert run(from_folder, FolderArchive(real_data / "vision"), first="2024-01", last="2025-02").fetched == 14
    assert (report.fetched, again.fetched, again.unchanged) == (14, 0, 14)
    assert over_http.keys("") == from_folder.keys("")
    assert all(over_http.get(key) == from_folder.get(key) for key in over_http.keys(""))


def as_daily(data: bytes, root: Path) -> FolderArchive:
    publish_bytes(root, "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-10-28.zip", data)
    return FolderArchive(root)


def test_a_genuine_daily_file_is_accepted(real_data, tmp_path):
    data = (real_data / "edge" / "spot-klines-BTCUSDT-1h-2024-10-28.zip").read_bytes()
    storage = LocalStorage(tmp_path / "store", durable=False)
    report = run(storage, as_daily(data, tmp_path), first="2024-10", last="2024-10")
    assert (report.real, report.fetched, len(report.missing)) == (24, 1, 30)
    assert KlineStore(storage).load("BTCUSDT", "1h").close[0] == 67859.91


def test_a_genuine_futures_file_of_the_same_name_is_refused(real_data, tmp_path):
    data = (real_data / "edge" / "futures-um-klines-BTCUSDT-1h-2024-10-28.zip").read_bytes()
    storage = LocalStorage(tmp_path / "store", durable=False)
    with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-10-28\.zip: futures file refused as spot"):
        run(storage, as_daily(data, tmp_path), first="2024-10", last="2024-10")
    assert storage.keys("") == []


def dumped_rows(real_data: Path) -> list[str]:
    """The API dump of the outage in 2018-02 as rows of an archive file."""
    lines = next((real_data / "edge").glob("EDGE-apidump-*.csv")).read_text().splitlines()[1:]
    rows = []
    for line in lines:
        date, rest = line.split(",", 1)
        rows.append(f"{to_ms(datetime.fromisoformat(date).replace(tzinfo=UTC))},{rest}")
    return rows


def test_open_times_beside_the_grid_are_dropped_and_the_outage_is_flagged(real_data, tmp_path):
    rows = dumped_rows(real_data)
    publish(tmp_path, "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2018-02.zip", rows)
    storage = LocalStorage(tmp_path / "store", durable=False)
    report = run(storage, FolderArchive(tmp_path), first="2018-02", last="2018-02")
    assert len(rows) == 112
    assert (report.off_grid, report.real) == (43, 69)
    assert report.gaps == (Gap(start=datetime(2018, 2, 8, 1, tzinfo=UTC), count=75),)
    assert "43 rows were dropped" in report.warnings[0]


def test_the_genuine_month_repairs_what_the_dump_had_left_out(real_data, tmp_path):
    publish(tmp_path, "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2018-02.zip", dumped_rows(real_data))
    storage = LocalStorage(tmp_path / "store", durable=False)
    assert run(storage, FolderArchive(tmp_path), first="2018-02", last="2018-02").real == 69
    report = run(storage, FolderArchive(real_data / "vision"), first="2018-02", last="2018-02")
    assert (report.real, report.gaps) == (28 * 24 - 33, (Gap(start=datetime(2018, 2, 8, 1, tzinfo=UTC), count=33),))
    klines = KlineStore(storage).load("BTCUSDT", "1h")
    assert fill_gaps(klines.real).same_as(klines)
