import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import random_klines, without
from trader.core.errors import BadData
from trader.store.kline_codec import SCHEMA, KlineMonth, Source, decode, encode

START = datetime(2024, 11, 1, tzinfo=UTC)
PART = KlineMonth(
    symbol="BTCUSDT",
    interval="1h",
    month="2024-11",
    klines=without(random_klines(100, start=START), 10, 11, 50),
    sources={"data/a.zip": Source(sha256="ab" * 32, revision=None, off_grid=3)},
)
DATA = encode(PART)


def read(data, **changes):
    expected = {"symbol": "BTCUSDT", "interval": "1h", "month": "2024-11", "key": "klines/BTCUSDT/1h/2024-11.parquet"}
    return decode(data, **{**expected, **changes})


def rewritten(**changes) -> bytes:
    """The file with other metadata and untouched columns."""
    table = pq.ParquetFile(pa.BufferReader(DATA)).read()
    metadata = json.loads(table.schema.metadata[b"trader"])
    metadata.update(changes)
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({b"trader": json.dumps(metadata).encode()}), sink)
    return sink.getvalue().to_pybytes()


def test_a_month_comes_back_with_its_real_klines_and_its_sources():
    part = read(DATA)
    assert part.klines.same_as(PART.klines)
    assert part.sources == PART.sources


def test_a_month_without_klines_can_be_kept():
    part = read(encode(replace(PART, klines=PART.klines[:0])))
    assert len(part.klines) == 0
    assert part.sources == PART.sources


def test_the_same_month_gives_the_same_bytes():
    assert encode(PART) == DATA


def test_the_file_is_plain_parquet_with_utc_times_and_flagged_gaps():
    table = pq.ParquetFile(pa.BufferReader(DATA)).read()
    assert table.num_rows == 100
    assert table.schema.field("open_time").type == pa.timestamp("ms", tz="UTC")
    assert table["open_time"][0].as_py() == START
    assert np.flatnonzero(table["filled"].to_numpy()).tolist() == [10, 11, 50]
    assert table["volume"][10].as_py() == 0.0


def test_a_newer_schema_asks_for_an_upgrade():
    with pytest.raises(BadData, match=rf"2024-11.parquet has schema {SCHEMA + 1}.*upgrade"):
        read(rewritten(schema=SCHEMA + 1))


@pytest.mark.parametrize(("name", "value"), [("symbol", "ETHUSDT"), ("interval", "4h"), ("month", "2024-12")])
def test_another_symbol_interval_or_month_is_refused(name, value):
    with pytest.raises(BadData, match=r"holds .* not .*delete this month"):
        read(DATA, **{name: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "00"},
        {"sources": None},
        {"sources": {"a": {"sha256": "ab"}}},
        {"schema": None},
        {"schema": "new"},
    ],
)
def test_metadata_that_does_not_fit_is_damage(changes):
    with pytest.raises(BadData, match=r"2024-11\.parquet is damaged"):
        read(rewritten(**changes))


def test_a_parquet_file_that_is_not_ours_is_refused():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1, 2]}), sink)
    with pytest.raises(BadData, match="no kline file"):
        read(sink.getvalue().to_pybytes())


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless(at, bit):
    damaged = bytearray(DATA)
    damaged[at] ^= 1 << bit
    try:
        part = read(bytes(damaged))
    except BadData:
        return
    assert part.klines.same_as(PART.klines)


@settings(max_examples=100, deadline=None)
@given(length=st.integers(0, len(DATA) - 1))
def test_a_truncated_file_is_always_refused(length):
    with pytest.raises(BadData, match="damaged"):
        read(DATA[:length])
