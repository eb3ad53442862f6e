"""The curves of a ledger: the two books and holding the asset, as numbers that a picture or a table can show.

All curves are per cent of the fixed notional and stand at the close of their run's kline, because that is when the
figure was known; sums are not compounded.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trader.core.errors import BadConfig, BadData
from trader.core.klines import BoolArray, FloatArray, IntArray, interval_ms

COLUMNS = (
    "open_time",
    "origin",
    "outcome",
    "close",
    "exposure",
    "paper_gross",
    "paper_net",
    "execution_equity",
    "halted",
    "model_id",
)
"""What is read of a ledger; more columns are fine."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquityCurves:
    """One value a run, ascending in time; the four curves are per cent of the notional, NaN where there is no value.

    `closed` is when the run's kline closed, in milliseconds since the epoch; `hours` is the time between the first and
    the last close, which is what was settled. `origin_changes` and `model_changes` are positions of the first run of
    the new kind; the very first origin and the very first model are no change.
    """

    closed: IntArray
    net: FloatArray
    gross: FloatArray
    execution: FloatArray
    hold: FloatArray
    exposure: FloatArray
    halted: BoolArray
    missed: BoolArray
    unpublished: BoolArray
    origin: tuple[str, ...]
    origin_changes: tuple[int, ...]
    model_changes: tuple[int, ...]
    hours: float

    def __len__(self) -> int:
        return len(self.closed)


def equity_curves(ledger: pd.DataFrame, *, interval: str, notional: float) -> EquityCurves:
    """Return the curves of a ledger; BadData for a missing column or disorder, BadConfig for a notional of 0."""
    if not notional > 0:
        raise BadConfig(f"notional {notional} is not positive; returns are fractions of it")
    missing = [name for name in COLUMNS if name not in ledger.columns]
    if missing:
        raise BadData(f"ledger: column {missing[0]!r} is missing; rebuild the ledger from the journal")
    opened = _milliseconds(ledger["open_time"])
    if (np.diff(opened) <= 0).any():
        raise BadData("ledger: runs are repeated or out of order; rebuild the ledger from the journal")
    close = _floats(ledger["close"])
    origin = tuple(ledger["origin"].astype(str))
    return EquityCurves(
        closed=opened + interval_ms(interval),
        net=100 * _floats(ledger["paper_net"]),
        gross=100 * _floats(ledger["paper_gross"]),
        execution=100 * _floats(ledger["execution_equity"]) / notional,
        hold=100 * (close / close[:1] - 1),
        exposure=_floats(ledger["exposure"]),
        halted=ledger["halted"].to_numpy(dtype=bool),
        missed=(ledger["outcome"].astype(str) == "missed").to_numpy(dtype=bool),
        unpublished=(ledger["outcome"].astype(str) == "filled").to_numpy(dtype=bool),
        origin=origin,
        origin_changes=_changes(origin),
        model_changes=_changes(_last_known(ledger["model_id"])),
        hours=float(opened[-1] - opened[0]) / 3_600_000 if len(opened) else 0.0,
    )


def stretches(flags: BoolArray) -> list[tuple[int, int]]:
    """Return each run of True as its first position and the position after its last."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]


def _changes(values: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(i for i in range(1, len(values)) if values[i] != values[i - 1] and values[i - 1])


def _last_known(models: pd.Series) -> tuple[str, ...]:
    """Return model ids with those of runs without one replaced by the last known; "" before the first."""
    return tuple(models.where(models.astype(bool)).ffill().fillna("").astype(str))


def _milliseconds(times: pd.Series) -> IntArray:
    return np.asarray(
        times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype("int64")
    )


def _floats(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
