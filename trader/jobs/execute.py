"""From the paper book's target to the exchange: one net order, written down before it is sent.

An intent without a known outcome is settled first, by asking the exchange for its client order id. An id is never sent
twice: another attempt is a new leg with a new id.
"""

import logging
from dataclasses import replace
from decimal import Decimal

from trader.core.accounting import apply_report
from trader.core.errors import BadData, Rejected, Retryable
from trader.core.journal import BotState, Leg, RunRecord, Status
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
from trader.jobs.account import Account, was_reset
from trader.jobs.bot import Desk
from trader.store.journal import StoredRecord

log = logging.getLogger(__name__)
_MAX_LEGS = 3
_OUTSIDE_WINDOW = -1021
"""Binance's code for a request older than its receive window: it was not taken and never will be."""


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


def execute(desk: Desk, stored: StoredRecord, record: RunRecord, *, account: Account) -> tuple[StoredRecord, RunRecord]:
    """Return the record with its order sent and every leg's outcome known, and the stored version it grew from.

    Raises Retryable when the outcome of an order cannot be learnt now; the record keeps the open leg for the next try.
    """
    record = replace(settle_open(desk, record), unexplained=account.objections(desk.bot.exchange.rules(desk.symbol)))
    while all(leg.is_void for leg in record.legs):
        if len(record.legs) >= _MAX_LEGS:
            return stored, replace(record, not_sent=NotSent.NEVER_ARRIVED, gap=_gap(record))
        if _gap(record) == 0:
            return stored, replace(record, not_sent=NotSent.NOTHING_TO_DO, gap=ZERO)
        if record.unexplained:
            return stored, replace(record, not_sent=NotSent.ACCOUNT_CHANGED, gap=_gap(record))
        price = desk.bot.exchange.price(desk.symbol)
        plan = _plan(desk, record, price=price, account=account)
        if plan.side is None:
            return stored, replace(record, not_sent=plan.not_sent, gap=_gap(record))
        intent = _intent(desk, record, plan, price=price)
        record = replace(record, status=Status.DECIDED, legs=(*record.legs, Leg(intent=intent)))
        stored = desk.journal.replace(stored, record)  # also the last look at the lease: a lost one is a Conflict
        record = _submit(desk, record, intent)
    return stored, replace(record, gap=_gap(record))  # a reset of the account may have changed it since the order


def settle_open(desk: Desk, record: RunRecord) -> RunRecord:
    """Return the record with the outcome of its open leg, if it has one; nothing is sent.

    Raises Retryable when that cannot be learnt now.
    """
    if not record.legs or not record.legs[-1].is_open:
        return record
    return _settle(desk, record, report=desk.bot.exchange.settle(record.legs[-1].intent))


def send_nothing(record: RunRecord) -> RunRecord:
    """Return the record of an hour that is not traded any more: the gap stays for the next one."""
    if any(not leg.is_void for leg in record.legs):
        return record
    gap = _gap(record)
    return replace(record, not_sent=NotSent.NOT_THIS_HOUR if gap else NotSent.NOTHING_TO_DO, gap=gap)


def _state(record: RunRecord) -> BotState:
    if record.state is None:
        raise BadData(f"the record of {record.key} is decided but holds no books; restore it from a backup")
    return record.state


def _gap(record: RunRecord) -> Decimal:
    execution = _state(record).execution
    return execution.target - execution.position


def _plan(desk: Desk, record: RunRecord, *, price: Decimal, account: Account) -> OrderPlan:
    state = _state(record)
    if state.allocation is None:
        raise BadData(f"the record of {record.key} has no allocation; restore it from a backup")
    rules = desk.bot.exchange.rules(desk.symbol)
    base, quote = (account.balances.get(asset, ZERO) for asset in (rules.base_asset, rules.quote_asset))
    return plan_order(
        target=state.execution.target,
        held=state.execution.position,
        price=price,
        rules=rules,
        available_base=min(state.allocation.base + state.execution.position, base),
        available_quote=min(state.allocation.quote + state.execution.cash, quote),
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
        if error.code == _OUTSIDE_WINDOW:
            return _settle(desk, record, report=None)
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
        is_wiped = was_reset(desk.bot)
        what = "is gone with a reset of the account" if is_wiped else "never reached the exchange"
        log.warning("%s: order %s %s", record.key, leg.intent.client_order_id, what)
        leg = replace(leg, is_wiped=is_wiped, is_absent=not is_wiped)
        return replace(record, legs=(*record.legs[:-1], leg), gap=_gap(record))
    state = _state(record)
    book = apply_report(state.execution, report, rules=desk.bot.exchange.rules(desk.symbol))
    record = replace(
        record,
        legs=(*record.legs[:-1], replace(leg, report=report)),
        state=replace(state, execution=book, last_filled=leg.intent if report.executed else state.last_filled),
        not_sent=None,
    )
    return replace(record, gap=_gap(record))
