"""The tables of the runs equal the ledger."""

import csv
import io
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from trader.report.charts.results import NEWEST, results_csv, results_html
from trader.store.ledger_rows import COLUMNS

FIRST = {
    "open_time": datetime(2026, 11, 20, 16, tzinfo=UTC),
    "outcome": "decided",
    "reason": "long-signal",
    "p_up": 0.5512345678901234,
    "close": 91_234.5,
    "exposure": 1.0,
    "settled_net": -0.00123,
    "halted": False,
    "features": [("rsi14", 55.5), ("ma5", 1.001)],
    "timings": [("commit", 2.5)],
    "orders": '[{"id":"a,b"}]',
    "new_epoch": "=1+1, <b>",
}
SECOND = {"open_time": datetime(2026, 11, 20, 17, tzinfo=UTC), "outcome": "missed", "halted": True, "features": []}
THIRD = {"open_time": datetime(2026, 11, 20, 18, tzinfo=UTC), "features": [("mfi7", 20.0)], "p_up": 0.1}


def ledger(*rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=COLUMNS)


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"))))


def test_every_run_is_a_line_and_every_column_is_there():
    rows = read(results_csv(ledger(FIRST, SECOND, THIRD)))
    maps = {"features", "timings"}
    assert set(COLUMNS.names) - maps <= set(rows[0])
    assert len(rows) == 3
    assert rows[0]["open_time"] == "2026-11-20T16:00Z"
    assert float(rows[0]["p_up"]) == FIRST["p_up"]
    assert rows[0]["orders"] == FIRST["orders"]
    assert rows[0]["new_epoch"] == FIRST["new_epoch"]
    assert (rows[1]["outcome"], rows[1]["p_up"], rows[1]["halted"]) == ("missed", "", "true")


def test_features_of_all_runs_get_columns_and_what_a_run_lacks_is_empty():
    rows = read(results_csv(ledger(FIRST, SECOND, THIRD)))
    names = [name for name in rows[0] if name.startswith("features.")]
    assert names == ["features.rsi14", "features.ma5", "features.mfi7"]
    assert [row["features.rsi14"] for row in rows] == ["55.5", "", ""]
    assert [row["features.mfi7"] for row in rows] == ["", "", "20"]
    assert rows[0]["timings.commit"] == "2.5"


def test_a_ledger_in_months_is_the_same_table():
    whole, months = ledger(FIRST, SECOND, THIRD), pa.concat_tables([ledger(FIRST, SECOND), ledger(THIRD)])
    assert results_csv(months) == results_csv(whole)
    assert results_csv(whole.slice(2)).count(b"\n") == 2


def test_an_empty_ledger_has_its_columns_named():
    (line,) = results_csv(ledger()).decode().splitlines()
    assert line.startswith('"open_time","origin"')


def test_the_page_shows_the_newest_runs_first_with_units():
    page = results_html(ledger(FIRST, SECOND), title="BTCUSDT 1h: runs", about="fee 10 bp; NO EVIDENCE")
    assert "the rest in quote units. fee 10 bp; NO EVIDENCE." in page
    assert page.index("2026-11-20 17:00") < page.index("2026-11-20 16:00")
    assert "<td>0.5512</td>" in page
    assert "<td>\u22120.12 %</td>" in page
    assert "<td>91,234.5</td>" in page
    assert "The newest 2 of the 2 runs" in page
    assert "<title>BTCUSDT 1h: runs</title>" in page


def test_the_page_ends_with_the_five_hundredth():
    rows = [
        {"open_time": datetime(2026, 1 + n // 600, 1 + n % 600 // 24, n % 24, tzinfo=UTC)} for n in range(NEWEST + 7)
    ]
    page = results_html(ledger(*rows))
    assert page.count('<th scope="row">') == NEWEST
    assert "The newest 500 of the 507 runs" in page
    assert "2026-01-01 06:00" not in page
    assert "2026-01-01 07:00" in page


@pytest.mark.parametrize("column", ["outcome", "reason", "model_id"])
def test_text_in_a_ledger_is_text_on_the_page(column):
    page = results_html(ledger({**FIRST, column: '<script>alert("x")</script>'}))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_without_a_run_the_page_says_so():
    assert "No completed runs yet." in results_html(ledger())
