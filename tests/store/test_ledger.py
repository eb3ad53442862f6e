"""The ledger is a copy of the journal: whatever was killed when, it ends with every completed run exactly once."""

import io
import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import HOUR
from tests.store.records import full_record, hourly
from trader.adapters.local_storage import LocalStorage
from trader.core.decision import Decision, Reason
from trader.core.errors import BadData
from trader.core.journal import Status
from trader.store.journal import Journal
from trader.store.ledger import Ledger
from trader.store.ledger_rows import COLUMNS, SCHEMA, row_of, table_of

NIGHT = datetime(2024, 1, 31, 20, tzinfo=UTC)  # hours 0 to 3 are in January, the others in February


def at(hour):
    return NIGHT + hour * HOUR


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def journal(storage):
    return Journal(storage, bot_id="bot", symbol="BTCUSDT", interval="1h")


@pytest.fixture
def ledger(storage, journal):
    return Ledger(storage, symbol="BTCUSDT", interval="1h", journal=journal)


def live(journal, ledger, hours, *, killed=()):
    """Complete hours one after the other; in those that are killed the ledger is never reached."""
    for hour in hours:
        done = [time for time in journal.open_times() if journal.read(time).record.status is Status.COMPLETED]
        record = hourly(at(hour), hours=hour)
        journal.create(record)
        if hour not in killed:
            ledger.append(record, previous=done[-1] if done else None)


def hours_in(ledger):
    return [round((time - NIGHT) / HOUR) for time in ledger.read().column("open_time").to_pylist()]


def from_journal(journal):
    return table_of(journal.read(time).record for time in journal.open_times())


def test_before_the_first_run_the_table_is_empty_with_all_columns(ledger):
    table = ledger.read()
    assert (len(table), table.schema) == (0, COLUMNS)


def test_runs_are_appended_and_equal_what_the_journal_says(journal, ledger, storage):
    live(journal, ledger, range(3))
    assert hours_in(ledger) == [0, 1, 2]
    assert ledger.read().equals(from_journal(journal))
    assert storage.keys("ledger/") == ["ledger/BTCUSDT/1h/2024-01.parquet"]


def test_another_process_goes_on_where_the_last_one_stopped(journal, ledger, storage):
    live(journal, ledger, range(2))
    other = Ledger(storage, symbol="BTCUSDT", interval="1h", journal=journal)
    live(journal, other, [2])
    live(journal, ledger, [3])
    assert hours_in(ledger) == hours_in(other) == [0, 1, 2, 3]


def test_an_append_in_the_usual_hour_does_not_list_the_journal(journal, ledger, storage, monkeypatch):
    live(journal, ledger, range(2))
    record = hourly(at(2), hours=2)
    journal.create(record)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "open_times", None)
        ledger.append(record, previous=at(1))
    assert len(ledger.read()) == 3


@pytest.mark.parametrize("killed", [{1}, {0}, {0, 1, 2}, {3}, {4}, {3, 4}, {2, 3, 4, 5}])
def test_a_run_killed_before_its_ledger_write_is_made_up_for_by_the_next_one(journal, ledger, killed):
    live(journal, ledger, range(8), killed=killed)
    assert hours_in(ledger) == list(range(8))
    assert ledger.read().equals(from_journal(journal))


def test_the_same_run_appended_twice_is_there_once(journal, ledger):
    live(journal, ledger, range(3))
    ledger.append(journal.read(at(2)).record, previous=at(1))
    assert hours_in(ledger) == [0, 1, 2]


def test_a_month_change_starts_a_file_and_reads_in_order(journal, ledger, storage):
    live(journal, ledger, range(7))
    assert storage.keys("ledger/") == [f"ledger/BTCUSDT/1h/2024-0{month}.parquet" for month in (1, 2)]
    assert hours_in(ledger) == list(range(7))
    january, february = (pq.read_table(io.BytesIO(storage.get(key).data)) for key in storage.keys("ledger/"))
    assert (len(january), len(february)) == (4, 3)


def test_holes_in_time_are_no_reason_to_make_the_month_again(journal, ledger, storage, monkeypatch):
    live(journal, ledger, [0, 2])
    record = hourly(at(6), hours=6)
    journal.create(record)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "open_times", None)
        ledger.append(record, previous=at(2))
    assert hours_in(ledger) == [0, 2, 6]


def test_unfinished_runs_have_no_row(journal, ledger):
    journal.create(hourly(at(0), status=Status.DECIDED))
    live(journal, ledger, [1, 2], killed={1})
    assert hours_in(ledger) == [1, 2]


def test_a_lost_ledger_comes_back_with_the_next_run(journal, ledger, storage):
    live(journal, ledger, [4, 5])
    storage.delete("ledger/BTCUSDT/1h/2024-02.parquet")
    live(journal, Ledger(storage, symbol="BTCUSDT", interval="1h", journal=journal), [6])
    assert hours_in(ledger) == [4, 5, 6]


