"""Whether a record of the journal agrees with itself and with the books of the record before it.

Only what was recorded is read here, no klines and no model: what is found is the record's own fault, whatever version
of the program looks at it. What the account held when an epoch was opened, and what a person had taken as it was, are
facts of the moment: they are believed, as far as the seal is intact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from trader.core.account import renewed
from trader.core.accounting import apply_report
from trader.core.decision import Decision, Reason
from trader.core.errors import BadConfig, BadData
from trader.core.journal import Allocation, BotState, Inputs, Leg, RunRecord
from trader.core.klines import interval_ms
from trader.core.orders import ZERO, NotSent, SymbolRules, as_decimal, client_order_id, floor_to_step
from trader.core.risk import ControlMode
from trader.core.training import TrainingOutcome
from trader.jobs.verification.differences import Mismatch, compare
from trader.simulator.rules import usual_rules
from trader.store.journal import seal_of

_STEPS = [Decimal(unit).scaleb(-places) for places in range(13) for unit in (1, 2, 5, 25)]
"""Lot steps that exchanges use. Which one it was is not in the record."""


def contradictions(record: RunRecord, *, before: BotState | None) -> Iterator[Mismatch]:
    """Yield what cannot be in a completed record; `before` are the books it began with, None when nobody knows them."""
    yield from compare(record.seal[:16], seal_of(record)[:16], what="seal")
    parts = {name: getattr(record, name) for name in ("state", "decision", "rules", "notional")}
    lost = [name for name, part in parts.items() if part is None]
    yield from (Mismatch(what=name, recorded=None, derived="written in every completed record") for name in lost)
    if lost:
        return
    yield from _of_orders(record)
    if record.inputs is None:
        yield from _of_missed(record, before=before)
        return
    yield from _of_decision(record, record.inputs)
    if before is not None:
        yield from _of_settlement(record, before=before)
        yield from _of_execution(record, before=before)


def books_of(record: RunRecord) -> BotState:
    """Return the books after a completed run. Raises BadData when it holds none."""
    if record.state is None:
        raise BadData(f"the record of {record.key} is completed but holds no books; restore it from a backup")
    return record.state


def _of_orders(record: RunRecord) -> Iterator[Mismatch]:
    for number, leg in enumerate(record.legs):
        yield from _of_leg(record, leg, number=number)
    for number, (leg, _) in enumerate(pairwise(record.legs)):
        if not leg.is_void:
            yield Mismatch(what=f"legs[{number}]", recorded="not void", derived="void, as another one was sent")
    last = record.legs[-1] if record.legs else None
    if last is not None and not last.is_void:
        expected = NotSent.REFUSED if last.report is None else None
        yield from compare(record.not_sent, expected, what="not_sent")
    elif record.not_sent is None:
        yield Mismatch(what="not_sent", recorded=None, derived="why no order was sent")
    execution = books_of(record).execution
    if record.new_epoch is None or not record.legs:  # a reset may have followed the orders
        yield from compare(record.gap, execution.target - execution.position, what="gap")


def _of_leg(record: RunRecord, leg: Leg, *, number: int) -> Iterator[Mismatch]:
    key, intent, what = record.key, leg.intent, f"legs[{number}]"
    identity = client_order_id(
        bot_id=key.bot_id, symbol=key.symbol, interval=key.interval, open_time=key.open_time, leg=number + 1
    )
    yield from compare(intent.client_order_id, identity, what=f"{what}.intent.client_order_id")
    yield from compare(intent.symbol, key.symbol, what=f"{what}.intent.symbol")
    if leg.is_open:
        yield Mismatch(what=what, recorded="open", derived="the outcome of the order")
    if leg.report is not None:
        told = (leg.report.client_order_id, leg.report.side, leg.report.quantity)
        if told != (intent.client_order_id, intent.side, intent.quantity):
            yield Mismatch(what=f"{what}.report", recorded=" ".join(map(str, told)), derived="the order that was sent")


def _of_missed(record: RunRecord, *, before: BotState | None) -> Iterator[Mismatch]:
    """Nobody was there: nothing was settled, decided or sent, so the books are those before."""
    for name in ("settled", "marks", "legs"):
        yield from compare(getattr(record, name), (), what=name)
    if before is not None:
        held = Decision(target=before.paper.exposure, reason=Reason.MISSED)
        yield from compare(record.decision, held, what="decision")
        yield from compare(record.state, before, what="state")


def _of_decision(record: RunRecord, inputs: Inputs) -> Iterator[Mismatch]:
    paper, decision, control = books_of(record).paper, record.decision, inputs.control
    if decision is None:
        return
    yield from compare(decision.target, paper.exposure, what="decision.target")
    yield from compare(inputs.price, paper.close, what="inputs.price")
    yield from compare(paper.open_time, record.key.open_time, what="state.paper.open_time")
    yield from compare(record.trigger and record.trigger.due_since, paper.due_since, what="trigger.due_since")
    yield from compare(record.trigger and record.trigger.due_to, paper.due_to, what="trigger.due_to")
    if inputs.trained is not None and inputs.trained.outcome is not TrainingOutcome.FAILED:
        yield from compare(inputs.trained.number, paper.training, what="inputs.trained.number")
    if control.sequence:
        yield from compare(control.sequence, paper.control_sequence, what="inputs.control.sequence")
    elif control.mode is not ControlMode.RUN:
        yield Mismatch(what="inputs.control.mode", recorded=control.mode, derived="run, as nobody had said anything")
    is_held = decision.reason in (Reason.FILLED_KLINE, Reason.MISSED)
    if not is_held and (control.mode is ControlMode.HALT) != (decision.reason is Reason.CONTROL_HALT):
        yield Mismatch(what="inputs.control.mode", recorded=control.mode, derived=f"decision {decision.reason}")


def _of_settlement(record: RunRecord, *, before: BotState) -> Iterator[Mismatch]:
    paper, was, settled = books_of(record).paper, before.paper, record.settled
    gross = sum((hour.gross for hour in settled), was.gross)
    net = sum((hour.net for hour in settled), was.net)
    yield from compare(paper.gross, gross, what="state.paper.gross")
    yield from compare(paper.net, net, what="state.paper.net")
    yield from compare(paper.klines, was.klines + len(settled), what="state.paper.klines")
    yield from compare(paper.change, abs(paper.exposure - was.exposure), what="state.paper.change")
    hours = _hours(record, since=was.open_time)
    if len(hours) != len(settled):
        yield from compare(settled, hours, what="settled")
        return
    held = (replace(hour, open_time=at, exposure=was.exposure) for hour, at in zip(settled, hours, strict=True))
    yield from compare(settled, tuple(held), what="settled")


def _hours(record: RunRecord, *, since: datetime | None) -> tuple[datetime, ...]:
    """Return the klines that a run has to settle: from the one last decided on to the one before its own."""
    if since is None:
        return ()
    step = timedelta(milliseconds=interval_ms(record.key.interval))
    return tuple(since + number * step for number in range((record.key.open_time - since) // step))


def _of_execution(record: RunRecord, *, before: BotState) -> Iterator[Mismatch]:
    yield from _of_target(record, before=before)
    resets = [None] if record.new_epoch is None else range(len(record.legs) + 2)
    try:
        outcomes = [list(compare(record.state, _after(record, before, reset=reset), what="state")) for reset in resets]
    except (BadData, BadConfig) as error:
        yield Mismatch(what="legs", recorded=str(error), derived="orders that can be booked")
        return
    yield from min(outcomes, key=len)
    if record.new_epoch is not None and books_of(record).epoch <= before.epoch:
        yield Mismatch(what="state.epoch", recorded=books_of(record).epoch, derived=f"later than {before.epoch}")
    if books_of(record).allocation is None:
        yield Mismatch(what="state.allocation", recorded=None, derived="an allocation, as a decision was made")


def _of_target(record: RunRecord, *, before: BotState) -> Iterator[Mismatch]:
    state = books_of(record)
    paper, target = state.paper, state.execution.target
    if paper.change == 0 or record.notional is None:
        yield from compare(target, before.execution.target, what="state.execution.target")
        return
    size = abs(as_decimal(paper.exposure)) * record.notional / as_decimal(paper.close)
    is_right_way = target == 0 or (target > 0) == (paper.exposure > 0)
    if not is_right_way or abs(target) not in {floor_to_step(size, step) for step in _STEPS}:
        about = f"{'-' if paper.exposure < 0 else ''}{size:.8f} cut to the lot step"
        yield Mismatch(what="state.execution.target", recorded=target, derived=about)


def _after(record: RunRecord, before: BotState, *, reset: int | None) -> BotState:
    """Return the books after a run's orders, from those before it, with the recorded paper book and target.

    The epoch was renewed before the decision (`reset` 0), before the leg of that number (from 1), or not at all.
    """
    is_opened = reset is not None or before.allocation is None
    recorded = books_of(record)
    state = renewed(before, epoch=recorded.epoch) if reset == 0 else before
    execution = replace(state.execution, target=recorded.execution.target)
    state = replace(state, paper=recorded.paper, execution=execution)
    for number, leg in enumerate(record.legs, start=1):
        state = renewed(state, epoch=recorded.epoch) if reset == number else state
        if leg.report is not None:
            book = apply_report(state.execution, leg.report, rules=_rules_of(record))
            last = leg.intent if leg.report.executed else state.last_filled
            state = replace(state, execution=book, last_filled=last)
    state = renewed(state, epoch=recorded.epoch) if reset == len(record.legs) + 1 else state
    if is_opened:
        return replace(state, allocation=recorded.allocation, opening=recorded.opening)
    opening = {asset: recorded.opening.get(asset, amount) for asset, amount in state.opening.items()}
    return replace(state, allocation=_rebased(record, state, opening=opening), opening=opening)


def _rebased(record: RunRecord, state: BotState, *, opening: Mapping[str, Decimal]) -> Allocation | None:
    """Return the recorded allocation as far as it may differ from that in `state`.

    Where the account was taken as it is, the symbol has got its share, at most all, of what came or went.
    """
    was, now = state.allocation, books_of(record).allocation
    if was is None or now is None or opening == state.opening:
        return was
    rules = _rules_of(record)
    base, quote = (opening[asset] - state.opening[asset] for asset in (rules.base_asset, rules.quote_asset))
    return Allocation(
        base=now.base if _is_share(now.base - was.base, of=base) else was.base,
        quote=now.quote if _is_share(now.quote - was.quote, of=quote) else was.quote,
    )


def _is_share(change: Decimal, *, of: Decimal) -> bool:
    return min(of, ZERO) <= change <= max(of, ZERO)


def _rules_of(record: RunRecord) -> SymbolRules:
    """Return rules that name the symbol's assets; the filters in them are nobody's.

    The account's opening names both. Raises BadConfig when it does not and the symbol's name is not enough.
    """
    symbol, assets = record.key.symbol, books_of(record).opening
    pairs = [(base, quote) for base in assets for quote in assets if base + quote == symbol]
    if not pairs:
        return usual_rules(symbol)
    base, quote = pairs[0]
    return replace(usual_rules("BTCUSDT"), symbol=symbol, base_asset=base, quote_asset=quote)
