"""The bot's account in a few lines of plain text, for people at a terminal."""

import math
from collections.abc import Mapping
from typing import Any

from trader.core.accounting import Costs
from trader.core.decision import Reason
from trader.core.journal import BotState, RunRecord
from trader.core.orders import NotSent, as_decimal
from trader.core.performance import Baselines, Execution, Performance, charged, evidence

REASONS: Mapping[Reason, str] = {
    Reason.LONG: "p(up) is above the band",
    Reason.SHORT: "p(up) is below the band",
    Reason.HELD: "kept: p(up) is inside the band",
    Reason.EXIT: "left: the exit rule",
    Reason.FILTERED: "not entered: an entry filter",
    Reason.SHORT_FORBIDDEN: "not entered: shorts are not allowed",
    Reason.REDUCE: "the operator said reduce",
    Reason.CONTROL_HALT: "the operator said halt",
    Reason.HALTED: "halted: a loss limit was reached",
    Reason.FILLED_KLINE: "kept: the exchange published no kline",
    Reason.MISSED: "kept: the hour was missed",
    Reason.WARM_UP: "flat: too few klines for the indicators",
    Reason.NO_MODEL: "flat: there is no model yet",
    Reason.MODEL_EXPIRED: "flat: the model is too old",
    Reason.OUT_OF_RANGE: "flat: a feature is far outside its training range",
}

_DUST = (NotSent.BELOW_STEP, NotSent.BELOW_MIN_QUANTITY, NotSent.BELOW_MIN_NOTIONAL)


def describe_run(record: RunRecord) -> list[str]:
    """Return what a completed run decided and why, what was traded, and both books after it."""
    lines = [f"kline     {record.key}   ({record.mode}, {record.origin})"]
    inputs, decision = record.inputs, record.decision
    if decision is not None:
        probability = "" if inputs is None or inputs.p_up is None else f"   p(up) {inputs.p_up:.4f}"
        close = "" if inputs is None else f"   close {inputs.price:g}"
        lines.append(f"decision  exposure {decision.target:+.2f}, {REASONS[decision.reason]}{probability}{close}")
    lines += [f"order     {line}" for line in _orders(record)]
    lines += _books(record)
    if record.trigger is not None:
        since, why = record.trigger.due_since, record.trigger.why
        todo = f"`trader train --if-due --symbol {record.key.symbol}`"
        due = f"DUE since {since:%Y-%m-%d %H:%M} UTC: {todo}" if since else f"not due: {why}"
        lines.append(f"training  {due}")
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
    left = f"{abs(record.gap).normalize():f}"
    if record.not_sent is NotSent.NOTHING_TO_DO:
        lines.append("none: the position is the target")
    elif record.not_sent in _DUST:
        lines.append(f"none: the {left} left over are less than the exchange takes ({record.not_sent})")
    elif record.not_sent is not None:
        lines.append(f"none: {left} away from the target, not sent because {record.not_sent}")
        lines += record.unexplained
    return lines or ["none"]


def _books(record: RunRecord) -> list[str]:
    if record.state is None or record.rules is None or record.notional is None:
        return []
    paper, execution = record.state.paper, record.state.execution
    says, costs = evidence(paper.round_trips), record.rules.costs
    lines = [
        f"paper     {percent(paper.net)} net ({percent(paper.gross)} gross; {costs}), sum of {paper.klines} returns",
        f"          {paper.round_trips} round trips{f' - {says}' if says else ''}",
    ]
    if record.inputs is not None:
        equity = execution.equity(as_decimal(record.inputs.price))
        lines.append(
            f"execution {percent(float(equity / record.notional))} ({equity:+.2f} quote), position"
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
        "paper": _paper_of(state) if state else None,
        "halt": state.paper.halt if state else None,
        "position": state.execution.position if state else None,
        "target": state.execution.target if state else None,
        "trigger": record.trigger,
        "timings": record.timings,
    }


def _paper_of(state: BotState) -> dict[str, Any]:
    book = state.paper
    return {"gross": book.gross, "net": book.net, "klines": book.klines, "round_trips": book.round_trips}


def describe_performance(figures: Performance, *, costs: Costs, baselines: Baselines, interval: str) -> list[str]:
    """Return the figures of a stretch, costs, round trips and baselines beside them."""
    says = evidence(figures.round_trips)
    exposed = f"{figures.exposed:.0%} of the time"
    paid = charged(costs, paid=figures.costs, turnover=figures.turnover)
    return [
        f"net return   {percent(figures.net)} over {figures.klines} klines of {interval} ({paid})",
        f"gross        {percent(figures.gross)}; costs {percent(-figures.costs)}",
        f"round trips  {figures.round_trips}{f' - {says}' if says else ''}",
        f"exposed      {exposed}; turnover {figures.turnover:g} times the notional",
        f"always long  {percent(baselines.always_long)}; always short {percent(baselines.always_short)} (same measure)",
        f"hold         {percent(baselines.hold)} (bought once, never sold)",
        f"Sharpe       {_known(figures.sharpe, '.2f')} a year; largest drawdown {percent(-figures.max_drawdown)}",
        f"hit rate     {_known(figures.hit_rate, '.1%')} of exposed klines",
    ]


def describe_reasons(reasons: Mapping[str, int]) -> list[str]:
    """Return how often each reason decided, the most frequent first: long idle stretches show here."""
    return [f"decided by   {', '.join(f'{reason} {count}' for reason, count in reasons.items())}"]


def describe_execution(execution: Execution, *, notional: float) -> list[str]:
    """Return what the execution book did beside the paper book, and what it could not do."""
    book = f"{percent(execution.pnl / notional)} ({execution.pnl:+.2f} quote), fees {execution.fees:.2f}"
    lines = [f"execution    {book}; {execution.orders} orders, {execution.incomplete} not filled whole"]
    if execution.off_target:
        why = ", ".join(f"{reason} {count}" for reason, count in execution.off_target.items())
        lines.append(f"OFF TARGET   after {sum(execution.off_target.values())} runs: {why}")
    return lines


def percent(value: float) -> str:
    """Return a fraction as a signed percentage."""
    return f"{value * 100 + 0.0:+.2f} %"  # minus nothing is nothing


def _known(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "unknown"
