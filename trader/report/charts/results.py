"""The ledger as a table to take away: every column of every run as CSV, the newest runs as a page."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from trader.report import style
from trader.report.page import Section, page, table

_ONE_LINE = "<style>tbody th { white-space: nowrap; }</style>"
NEWEST = 500
"""So many runs the page shows."""


def results_csv(ledger: pa.Table) -> bytes:
    """Return all runs, oldest first, a line each; the first line names the columns.

    Times are ISO 8601 in UTC. A column of numbers by name becomes one column for each name (`features.rsi14`). What
    there was none of is empty.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    for field in ledger.schema:
        column = ledger.column(field.name)
        if pa.types.is_map(field.type):
            columns |= {f"{field.name}.{name}": pc.map_lookup(column, name, "first") for name in _names(column)}
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = pc.strftime(column, format="%Y-%m-%dT%H:%MZ")
        else:
            columns[field.name] = column
    sink = pa.BufferOutputStream()
    csv.write_csv(pa.table(columns), sink, csv.WriteOptions(quoting_style="needed"))
    return bytes(sink.getvalue())


def _names(column: pa.ChunkedArray) -> list[str]:
    """Return all names that the maps of a column have, in the order of their first appearance."""
    found: dict[str, None] = {}
    for chunk in column.chunks:
        found |= dict.fromkeys(pc.unique(chunk.keys).to_pylist())
    return list(found)


def results_html(ledger: pa.Table, *, title: str = "Runs", about: str = "") -> str:
    """Return a page without script or outside resource: the newest `NEWEST` runs, the newest first.

    `about` says what the returns are worth: their costs and round trips.
    """
    if not len(ledger):
        return page(title, lead="No completed runs yet.", sections=[])
    shown = ledger.slice(max(0, len(ledger) - NEWEST)).select([name for name, _, _ in _COLUMNS])
    rows = [[_cell(row[name], show) for name, _, show in _COLUMNS] for row in reversed(shown.to_pylist())]
    lead = (
        f"The newest {len(rows):,} of the {len(ledger):,} runs in results.csv, which has all columns. A run is named by"
        " the open time of its kline in UTC; returns are in % of the notional, the rest in quote units."
        + (f" {about}." if about else "")
    )
    body = _ONE_LINE + table("Newest first", head=[head for _, head, _ in _COLUMNS], rows=rows)
    return page(title, lead=lead, sections=[Section(title="Runs", body=body)])


def _cell(value: Any, show: Callable[[Any], str]) -> str:
    return "" if value is None else show(value)


def _time(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}"


def _percent(value: float) -> str:
    return style.percent(100 * value, decimals=2, signed=True)


def _short(value: float) -> str:
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _flag(value: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if value else ""


_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("open_time", "kline", _time),
    ("outcome", "outcome", str),
    ("reason", "reason", str),
    ("p_up", "p(up)", lambda value: f"{value:.4f}"),
    ("close", "close", _short),
    ("exposure", "exposure", lambda value: f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")),
    ("settled_net", "net", _percent),
    ("paper_gross", "paper gross", _percent),
    ("paper_net", "paper net", _percent),
    ("execution_equity", "execution", _short),
    ("side", "order", str),
    ("executed", "executed", _short),
    ("fill_price", "price", _short),
    ("fees", "fees", _short),
    ("seconds_to_order", "s to order", lambda value: f"{value:.2f}"),
    ("seconds", "s to commit", lambda value: f"{value:.2f}"),
    ("halted", "halted", _flag),
    ("model_id", "model", str),
)
"""Column of the ledger, heading, and how a value is written; the same order as in a run."""
