"""Klines from files that a user names."""

import pytest

from tests.archives import publish_months, rows_of, zipped
from tests.builders import START, random_klines
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData
from trader.simulator.testnet.kline_files import read_klines
from trader.store.klines import KlineStore

KLINES = random_klines(1000)


def test_a_folder_of_zips_as_the_archive_has_them(tmp_path):
    publish_months(tmp_path, KLINES)
    publish_months(tmp_path, random_klines(50, seed=1), symbol="ETHUSDT")
    found = read_klines(tmp_path, interval="1h")
    assert sorted(found) == ["BTCUSDT", "ETHUSDT"]
    assert found["BTCUSDT"].same_as(KLINES)


def test_one_csv_or_one_zip_of_any_length(tmp_path):
    (tmp_path / "BTCUSDT-1h.csv").write_text("\n".join(rows_of(KLINES)) + "\n")
    (tmp_path / "ETHUSDT-1h-all.zip").write_bytes(zipped(rows_of(KLINES), member="ETHUSDT-1h-all.csv"))
    assert read_klines(tmp_path / "BTCUSDT-1h.csv", interval="1h")["BTCUSDT"].same_as(KLINES)
    assert read_klines(tmp_path / "ETHUSDT-1h-all.zip", interval="1h")["ETHUSDT"].same_as(KLINES)


def test_parquet_as_the_store_keeps_it(tmp_path):
    KlineStore(LocalStorage(tmp_path, durable=False)).append("BTCUSDT", KLINES)
    assert read_klines(tmp_path, interval="1h")["BTCUSDT"].same_as(KLINES)
    months = sorted((tmp_path / "klines" / "BTCUSDT" / "1h").glob("*.parquet"))
    assert read_klines(months[0], interval="1h")["BTCUSDT"].first == START


def test_other_intervals_and_other_files_are_passed_over(tmp_path):
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "BTCUSDT-4h.csv").write_text("nonsense")
    (tmp_path / "BTCUSDT-1h.csv").write_text("\n".join(rows_of(KLINES)) + "\n")
    assert read_klines(tmp_path, interval="1h")["BTCUSDT"].same_as(KLINES)
    with pytest.raises(BadConfig, match="holds no klines of 15m"):
        read_klines(tmp_path, interval="15m")


def test_a_damaged_file_is_not_read_as_none(tmp_path):
    (tmp_path / "BTCUSDT-1h.zip").write_bytes(b"PK nothing")
    with pytest.raises(BadData, match="not a complete zip"):
        read_klines(tmp_path, interval="1h")
