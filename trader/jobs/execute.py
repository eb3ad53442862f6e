"""From the paper book's target to the exchange: one net order, written down before it is sent.

An intent without a known outcome is settled first, by asking the exchange for its client order id. An id is never sent
twice: another attempt is a new leg with a new id.
"""

import logging
from dataclasses import replace
from decimal import Decimal

from trader.core.accounting import apply_report
from trader.core.errors import BadConfig, BadData, Rejected, Retryable
from trader.core.journal import Allocation, BotState, Leg, RunRecord, Status
from trader.core.orders import (
    ZERO,
    ExecutionReport,
    NotSent,
    OrderIntent,
    OrderPlan,
    as_decimal,
    client_order_id,
    plan_order,
    target_quantity,
)
from trader.jobs.bot import Desk, states
from trader.store.journal import StoredRecord

log = logging.getLogger(__name__)
_MAX_LEGS = 3


def open_allocation(desk: Desk) -> Allocation:
    """Return what this symbol may use of the account, opened in its first run.

    Of each of its assets: what no other symbol has a claim on, shared equally among those that have none yet. A claim
    is an allocation with all that was bought and sold on it, so nobody is given what another one's sale brought in.
    """
    rules = desk.bot.exchange.rules(desk.symbol)
    others = states(desk.bot, without=[desk.symbol])
    balances = dict(desk.bot.exchange.balances())
    for symbol, state in others.items():
        for asset, claim in zip(_assets_of(desk, symbol), _claims_of(state), strict=False):
            balances[asset] = balances.get(asset, ZERO) - claim
    waiting = [symbol for symbol in desk.bot.symbols if symbol not in others or others[symbol].allocation is None]
    users = [asset for symbol in waiting for asset in _assets_of(desk, symbol)]
    base, quote = (
        max(balances.get(asset, ZERO), ZERO) / max(users.count(asset), 1)
        for asset in (rules.base_asset, rules.quote_asset)
    )
    return Allocation(base=base, quote=quote)


def _claims_of(state: BotState) -> tuple[Decimal, ...]:
    if state.allocation is None:
        return ()
    return state.allocation.base + state.execution.position, state.allocation.quote + state.execution.cash


def _assets_of(desk: Desk, symbol: str) -> tuple[str, ...]:
    """Return both assets of a symbol, none of one that the exchange does not have: its own run says so."""
    try:
        rules = desk.bot.exchange.rules(symbol)
    except BadConfig:
        return ()
    return rules.base_asset, rules.quote_asset


def retarget(desk: Desk, state: BotState) -> BotState:
    """Return the state with a new target quantity if the paper exposure has just changed; otherwise it is kept."""
    if state.paper.change == 0:
        return state
    target = target_quantity(
        exposure=state.paper.exposure,
        notional=desk.bot.notional,
        price=as_decimal(state.paper.close),
        rules=desk.bot.exchange.rules(desk.symbol),
    )
    return replace(state, execution=replace(state.execution, target=target))


def execute(desk: Desk, stored: StoredRecord, record: RunRecord, *, may_send: bool) -> tuple[StoredRecord, RunRecord]:
    """Return the record with every leg's outcome known, and the stored version it grew from.

    Raises Retryable when the outcome of an order cannot be learnt now; the record keeps the open leg for the next try.
    """
    while True:
        if record.legs and record.legs[-1].is_open:
            record = _settle(desk, record, report=desk.bot.exchange.settle(record.legs[-1].intent))
        if len(record.legs) >= _MAX_LEGS or any(not leg.is_absent for leg in record.legs):
            return stored, record
        if not may_send:
            gap = _gap(record)
            reason = NotSent.NOT_THIS_HOUR if gap else NotSent.NOTHING_TO_DO
            return stored, replace(record, not_sent=reason, gap=gap)
        price = desk.bot.exchange.price(desk.symbol)
        plan = _plan(desk, record, price=price)
        if plan.side is None:
            return stored, replace(record, not_sent=plan.not_sent, gap=_gap(record))
        intent = _intent(desk, record, plan, price=price)
        record = replace(record, status=Status.DECIDED, legs=(*record.legs, Leg(intent=intent)))
        stored = desk.journal.replace(stored, record)
        record = _submit(desk, record, intent)


def _state(record: RunRecord) -> BotState:
    if record.state is None:
        raise BadData(f"the record of {record.key} is decided but holds no books; restore it from a backup")
    return record.state


def _gap(record: RunRecord) -> Decimal:
    execution = _state(record).execution
    return execution.target - execution.position


def _plan(desk: Desk, record: RunRecord, *, price: Decimal) -> OrderPlan:
    state = _state(record)
    if state.allocation is None:
        raise BadData(f"the record of {record.key} has no allocation; restore it from a backup")
    return plan_order(
        target=state.execution.target,
        held=state.execution.position,
        price=price,
        rules=desk.bot.exchange.rules(desk.symbol),
        available_base=state.allocation.base + state.execution.position,
        available_quote=state.allocation.quote + state.execution.cash,
    )


def _intent(desk: Desk, record: RunRecord, plan: OrderPlan, *, price: Decimal) -> OrderIntent:
    if plan.side is None:
        raise BadData(f"{record.key}: there is no order to send")
    identity = client_order_id(
        bot_id=record.key.bot_id,
        symbol=record.key.symbol,
        interval=record.key.interval,
        open_time=record.key.open_time,
        leg=len(record.legs) + 1,
    )
    return OrderIntent(
        symbol=desk.symbol,
        side=plan.side,
        quantity=plan.quantity,
        client_order_id=identity,
        signed_at=desk.bot.exchange.now(),
        arrival_price=price,
    )


def _submit(desk: Desk, record: RunRecord, intent: OrderIntent) -> RunRecord:
    """Send an order that is written down already; when the answer is lost, settle what became of it.

    Raises Retryable when that cannot be told yet; the record keeps the open leg, and the next run asks first.
    """
    try:
        report: ExecutionReport | None = desk.bot.exchange.submit(intent)
    except Rejected as error:
        log.warning("%s: order refused: %s", record.key, error)
        leg = replace(record.legs[-1], refused=str(error))
        return replace(record, legs=(*record.legs[:-1], leg), not_sent=NotSent.REFUSED, gap=_gap(record))
    except Retryable as error:
        log.warning("%s: the outcome of order %s is unknown: %s", record.key, intent.client_order_id, error)
        report = desk.bot.exchange.settle(intent)
    return _settle(desk, record, report=report)


def _settle(desk: Desk, record: RunRecord, *, report: ExecutionReport | None) -> RunRecord:
    """Close the newest leg with what the exchange says, None for "no such order", and book its fills."""
    leg = record.legs[-1]
    if report is None:
        log.warning("%s: order %s never reached the exchange", record.key, leg.intent.client_order_id)
        return replace(record, legs=(*record.legs[:-1], replace(leg, is_absent=True)), gap=_gap(record))
    state = _state(record)
    book = apply_report(state.execution, report, rules=desk.bot.exchange.rules(desk.symbol))
    record = replace(
        record,
        legs=(*record.legs[:-1], replace(leg, report=report)),
        state=replace(state, execution=book),
        not_sent=None,
    )
    return replace(record, gap=_gap(record))
