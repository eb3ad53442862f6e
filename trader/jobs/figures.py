"""Figures of a table of runs, as the ledger keeps it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from trader.core.klines import FloatArray
from trader.core.performance import Execution, Performance, evaluate


def performance_of(table: pa.Table, *, interval: str) -> Performance:
    """Return the figures of a table of runs: each row's exposure with what the next row settled of it.

    After an absence one row settles several klines: they are counted, but are one return to Sharpe ratio and hit rate.
    The row of the absence itself settles nothing, so it is neither a hit nor a miss.
    """
    exposure, gross, net, settled = (
        np.asarray(table.column(name).to_numpy(), dtype=np.float64)
        for name in ("exposure", "settled_gross", "settled_net", "settled_klines")
    )
    filled = np.array(table.column("outcome").to_pylist(), dtype=object) == "filled"
    scorable = ~filled & ~np.append(filled[1:], True) & np.append(settled[1:] > 0, False)
    figures = evaluate(exposure=exposure, gross=gross[1:], net=net[1:], interval=interval, scorable=scorable)
    return replace(figures, klines=int(settled[1:].sum()))


def closes_of(table: pa.Table) -> FloatArray:
    """Return the closes that the runs saw."""
    close = np.asarray(table.column("close").to_numpy(), dtype=np.float64)
    return close[np.isfinite(close)]


def execution_of(table: pa.Table, *, notional: float) -> Execution:
    """Return what the execution book did in a table of runs."""
    rows = table.select(
        ["not_sent", "side", "ordered", "executed", "target", "position", "close", "fees", "execution_equity"]
    ).to_pylist()
    sent = [row for row in rows if row["side"] is not None]
    off = [row for row in rows if abs(row["target"] - row["position"]) * (row["close"] or 0.0) > 0.01 * notional]
    last = next((row for row in reversed(rows) if row["execution_equity"] is not None), None)
    return Execution(
        pnl=last["execution_equity"] if last else 0.0,
        fees=last["fees"] if last else 0.0,
        orders=len(sent),
        incomplete=sum(row["executed"] < row["ordered"] for row in sent),
        off_target=Counter(row["not_sent"] or "partly-filled" for row in off),
    )


def reasons_of(table: pa.Table) -> Mapping[str, int]:
    """Return how many runs ended with each reason, the most frequent first."""
    return dict(Counter(table.column("reason").to_pylist()).most_common())
