"""The ledger's columns, and the row that a completed record becomes in it."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trader.core.decision import Reason
from trader.core.decomposition import costs_of_orders
from trader.core.journal import Leg, RunRecord, Status
from trader.core.klines import interval_ms
from trader.core.orders import ZERO, as_decimal

SCHEMA = 2
_TIME = pa.timestamp("ms", tz="UTC")
_NUMBERS = pa.map_(pa.string(), pa.float64())
COLUMNS = pa.schema(
    [
        ("open_time", _TIME),
        ("origin", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("model_id", pa.string()),
        ("p_up", pa.float64()),
        ("close", pa.float64()),
        ("exposure", pa.float64()),
        ("change", pa.float64()),
        ("missed", pa.int64()),
        ("settled_klines", pa.int64()),
        ("settled_gross", pa.float64()),
        ("settled_net", pa.float64()),
        ("paper_gross", pa.float64()),
        ("paper_net", pa.float64()),
        ("halted", pa.bool_()),
        ("trigger_sum", pa.float64()),
        ("training_due", pa.bool_()),
        ("not_sent", pa.string()),
        ("side", pa.string()),
        ("ordered", pa.float64()),
        ("executed", pa.float64()),
        ("fill_price", pa.float64()),
        ("arrival_price", pa.float64()),
        ("target", pa.float64()),
        ("position", pa.float64()),
        ("fees", pa.float64()),
        ("execution_equity", pa.float64()),
        ("epoch", pa.int64()),
        ("seconds_to_order", pa.float64()),
        ("seconds", pa.float64()),
        ("notional", pa.float64()),
        ("volatility", pa.float64()),
        ("volume_ratio", pa.float64()),
        ("features", _NUMBERS),
        ("timings", _NUMBERS),
        ("orders", pa.string()),
        ("basis", pa.float64()),
        ("shortfall", pa.float64()),
        ("off_target", pa.bool_()),
        ("unexplained", pa.string()),
        ("new_epoch", pa.string()),
        ("control", pa.string()),
        ("halt", pa.string()),
        ("limit_reached", pa.int64()),
        ("due_to", pa.string()),
        ("training", pa.int64()),
        ("training_outcome", pa.string()),
        ("trained_model", pa.string()),
    ],
    metadata={"schema": str(SCHEMA)},
)
"""One row a run; `missed` is the number of klines that a record of an absence stands for. Returns are fractions of the
`notional` that the run was decided with; `settled_*` were earned by the exposure of the row before. Prices, `notional`,
`fees` and `execution_equity` are in quote units, quantities in base units. `features` are the model's inputs by name,
`timings` the seconds from the run's start to the end of each stage, `orders` the run's legs as JSON. What the run's own
orders cost in quote units beyond the market's close is `basis` (the venue's price on arrival is another one) and
`shortfall` (the fills are worse than that). `training` numbers the newest finished training that the run has seen. NaN
or null: there was none."""


_DUST = Decimal("0.01")
_OUTCOMES = {Reason.MISSED: "missed", Reason.FILLED_KLINE: "filled"}


def table_of(records: Iterable[RunRecord]) -> pa.Table:
    """Return the rows of the completed ones among some records."""
    rows = [row_of(record) for record in records if record.status is Status.COMPLETED]
    return pa.Table.from_pylist(rows, schema=COLUMNS)


def row_of(record: RunRecord) -> Mapping[str, Any]:
    """Return a completed record's row."""
    row: dict[str, Any] = {
        "open_time": record.key.open_time,
        "origin": record.origin.value,
        "missed": _missed(record),
        "notional": None if record.notional is None else float(record.notional),
        "settled_klines": len(record.settled),
        "settled_gross": sum(hour.gross for hour in record.settled),
        "settled_net": sum(hour.net for hour in record.settled),
        "not_sent": record.not_sent.value if record.not_sent else None,
        "seconds_to_order": record.timings.get("execute"),
        "seconds": record.timings.get("commit"),
    }
    return row | _decision_columns(record) | _book_columns(record) | _order_columns(record) | _watch_columns(record)


def _missed(record: RunRecord) -> int:
    if record.missed_from is None:
        return int(record.decision is not None and record.decision.reason is Reason.MISSED)
    step = timedelta(milliseconds=interval_ms(record.key.interval))
    return (record.key.open_time - record.missed_from) // step + 1


