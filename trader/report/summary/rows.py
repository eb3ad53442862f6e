"""What a summary reads of a ledger's row, whether it comes from a record just written or from the table."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from trader.core.klines import to_ms

_TIME = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row, named as the ledger's columns are; a number that is no number is None. `open_time` is in ms UTC."""

    open_time: int
    outcome: str
    reason: str
    model_id: str | None
    p_up: float | None
    close: float | None
    exposure: float | None
    change: float | None
    missed: int
    notional: float | None
    settled_klines: int
    settled_gross: float
    settled_net: float
    paper_gross: float | None
    paper_net: float | None
    halted: bool
    trigger_sum: float | None
    not_sent: str | None
    side: str | None
    target: float | None
    position: float | None
    fees: float | None
    execution_equity: float | None
    epoch: int | None
    seconds_to_order: float | None
    seconds: float | None
    basis: float
    shortfall: float
    unexplained: str | None
    new_epoch: str | None
    control: str | None
    halt: str | None
    limit_reached: int
    due_to: str | None
    training: int | None
    training_outcome: str | None
    trained_model: str | None


_NAMES = tuple(each.name for each in fields(Run))
_FRACTIONS = tuple(each.name for each in fields(Run) if each.type == float | None)
_SUMS = tuple(each.name for each in fields(Run) if each.type is float)
_COUNTS = tuple(each.name for each in fields(Run) if each.type is int and each.name != "open_time")


def run_of(row: Mapping[str, Any]) -> Run:
    """Return what is read of a row; a column that it lacks has no value."""
    read: dict[str, Any] = {name: row.get(name) for name in _NAMES}
    time = read["open_time"]
    read["open_time"] = time if isinstance(time, int) else to_ms(time)
    for name in _FRACTIONS:
        read[name] = _number(read[name])
    for name in _SUMS:
        read[name] = _number(read[name]) or 0.0
    for name in _COUNTS:
        read[name] = read[name] or 0
    read["halted"] = bool(read["halted"])
    return Run(**read)


def runs_of(table: pa.Table) -> Iterator[Run]:
    """Yield the rows of a table in its order."""
    columns = [_values(table, name) for name in _NAMES]
    for values in zip(*columns, strict=True):
        yield run_of(dict(zip(_NAMES, values, strict=True)))


def _values(table: pa.Table, name: str) -> list[Any]:
    column = table.column(name)
    values: list[Any] = (column.cast(_TIME).cast(pa.int64()) if name == "open_time" else column).to_pylist()
    return values


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
