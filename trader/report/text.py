"""The bot's account in a few lines of plain text, for people at a terminal."""

import math
from typing import Any

from trader.core.accounting import Costs
from trader.core.journal import RunRecord
from trader.core.orders import NotSent, as_decimal
from trader.core.performance import Performance


def describe_run(record: RunRecord, *, notional: float) -> list[str]:
    """Return what a completed run decided and why, what was traded, and both books after it."""
    lines = [f"kline     {record.key}   ({record.mode}, {record.origin})"]
    inputs, decision = record.inputs, record.decision
    if decision is not None:
        probability = "" if inputs is None or inputs.p_up is None else f"   p(up) {inputs.p_up:.4f}"
        close = "" if inputs is None else f"   close {inputs.price:g}"
        lines.append(f"decision  exposure {decision.target:+.2f} because {decision.reason}{probability}{close}")
    lines += [f"order     {line}" for line in _orders(record)]
    lines += _books(record, notional=notional)
    if record.trigger is not None:
        due = "DUE" if record.trigger.due_since else "not due"
        lines.append(f"training  {due}: {record.trigger.why}")
    return lines


def _orders(record: RunRecord) -> list[str]:
    lines = []
    for leg in record.legs:
        sent = f"{leg.intent.side} {leg.intent.quantity}"
        if leg.report is None:
            lines.append(f"{sent}: {leg.refused or ('never arrived' if leg.is_absent else 'outcome unknown')}")
            continue
        price = leg.report.average_price
        at = f" at {price:.8g}" if price is not None else ""
        lines.append(f"{sent}: {leg.report.status}, {leg.report.executed} filled{at}")
    if record.not_sent is NotSent.NOTHING_TO_DO:
        lines.append("none: the position is the target")
    elif record.not_sent is not None:
        lines.append(f"none: {record.gap.normalize():f} short of the target, not sent because {record.not_sent}")
    return lines or ["none"]


def _books(record: RunRecord, *, notional: float) -> list[str]:
    if record.state is None:
        return []
    paper, execution = record.state.paper, record.state.execution
    lines = [
        f"paper     {percent(paper.net)} net ({percent(paper.gross)} gross) over {paper.hours} hours, sum of returns"
    ]
    if record.inputs is not None:
        equity = execution.equity(as_decimal(record.inputs.price))
        lines.append(
            f"execution {percent(float(equity) / notional)} ({equity:+.2f} quote), position"
            f" {execution.position.normalize():f} of {execution.target.normalize():f} wanted, fees {execution.fees:.2f}"
        )
    if paper.halt is not None:
        lines.append(f"HALTED    since {paper.halt.at:%Y-%m-%d %H:%M} UTC: {paper.halt.why}; `trader resume --why ...`")
    return lines


def summary_of(record: RunRecord) -> dict[str, Any]:
    """Return what programs want to know of a completed run; the record in the journal has everything."""
    state, inputs, decision = record.state, record.inputs, record.decision
    return {
        "kline": record.key.open_time,
        "mode": record.mode,
        "origin": record.origin,
        "decision": decision,
        "p_up": inputs.p_up if inputs else None,
        "close": inputs.price if inputs else None,
        "model_id": inputs.model_id if inputs else None,
        "orders": [
            {
                "client_order_id": leg.intent.client_order_id,
                "side": leg.intent.side,
                "quantity": leg.intent.quantity,
                "executed": leg.report.executed if leg.report else None,
                "price": leg.report.average_price if leg.report else None,
                "refused": leg.refused,
            }
            for leg in record.legs
        ],
        "not_sent": record.not_sent,
        "paper": {"gross": state.paper.gross, "net": state.paper.net, "hours": state.paper.hours} if state else None,
        "halt": state.paper.halt if state else None,
        "position": state.execution.position if state else None,
        "target": state.execution.target if state else None,
        "trigger": record.trigger,
        "timings": record.timings,
    }


def describe_performance(figures: Performance, *, costs: Costs, hold: float) -> list[str]:
    """Return the figures of a stretch, costs and round trips beside them."""
    few = "" if figures.round_trips >= MIN_ROUND_TRIPS else f" - fewer than {MIN_ROUND_TRIPS}: NO EVIDENCE"
    return [
        f"net return   {percent(figures.net)} over {figures.hours} hours ({costs})",
        f"gross        {percent(figures.gross)}; costs {percent(-figures.costs)}",
        f"round trips  {figures.round_trips}{few}",
        f"exposed      {figures.exposed:.0%} of the time; turnover {figures.turnover:g} times the notional",
        f"hold         {percent(hold)} (bought once, never sold)",
        f"Sharpe       {_known(figures.sharpe, '.2f')} a year; largest drawdown {percent(-figures.max_drawdown)}",
        f"hit rate     {_known(figures.hit_rate, '.1%')} of exposed hours",
    ]


MIN_ROUND_TRIPS = 30


def percent(value: float) -> str:
    """Return a fraction as a signed percentage."""
    return f"{value * 100 + 0.0:+.2f} %"  # minus nothing is nothing


def _known(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "unknown"