def _decision_columns(record: RunRecord) -> dict[str, Any]:
    inputs, decision, trigger = record.inputs, record.decision, record.trigger
    return {
        "outcome": _OUTCOMES.get(decision.reason, "decided") if decision else "missed",
        "reason": decision.reason.value if decision else "unfinished",
        "model_id": inputs.model_id if inputs else None,
        "p_up": inputs.p_up if inputs else None,
        "close": inputs.price if inputs else None,
        "trigger_sum": trigger.cumulative if trigger else None,
        "training_due": trigger is not None and trigger.due_since is not None,
        "due_to": trigger.due_to.value if trigger and trigger.due_since else None,
        "volatility": inputs.volatility if inputs else None,
        "volume_ratio": inputs.volume_ratio if inputs else None,
        "features": list(inputs.features.items()) if inputs else [],
    }


def _book_columns(record: RunRecord) -> dict[str, Any]:
    if record.state is None:
        return {}
    paper, execution = record.state.paper, record.state.execution
    price = record.inputs.price if record.inputs else None
    return {
        "exposure": paper.exposure,
        "change": paper.change,
        "paper_gross": paper.gross,
        "paper_net": paper.net,
        "halted": paper.halt is not None,
        "target": float(execution.target),
        "position": float(execution.position),
        "fees": float(execution.fees),
        "execution_equity": None if price is None else float(execution.equity(as_decimal(price))),
        "epoch": record.state.epoch,
    }


def _order_columns(record: RunRecord) -> dict[str, Any]:
    if not record.legs:
        return {}
    leg = record.legs[-1]
    executed = sum((leg.report.executed for leg in record.legs if leg.report), ZERO)
    price = leg.report.average_price if leg.report else None
    arrival = leg.intent.arrival_price
    basis, shortfall = costs_of_orders(record)
    return {
        "orders": json.dumps([_order_as_json(leg) for leg in record.legs], separators=(",", ":")),
        "basis": float(basis),
        "shortfall": float(shortfall),
        "side": leg.intent.side.value,
        "ordered": float(leg.intent.quantity),
        "executed": float(executed),
        "fill_price": None if price is None else float(price),
        "arrival_price": None if arrival is None else float(arrival),
    }


def _is_off_target(record: RunRecord) -> bool:
    """Tell whether the position is short of its target by more than dust: 1 % of the notional, as in all figures."""
    if record.inputs is None or record.notional is None:
        return record.gap != ZERO
    return abs(record.gap) * as_decimal(record.inputs.price) > _DUST * record.notional


def _watch_columns(record: RunRecord) -> dict[str, Any]:
    """Return what a person would want to be told about the run, beside its decision and its books."""
    inputs = record.inputs
    trained = inputs.trained if inputs else None
    halt = record.state.paper.halt if record.state else None
    return {
        "timings": list(record.timings.items()),
        "off_target": _is_off_target(record),
        "unexplained": "; ".join(record.unexplained) or None,
        "new_epoch": record.new_epoch,
        "control": inputs.control.mode.value if inputs else None,
        "halt": halt.why if halt else None,
        "limit_reached": len(record.marks),
        "training": trained.number if trained else None,
        "training_outcome": trained.outcome.value if trained else None,
        "trained_model": (trained.model_id or None) if trained else None,
    }


def _order_as_json(leg: Leg) -> dict[str, Any]:
    """Return one leg in JSON's terms: amounts as the texts that were sent and received."""
    intent, report = leg.intent, leg.report
    order: dict[str, Any] = {
        "id": intent.client_order_id,
        "side": intent.side.value,
        "quantity": str(intent.quantity),
        "signed_at": intent.signed_at.isoformat(),
        "arrival_price": None if intent.arrival_price is None else str(intent.arrival_price),
    }
    if report is not None:
        order |= {"status": report.status.value, "executed": str(report.executed), "at": report.at.isoformat()}
        order["fills"] = [
            [str(fill.price), str(fill.quantity), str(fill.commission), fill.commission_asset] for fill in report.fills
        ]
    elif leg.is_void:
        order["status"] = "WIPED" if leg.is_wiped else "ABSENT"
    else:
        order |= {"status": "REFUSED", "refused": leg.refused}
    return order
