"""JSON artefacts read back exactly equal, and what cannot be right is refused by name."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.records import full_record
from trader.core.errors import BadData
from trader.core.journal import RunRecord
from trader.store.codec import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    schema: int = 1
    number: float = 0.0
    amount: Decimal = Decimal(0)
    at: datetime | None = None


def read(data: bytes, schema: int = 1) -> Note:
    return from_json(Note, data, key="notes/1.json", schema=schema)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_reads_back_bit_for_bit(number):
    assert read(to_json(Note(number=number))).number.hex() == number.hex()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_reads_back_with_its_trailing_zeros(amount):
    assert read(to_json(Note(amount=amount))).amount.as_tuple() == amount.as_tuple()


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_utc_time_reads_back_aware_and_equal(at):
    found = read(to_json(Note(at=at))).at
    assert found == at
    assert found.utcoffset().total_seconds() == 0


@given(
    floats=st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 6),
    amount=st.decimals(allow_nan=False, allow_infinity=False, places=8),
)
def test_a_full_run_record_reads_back_equal_and_writes_the_same_bytes(floats, amount):
    record = full_record(floats=floats, amount=amount)
    found = from_json(RunRecord, to_json(record), key="journal/x", schema=2)
    assert found == record
    assert to_json(found) == to_json(record)


def test_a_full_record_has_no_part_left_out():
    fields = json.loads(to_json(full_record()))

    def empty(value):
        return value is None or value in ([], {})

    def holes(value, path=""):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, part in items:
            yield from [f"{path}.{name}"] if empty(part) else holes(part, f"{path}.{name}")

    assert list(holes(fields)) == [".legs.0.refused", ".legs.1.report"]


def test_enums_stay_enums_and_tuples_stay_tuples():
    record = full_record()
    found = from_json(RunRecord, to_json(record), key="journal/x", schema=2)
    for read_back, written in (
        (found.status, record.status),
        (found.decision.reason, record.decision.reason),
        (found.inputs.control.mode, record.inputs.control.mode),
        (found.legs[0].report.status, record.legs[0].report.status),
        (found.legs, record.legs),
        (found.state.paper.window, record.state.paper.window),
    ):
        assert type(read_back) is type(written)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_cannot_hold_is_not_written_at_all(number):
    with pytest.raises(BadData, match="Note holds a NaN or an infinity"):
        to_json(Note(number=number))
    record = full_record()
    with pytest.raises(BadData, match="RunRecord"):
        to_json(replace(record, inputs=replace(record.inputs, features={"ma_5": number})))


def test_every_truncation_is_refused_by_name():
    data = to_json(Note(number=0.5, at=datetime(2024, 1, 1, tzinfo=UTC)))
    for length in range(len(data) - 1):
        with pytest.raises(BadData, match=r"notes/1\.json is not complete JSON"):
            read(data[:length])
    assert read(data[:-1]).number == 0.5


@pytest.mark.parametrize("data", [b"[1]", b"3", b"null", b'"text"', b"{}", b'{"schema": "1"}', b'{"schema": true}'])
def test_what_has_no_schema_number_was_not_written_by_us(data):
    with pytest.raises(BadData, match=r"notes/1\.json has no schema number"):
        read(data)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 100_000])
def test_bytes_that_are_no_json_are_refused(data):
    with pytest.raises(BadData, match="not complete JSON"):
        read(data)


def test_a_newer_schema_is_refused_with_both_numbers_and_an_equal_or_older_one_is_read():
    with pytest.raises(BadData, match=r"notes/1\.json has schema 3, this version reads up to 2; upgrade"):
        read(to_json(Note(schema=3)), schema=2)
    assert read(to_json(Note(schema=2)), schema=2).schema == 2
    assert read(to_json(Note(schema=1)), schema=2).schema == 1


def test_a_field_of_the_wrong_kind_is_named():
    with pytest.raises(BadData, match=r"notes/1\.json is damaged at number: .*; restore it from a backup"):
        read(b'{"schema": 1, "number": "much"}')
    with pytest.raises(BadData, match="damaged at key"):
        from_json(RunRecord, b'{"schema": 1}', key="journal/x", schema=2)