def damaged_files():
    good = pa.BufferOutputStream()
    pq.write_table(table_of([hourly(NIGHT)]), good)
    data = good.getvalue().to_pybytes()
    foreign = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), foreign)
    return {"empty": b"", "text": b"text", "half": data[: len(data) // 2], "tail": data[-200:],
            "foreign": foreign.getvalue().to_pybytes()}  # fmt: skip


@pytest.mark.parametrize("damage", damaged_files())
def test_a_damaged_month_is_made_again_on_reading_it(journal, ledger, storage, damage):
    live(journal, ledger, [0, 1])
    key = "ledger/BTCUSDT/1h/2024-01.parquet"
    storage.put(key, damaged_files()[damage])
    assert ledger.read().equals(from_journal(journal))
    assert hours_in(Ledger(storage, symbol="BTCUSDT", interval="1h", journal=journal)) == [0, 1]


@pytest.mark.parametrize("damage", damaged_files())
def test_a_damaged_month_is_made_again_by_the_next_run(journal, ledger, storage, damage):
    live(journal, ledger, [0, 1])
    storage.put("ledger/BTCUSDT/1h/2024-01.parquet", damaged_files()[damage])
    record = hourly(at(2), hours=2)
    journal.create(record)
    ledger.append(record, previous=at(1))
    assert hours_in(ledger) == [0, 1, 2]


def test_lost_months_are_made_again_on_reading_however_old_they_are(journal, ledger, storage):
    live(journal, ledger, [0, 24 * 40, 24 * 80, 24 * 120])
    whole = ledger.read()
    for key in storage.keys("ledger/")[:-1]:
        storage.delete(key)
    assert ledger.read().equals(whole)
    assert len(storage.keys("ledger/")) == 4


def test_a_newer_schema_is_refused_even_with_other_columns(ledger, storage):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"schema": str(SCHEMA + 1)}), sink)
    storage.put("ledger/BTCUSDT/1h/2024-01.parquet", sink.getvalue().to_pybytes())
    with pytest.raises(BadData, match=f"has schema {SCHEMA + 1}, this version reads up to {SCHEMA}; upgrade"):
        ledger.read()


def test_the_row_of_a_full_record_holds_its_numbers():
    record = full_record(floats=(100.0, 0.5, 0.25, 0.125, -0.75, 0.6), amount=Decimal("2.50"))
    row = table_of([record]).to_pylist()[0]
    assert row == {
        "open_time": record.key.open_time,
        "origin": "replay",
        "outcome": "decided",
        "reason": "entry-filtered",
        "model_id": "20240101T0000-0123456789",
        "p_up": 0.6,
        "close": 100.0,
        "exposure": 0.5,
        "change": 0.25,
        "missed": 3,
        "settled_klines": 2,
        "settled_gross": 1.0,
        "settled_net": 0.5,
        "paper_gross": 0.125,
        "paper_net": -0.75,
        "halted": True,
        "trigger_sum": -0.75,
        "training_due": True,
        "not_sent": "below-lot-step",
        "side": "SELL",
        "ordered": 2.5,
        "executed": 2.5,
        "fill_price": None,
        "arrival_price": 2.5,
        "target": 2.5,
        "position": -2.5,
        "fees": 1000.0,
        "execution_equity": 2.5 + 2.5 - 2.5 * 100.0,
        "epoch": 2,
        "seconds_to_order": 100.0,
        "seconds": 0.5,
        "notional": row["notional"],
        "volatility": 0.125,
        "volume_ratio": -0.75,
        "features": [("ma_5", 100.0), ("rsi_7", 0.5), ("mfi_7", 0.25)],
        "timings": [("execute", 100.0), ("commit", 0.5)],
        "orders": row["orders"],
        "basis": 2.5 * (100.0 - 2.5),  # sold at the venue's 2.50 while the market was at 100
        "shortfall": 0.0,
        "off_target": True,
        "unexplained": "BTC: 1 too many",
        "new_epoch": "the account was reset",
        "control": "reduce",
        "halt": "lost too much",
        "limit_reached": 1,
        "due_to": "idle",
        "training": 7,
        "training_outcome": "promoted",
        "trained_model": "20240101T0000-0123456789",
    }
    assert row["notional"] == float(record.notional)
    filled, refused = json.loads(row["orders"])
    assert (filled["side"], filled["executed"], filled["fills"][0]) == ("SELL", "2.50", ["2.50", "2.50", "0E-8", "BNB"])
    assert (refused["status"], refused["refused"]) == ("REFUSED", "-2010")
    assert set(row) == set(COLUMNS.names)


@pytest.mark.parametrize(
    ("reason", "outcome"), [(Reason.LONG, "decided"), (Reason.HALTED, "decided"), (Reason.MISSED, "missed"),
                            (Reason.FILLED_KLINE, "filled")]
)  # fmt: skip
def test_an_hour_without_a_decision_is_told_apart(reason, outcome):
    row = row_of(hourly(NIGHT, decision=Decision(target=0.0, reason=reason)))
    assert (row["outcome"], row["reason"]) == (outcome, reason.value)


def test_a_record_without_inputs_orders_or_timings_has_nulls_and_no_zeros():
    row = table_of([hourly(NIGHT)]).to_pylist()[0]
    absent = ("model_id", "p_up", "close", "trigger_sum", "not_sent", "side", "ordered", "executed", "fill_price",
              "execution_equity", "seconds")  # fmt: skip
    assert [row[name] for name in absent] == [None] * len(absent)
    assert math.isclose(row["exposure"], 1.0)
    assert (row["settled_klines"], row["settled_net"], row["training_due"]) == (0, 0.0, False)
