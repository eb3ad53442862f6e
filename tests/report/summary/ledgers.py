"""Ledgers to summarise: rows written by hand, and random ones in which everything happens."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import strategies as st

from trader.report.summary.model import Setup
from trader.store.ledger_rows import COLUMNS

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 30, 20, tzinfo=UTC)
SETUP = Setup(
    bot_id="bot",
    mode="demo",
    symbol="BTCUSDT",
    interval="1h",
    notional=500.0,
    fee_rate=0.001,
    slippage_rate=0.0005,
)
HORIZON = {"a": 1, "b": 3}
NAN = float("nan")

_DECIDED = {
    "origin": "live",
    "outcome": "decided",
    "reason": "long-signal",
    "model_id": "a",
    "p_up": 0.6,
    "close": 100.0,
    "exposure": 0.0,
    "change": 0.0,
    "missed": 0,
    "settled_klines": 1,
    "settled_gross": 0.0,
    "settled_net": 0.0,
    "paper_gross": 0.0,
    "paper_net": 0.0,
    "halted": False,
    "training_due": False,
    "target": 0.0,
    "position": 0.0,
    "fees": 0.0,
    "execution_equity": 0.0,
    "epoch": 1,
    "control": "run",
    "limit_reached": 0,
    "features": [],
    "timings": [],
}


def row(hour, **changes):
    """A decided hour in which nothing else happens; `hour` counts from START."""
    return {"open_time": START + hour * HOUR, **_DECIDED, **changes}


def missed(hour, *, klines=1, **changes):
    """The record of an absence of some klines that ends with an hour."""
    nothing = {"model_id": None, "p_up": None, "close": None, "execution_equity": None, "control": None}
    return row(hour, outcome="missed", reason="missed", missed=klines, settled_klines=0, **{**nothing, **changes})


def table_of_rows(rows):
    """The rows as the ledger keeps them."""
    return pa.Table.from_pylist(list(rows), schema=COLUMNS)


_RETURN = st.floats(-0.08, 0.08)
_MAYBE = st.one_of(st.none(), st.just(NAN), st.floats(0.0, 1.0))
_TEXT = st.one_of(st.none(), st.text(max_size=8))
_CHANGES = {
    "exposure": st.sampled_from([-1.0, -0.37, 0.0, 0.0, 1 / 3, 1.0]),
    "p_up": _MAYBE,
    "close": st.one_of(st.none(), st.floats(1.0, 1e5), st.sampled_from([99.0, 100.0, 101.0])),
    "model_id": st.sampled_from(["a", "b", None]),
    "settled_net": _RETURN,
    "settled_gross": _RETURN,
    "settled_klines": st.integers(0, 3),
    "paper_net": st.one_of(st.none(), st.floats(-5, 5)),
    "paper_gross": st.floats(-5, 5),
    "target": st.one_of(st.none(), st.floats(-10, 10)),
    "position": st.floats(-10, 10),
    "fees": st.one_of(st.none(), st.floats(0, 1e4)),
    "execution_equity": st.one_of(st.none(), st.floats(-1e5, 1e5)),
    "side": st.sampled_from(["BUY", "SELL", None]),
    "basis": st.one_of(st.none(), st.just(NAN), st.floats(-10, 10)),
    "shortfall": st.one_of(st.none(), st.floats(-10, 10)),
    "seconds": st.one_of(st.none(), st.floats(0, 100)),
    "seconds_to_order": st.one_of(st.none(), st.floats(0, 100)),
    "trigger_sum": _MAYBE,
    "halted": st.booleans(),
    "halt": _TEXT,
    "control": st.sampled_from(["run", "reduce", "halt", None]),
    "limit_reached": st.integers(0, 2),
    "due_to": st.sampled_from(["return", "age", None]),
    "epoch": st.sampled_from([1, 1, 1, 2, None]),
    "new_epoch": _TEXT,
    "training": st.sampled_from([None, 7, 8]),
    "training_outcome": st.sampled_from([None, "rejected", "promoted"]),
    "trained_model": st.sampled_from([None, "a", "b"]),
    "unexplained": _TEXT,
    "not_sent": st.sampled_from([None, "below-lot-step"]),
    "outcome": st.sampled_from(["decided", "decided", "decided", "filled"]),
    "reason": st.sampled_from(["long-signal", "inside-band"]),
}


@st.composite
def ledgers(draw, *, most=30, holes=True, changes=_CHANGES):
    """Rows in order: hours that decide, absences of up to three weeks, and (with `holes`) hours without any row."""
    rows, hour = [], 0
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(["decided"] * 6 + ["missed", "absence"] + ["hole"] * holes))
        drawn = {name: draw(values) for name, values in changes.items() if draw(st.booleans())}
        if kind == "hole":
            hour += draw(st.integers(1, 900))
        if kind in ("missed", "absence"):
            klines = draw(st.integers(1, 500)) if kind == "absence" and rows else 1
            hour += klines - 1
            kept = {name: drawn[name] for name in ("exposure", "halted", "epoch") if name in drawn}
            rows.append(missed(hour, klines=klines, **kept))
        else:
            rows.append(row(hour, **drawn))
        hour += 1
    return rows
