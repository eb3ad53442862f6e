"""Ledger and state against the journal: a cell, a row, a month or the state that says something else is named."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import HOUR
from tests.desks import FIRST, SYMBOL
from tests.jobs.lived import HOURS, alter, check, desk_on, put
from trader.core.errors import NewerSchema
from trader.jobs.verification.differences import Cause

LEDGER = f"ledger/{SYMBOL}/1h/2024-02.parquet"
STATE = f"state/{SYMBOL}/1h.json"
LAST = FIRST + (HOURS - 1) * HOUR


@pytest.fixture
def desk(lived, tmp_path):
    shutil.copytree(lived, tmp_path / "store")
    return desk_on(tmp_path / "store")


def rewrite(desk, change):
    """Change the ledger's rows by hand."""
    table = pq.read_table(pa.BufferReader(desk.bot.storage.get(LEDGER).data))
    rows = table.to_pylist()
    change(rows)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), sink)
    desk.bot.storage.put(LEDGER, sink.getvalue().to_pybytes())


def test_an_altered_cell_of_the_ledger_is_named_and_rebuilding_mends_it(desk):
    rewrite(desk, lambda rows: rows[5].update(p_up=0.75))
    (difference,) = check(desk).differences
    assert (difference.what, difference.recorded, difference.cause) == ("ledger.p_up", "0.75", Cause.COPY)
    assert difference.open_time == FIRST + 5 * HOUR
    assert difference.advice == "run `trader ledger rebuild`"
    assert check(desk, end=FIRST + 4 * HOUR).is_clean
    desk.ledger.rebuild()
    assert check(desk).is_clean


def test_a_row_too_few_is_named_and_not_mended(desk):
    rewrite(desk, lambda rows: rows.pop(5))
    data = desk.bot.storage.get(LEDGER).data
    (difference,) = check(desk).differences
    assert (difference.what, difference.cause) == ("ledger 2024-02", Cause.COPY)
    assert desk.bot.storage.get(LEDGER).data == data


def test_a_row_that_is_another_hours_is_named(desk):
    rewrite(desk, lambda rows: rows[5].update(open_time=rows[6]["open_time"] + HOUR / 2))
    found = check(desk).differences
    assert [(each.what, each.cause) for each in found] == [("ledger", Cause.COPY), ("journal", Cause.RECORD)]


@pytest.mark.parametrize("data", [None, b"PAR1"])
def test_a_lost_or_damaged_month_of_the_ledger_is_named_and_not_mended(desk, data):
    desk.bot.storage.delete(LEDGER)
    if data is not None:
        desk.bot.storage.put(LEDGER, data)
    (difference,) = check(desk).differences
    assert (difference.what, difference.cause) == ("ledger 2024-02", Cause.COPY)
    assert (desk.bot.storage.get(LEDGER) is None) is (data is None)
    assert check(desk, start=LAST - HOUR).is_clean, "the months of other runs are not looked at"


@pytest.mark.parametrize(
    ("data", "what"),
    [(None, "state copy"), (b"{", "state copy"), (b'"net":0.125', "state copy.paper.net")],
)
def test_a_state_that_is_not_the_newest_records_is_named(desk, data, what):
    stored = desk.bot.storage.get(STATE).data
    net = desk.journal.state().paper.net
    desk.bot.storage.delete(STATE)
    if data is not None:
        desk.bot.storage.put(STATE, stored.replace(f'"net":{net!r}'.encode(), data) if b"net" in data else data)
    (difference,) = check(desk).differences
    assert (difference.what, difference.cause, difference.open_time) == (what, Cause.COPY, LAST)
    assert check(desk, end=LAST - HOUR).is_clean
    desk.journal.rebuild_state()
    assert check(desk).is_clean


def test_a_state_that_is_behind_is_named(desk):
    before = desk.journal.read(LAST - HOUR).record
    desk.bot.storage.delete(STATE)
    desk.journal.save_state(before)
    (difference,) = check(desk).differences
    assert (difference.what, difference.cause) == ("state copy.open_time", Cause.COPY)


def test_a_copy_of_a_newer_version_is_not_judged(desk):
    desk.bot.storage.put(STATE, b'{"schema": 99}')
    with pytest.raises(NewerSchema, match="upgrade"):
        check(desk)


def test_where_the_record_is_in_doubt_the_advice_is_not_to_overwrite_its_copy(desk):
    alter(desk, 5, put("inputs", "p_up", to=0.75), sealed=True)
    copy = next(each for each in check(desk).differences if each.cause is Cause.COPY)
    assert copy.what == "ledger.p_up"
    assert copy.advice.startswith("find out first which is right")


def test_a_ledger_that_cannot_be_read_for_a_damaged_record_is_named_beside_it(desk):
    rewrite(desk, lambda rows: rows.pop(5))
    alter(desk, 6, put("key", to="damaged"), sealed=False)
    found = check(desk)
    assert {each.cause for each in found.differences} == {Cause.RECORD, Cause.COPY}
