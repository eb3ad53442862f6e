"""One run: one bot, one symbol, one closed kline. Read `run` from top to bottom.

Only the commit counts. Killed before it, the next process continues where this one stopped; nothing after it can fail
the run.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.decision import Decision, Reason
from trader.core.errors import BadConfig, Conflict, TraderError
from trader.core.journal import RunRecord, Status
from trader.core.klines import close_of, last_closed
from trader.jobs.bot import Bot, Desk, states
from trader.jobs.claim import InProgress, claim, give_back, take_over
from trader.jobs.decide import decide
from trader.jobs.execute import execute
from trader.jobs.refresh import refresh
from trader.jobs.stopwatch import Stopwatch
from trader.store.control import check_stamp, claim_store
from trader.store.journal import Position, StoredRecord

log = logging.getLogger(__name__)


class HourPassed(BadConfig):
    """A later hour than the one that was asked for has been decided already."""


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    ALREADY_DONE = "already-done"
    IN_PROGRESS = "in-progress"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did: the record it completed, or the one that was complete already."""

    outcome: Outcome
    record: RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRun:
    """One symbol's part of a command: its outcome, the record if there is one, and the error if it failed."""

    symbol: str
    outcome: Outcome
    record: RunRecord | None = None
    error: TraderError | None = None


def run_symbols(bot: Bot) -> list[SymbolRun]:
    """Do the run of every symbol, one after the other; a failing one does not keep the others from theirs.

    Raises BadConfig when the store belongs to another bot or mode, or when it is new and a symbol is unknown.
    """
    if not check_stamp(bot.storage, mine=bot.stamp):
        for symbol in bot.symbols:  # a misspelt symbol must not be what a new store begins with
            bot.market.rules(symbol)
        claim_store(bot.storage, mine=bot.stamp)
    answers = [_run_symbol(Desk(bot=bot, symbol=symbol)) for symbol in bot.symbols]
    for symbol, position in left_behind(bot):
        log.warning(
            "%s is not traded any more, but %s of it are held; add it to bot.symbols or sell them", symbol, position
        )
    return answers


def left_behind(bot: Bot) -> list[tuple[str, Decimal]]:
    """Return the symbols that this bot once traded, is not told to trade now, and still holds a position of."""
    kept = states(bot, without=bot.symbols)
    return [(symbol, state.execution.position) for symbol, state in kept.items() if state.execution.target != 0]


def _run_symbol(desk: Desk) -> SymbolRun:
    try:
        result = run(desk)
    except (InProgress, Conflict) as error:  # somebody else has written the record that was ours: it is theirs now
        log.warning("%s: left to another process: %s", desk.symbol, error)
        return SymbolRun(symbol=desk.symbol, outcome=Outcome.IN_PROGRESS)
    except TraderError as error:
        return SymbolRun(symbol=desk.symbol, outcome=Outcome.FAILED, error=error)
    return SymbolRun(symbol=desk.symbol, outcome=result.outcome, record=result.record)


def run(desk: Desk) -> RunResult:
    """Do the run of the newest closed kline, or find it done.

    The store has to be claimed before (`store/control.claim_store`). Raises Retryable when the world is not ready
    (InProgress: another process is at it), BadConfig and BadData when a person has to look; in each case the record is
    given back and the same command may be tried again.
    """
    bot = desk.bot
    watch = Stopwatch(bot.host)
    open_time = last_closed(bot.clock.now(), bot.interval)
    position = desk.journal.latest(before=open_time)
    if position.open_time is not None and position.open_time > open_time:
        raise HourPassed(
            f"{desk.symbol}: the kline of {open_time:%Y-%m-%d %H:%M} UTC is before the newest run"
            f" ({position.open_time:%Y-%m-%d %H:%M} UTC); hours are not decided after the fact. Use `trader replay`"
        )
    if position.open_time is None:
        bot.market.rules(desk.symbol)  # raises for a symbol that is not one, before anything of it is stored
    stored = take_over(desk, open_time) if position.open_time == open_time else claim(desk, open_time)
    if stored.record.status is Status.COMPLETED:
        if position.open_time != open_time:  # its process was killed before it could write the copies
            _after(desk, stored.record, previous=position.open_time)
        return RunResult(outcome=Outcome.ALREADY_DONE, record=stored.record)
    watch.lap("claim")
    try:
        position = _recover(desk, position)
        watch.lap("recover")
        result = _decide_and_trade(desk, stored, position=position, watch=watch)
    except BaseException:  # also a bug or Ctrl-C: the next process need not wait for the lease
        give_back(desk, open_time)
        raise
    _after(desk, result.record, previous=position.open_time)
    return result


def _decide_and_trade(desk: Desk, stored: StoredRecord, *, position: Position, watch: Stopwatch) -> RunResult:
    record = stored.record
    if record.status is Status.CLAIMED:
        window = refresh(desk.bot, desk.symbol, open_time=record.key.open_time, since=position.state.paper.open_time)
        watch.lap("refresh")
        record = decide(desk, record, window=window, state=position.state)
        watch.lap("decide")
    stored, record = execute(desk, stored, record, may_send=_may_send(desk, record))
    watch.lap("execute")
    return RunResult(outcome=Outcome.DONE, record=_commit(desk, stored, record, watch))


def _commit(desk: Desk, stored: StoredRecord, record: RunRecord, watch: Stopwatch) -> RunRecord:
    """Complete the record by compare-and-swap: the only commit."""
    watch.lap("commit")
    record = replace(
        record, status=Status.COMPLETED, completed_at=desk.bot.clock.now(), timings=watch.seconds(record.timings)
    )
    return desk.journal.replace(stored, record).record


def _recover(desk: Desk, position: Position) -> Position:
    """Finish the runs that a killed process left behind: learn what became of their orders, send nothing new."""
    for left in position.unfinished:
        stored = take_over(desk, left.record.key.open_time)
        record = stored.record
        if record.status is Status.CLAIMED:
            missed = Decision(target=position.state.paper.exposure, reason=Reason.MISSED)
            bot = desk.bot
            record = replace(record, rules=bot.rules, notional=bot.notional, state=position.state, decision=missed)
        if record.status is not Status.COMPLETED:
            stored, record = execute(desk, stored, record, may_send=False)
            record = _commit(desk, stored, record, Stopwatch(desk.bot.host))
            _after(desk, record, previous=position.open_time)
        if record.state is not None:
            position = Position(open_time=record.key.open_time, state=record.state)
    return position


def _may_send(desk: Desk, record: RunRecord) -> bool:
    """Tell whether this hour may still trade: it is not late, and its kline is real."""
    bot = desk.bot
    if record.decision is None or record.decision.reason in (Reason.MISSED, Reason.FILLED_KLINE):
        return False
    return bot.clock.now() <= close_of(record.key.open_time, bot.interval) + bot.max_lateness


def _after(desk: Desk, record: RunRecord, *, previous: datetime | None) -> None:
    """Bring the copies up to date; none of this can fail the run.

    The state comes last: as long as it is behind, the next process does this again.
    """
    copies: dict[str, Callable[[], None]] = {
        "ledger": lambda: desk.ledger.append(record, previous=previous),
        "state": lambda: desk.journal.save_state(record),
    }
    for name, write in copies.items():
        try:
            write()
        except TraderError as error:
            log.warning("%s is committed, but the %s could not be written: %s", record.key, name, error)
