"""From the paper book's target to the exchange: one net order, written down before it is sent.

An intent without a known outcome is settled first, by asking the exchange for its client order id. An id is never sent
twice: another attempt is a new leg with a new id.
"""

import logging
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trader.core.accounting import apply_report
from trader.core.decision import Reason
from trader.core.errors import BadData, Rejected, Retryable
from trader.core.journal import BotState, Leg, RunRecord, Status
from trader.core.klines import close_of
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

    What was sent before has its outcome already (`settle_open`). Nothing is sent in an hour that is not traded (any
    more). Raises Retryable when the outcome of an order cannot be
    learnt now, or the account was reset under it; the record keeps the open leg for the next try.
    """
    record = replace(record, unexplained=account.objections(desk.bot.exchange.rules(desk.symbol)))
    while all(leg.is_void for leg in record.legs):
        intent = _next_order(desk, record, account=account)
        if isinstance(intent, NotSent):
            return stored, replace(record, not_sent=intent, gap=_gap(record))
        record = replace(record, status=Status.DECIDED, legs=(*record.legs, Leg(intent=intent)))
        stored = desk.journal.replace(stored, record)  # also the last look at the lease: a lost one is a Conflict
        record = _submit(desk, record, intent)
        if record.legs[-1].is_wiped:  # the books in hand are those of an account that is gone
            raise Retryable(f"{record.key}: the account was reset under its order; the next run begins a new epoch")
    return stored, replace(record, gap=_gap(record))  # a reset of the account may have changed it since the order


def _next_order(desk: Desk, record: RunRecord, *, account: Account) -> OrderIntent | NotSent:
    """Return the order that brings the position to its target, signed now, or why there is none."""
    if _gap(record) == 0:
        return NotSent.NOTHING_TO_DO
    if not _is_traded(record) or _is_late(desk, record):
        return NotSent.NOT_THIS_HOUR
    if record.unexplained:
        return NotSent.ACCOUNT_CHANGED
    if len(record.legs) >= _MAX_LEGS:
        return NotSent.NEVER_ARRIVED
    price = desk.bot.exchange.price(desk.symbol)
    plan = _plan(desk, record, price=price, account=account)
    if plan.side is None:
        return plan.not_sent or NotSent.NOTHING_TO_DO
    intent = _intent(desk, record, plan, price=price)
    # A process that was frozen on the way must not trade an hour that is over. Its clocks may have stood still as well
    # (a suspended machine's do): the exchange's own time, which the request bears, counts too.
    return NotSent.NOT_THIS_HOUR if _is_late(desk, record, signed_at=intent.signed_at) else intent


def _is_traded(record: RunRecord) -> bool:
    """Tell whether this hour is one that trades at all. Raises BadData for a record without a decision."""
    if record.decision is None:
        raise BadData(f"the record of {record.key} is decided but holds no decision; restore it from a backup")
    return record.decision.reason not in (Reason.MISSED, Reason.FILLED_KLINE)


def _is_late(desk: Desk, record: RunRecord, *, signed_at: datetime | None = None) -> bool:
    bot = desk.bot
    now = max(bot.clock.now(), signed_at or record.key.open_time)
    return now > close_of(record.key.open_time, bot.interval) + bot.max_lateness


def settle_open(desk: Desk, record: RunRecord) -> RunRecord:
    """Return the record with the outcome of its open leg, if it has one; nothing is sent.

    Raises Retryable when that cannot be learnt now.
    """
    if not record.legs or not record.legs[-1].is_open:
        return record
    return _settle(desk, record, report=desk.bot.exchange.settle(record.legs[-1].intent))


def send_nothing(record: RunRecord) -> RunRecord:
    """Return the record of an hour that is over: the gap stays for the next one."""
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
        window=desk.bot.exchange.window,
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
