"""A month of the ledger as a script: every column of every run."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trader.jobs.dashboard.scripts import as_json, as_script_of_json


def shard_of(table: pa.Table, *, name: str, month: str) -> bytes:
    """Return the rows of one month; `name` is the symbol's and interval's.

    Times are texts (`2026-11-20T16:00Z`), features and timings objects, orders a list; NaN is null.
    """
    columns = [_values(table.column(column)) for column in table.column_names]
    orders = table.column_names.index("orders")
    columns[orders] = [_orders(text) for text in columns[orders]]
    content = {"columns": table.column_names, "rows": list(zip(*columns, strict=True))}
    return as_script_of_json("month", as_json(name), as_json(month), _dumps(content))


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [f"{time:%Y-%m-%dT%H:%MZ}" for time in column.to_pylist()]
    if pa.types.is_map(column.type):
        return [dict(pairs or ()) for pairs in column.to_pylist()]
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, None).to_pylist()  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def _orders(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None


def _dumps(content: object) -> str:
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    except ValueError:  # a feature that is NaN: rare, and slow to look for
        return as_json(content)
