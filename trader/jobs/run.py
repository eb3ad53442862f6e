"""One run: one bot, one symbol, one closed kline. Read `begin` and `finish` from top to bottom.

Between the two the account is looked at, once for all symbols of a process. Only the commit counts. Killed before it,
the next process continues where this one stopped; nothing after it can fail the run.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.errors import BadConfig, Conflict, TraderError
from trader.core.journal import BotState, RunRecord, Status
from trader.core.klines import Klines, last_closed
from trader.jobs.account import Account, look_at_account, take_part
from trader.jobs.bot import Bot, Desk, states
from trader.jobs.claim import InProgress, claim, give_back, take_over
from trader.jobs.copies import bring_up_to_date
from trader.jobs.decide import decide
from trader.jobs.execute import execute, settle_open
from trader.jobs.recover import commit, recover
from trader.jobs.refresh import refresh
from trader.jobs.stopwatch import Stopwatch
from trader.store.control import check_stamp, claim_store
from trader.store.journal import StoredRecord

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that is ours: its record, with the outcome of every order that was sent before, and where it goes on from.

    `state` is what the run begins with, or has come to if it was decided by an earlier process.
    """

    desk: Desk
    stored: StoredRecord
    record: RunRecord
    previous: datetime | None
    state: BotState
    watch: Stopwatch


def run_symbols(bot: Bot) -> list[SymbolRun]:
    """Do the run of every symbol; a failing one does not keep the others from theirs.

    Whoever claims the first symbol claims them all: a process that finds one in progress leaves the rest alone, too.
    Raises BadConfig when the store belongs to another bot or mode, or when it is new and a symbol is unknown.
    """
    if not check_stamp(bot.storage, mine=bot.stamp):
        for symbol in bot.symbols:  # a misspelt symbol must not be what a new store begins with
            bot.market.rules(symbol)
        claim_store(bot.storage, mine=bot.stamp)
    begun: dict[str, Begun] = {}
    answers: dict[str, SymbolRun] = {}
    gone: set[str] = set()
    for symbol in bot.symbols:
        answer = _begin_symbol(Desk(bot=bot, symbol=symbol), gone=gone)
        if isinstance(answer, Begun):
            begun[symbol] = answer
        else:
            answers[symbol] = answer
            if answer.outcome is Outcome.IN_PROGRESS:
                break
    answers |= _finish_symbols(bot, begun)
    for symbol, position in left_behind(bot):
        log.warning(
            "%s is not traded any more, but %s of it are held; add it to bot.symbols or sell them", symbol, position
        )
    return [answers.get(symbol, SymbolRun(symbol=symbol, outcome=Outcome.IN_PROGRESS)) for symbol in bot.symbols]


def left_behind(bot: Bot) -> list[tuple[str, Decimal]]:
    """Return the symbols that this bot once traded, is not told to trade now, and still holds a position of."""
    kept = states(bot, without=bot.symbols)
    return [(symbol, state.execution.position) for symbol, state in kept.items() if state.execution.target != 0]


def _begin_symbol(desk: Desk, *, gone: set[str]) -> Begun | SymbolRun:
    try:
        answer = begin(desk, gone=gone)
    except TraderError as error:
        return _failed(desk.symbol, error)
    return answer if isinstance(answer, Begun) else _answer(desk.symbol, answer)


def _finish_symbols(bot: Bot, begun: dict[str, Begun]) -> dict[str, SymbolRun]:
    answers: dict[str, SymbolRun] = {}
    if not begun:
        return answers
    try:
        account = look_at_account(bot, {symbol: each.state for symbol, each in begun.items()})
        for symbol, each in begun.items():
            answers[symbol] = _finish_symbol(each, account=account)
    except TraderError as error:
        answers = {symbol: _failed(symbol, error) for symbol in begun}
        _give_back(begun.values())
    except BaseException:
        _give_back(begun.values())
        raise
    return answers


def _finish_symbol(begun: Begun, *, account: Account) -> SymbolRun:
    symbol = begun.desk.symbol
    try:
        return _answer(symbol, finish(begun, account=account))
    except TraderError as error:
        return _failed(symbol, error)


def _give_back(begun: Iterable[Begun]) -> None:
    for each in begun:
        give_back(each.desk, each.record.key.open_time)


def _answer(symbol: str, result: RunResult) -> SymbolRun:
    return SymbolRun(symbol=symbol, outcome=result.outcome, record=result.record)


def _failed(symbol: str, error: TraderError) -> SymbolRun:
    if isinstance(error, InProgress | Conflict):  # somebody else has written the record that was ours: it is theirs now
        log.warning("%s: left to another process: %s", symbol, error)
        return SymbolRun(symbol=symbol, outcome=Outcome.IN_PROGRESS)
    return SymbolRun(symbol=symbol, outcome=Outcome.FAILED, error=error)


def run(desk: Desk) -> RunResult:
    """Do the run of the newest closed kline of one symbol, or find it done.

    The store has to be claimed before (`store/control.claim_store`). Raises Retryable when the world is not ready
    (InProgress: another process is at it), BadConfig and BadData when a person has to look; in each case the record is
    given back and the same command may be tried again.
    """
    begun = begin(desk, gone=set())
    if isinstance(begun, RunResult):
        return begun
    try:
        account = look_at_account(desk.bot, {desk.symbol: begun.state})
    except BaseException:
        _give_back([begun])
        raise
    return finish(begun, account=account)


def begin(desk: Desk, *, gone: set[str]) -> Begun | RunResult:
    """Claim the run, and learn the outcome of everything that was left unfinished; nothing is sent yet.

    `gone` are owners whose lease has run out once: what else they left behind is taken over at once.
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
    is_done = position.open_time == open_time
    stored = take_over(desk, open_time, gone=gone) if is_done else claim(desk, open_time, gone=gone)
    if stored.record.status is Status.COMPLETED:
        if not is_done:  # its process was killed before it could write the copies
            bring_up_to_date(desk, stored.record, previous=position.open_time)
        return RunResult(outcome=Outcome.ALREADY_DONE, record=stored.record)
    watch.lap("claim")
    try:
        position = recover(desk, position, until=open_time, gone=gone)
        record = settle_open(desk, stored.record)
    except BaseException:  # also a bug or Ctrl-C: the next process need not wait for the lease
        give_back(desk, open_time)
        raise
    watch.lap("recover")
    state = position.state if record.state is None else record.state
    return Begun(desk=desk, stored=stored, record=record, previous=position.open_time, state=state, watch=watch)


def finish(begun: Begun, *, account: Account) -> RunResult:
    """Decide, trade and commit a run that was begun."""
    desk = begun.desk
    try:
        record, fresh = _decide_and_trade(begun, account=account)
    except BaseException:
        _give_back([begun])
        raise
    bring_up_to_date(desk, record, previous=begun.previous, fresh=fresh)
    return RunResult(outcome=Outcome.DONE, record=record)


def _decide_and_trade(begun: Begun, *, account: Account) -> tuple[RunRecord, Klines | None]:
    desk, stored, record, watch = begun.desk, begun.stored, begun.record, begun.watch
    state = take_part(desk, begun.state, account)
    if state.epoch != begun.state.epoch:
        record = replace(record, new_epoch=account.new_epoch or f"epoch {state.epoch} has begun in another symbol")
    fresh = None
    if record.status is Status.CLAIMED:
        window = refresh(desk.bot, desk.symbol, open_time=record.key.open_time, since=state.paper.open_time)
        fresh = window.fresh
        watch.lap("refresh")
        record = decide(desk, record, window=window, state=state)
        watch.lap("decide")
    else:
        record = replace(record, state=state)
    stored, record = execute(desk, stored, record, account=account)
    watch.lap("execute")
    return commit(desk, stored, record, watch), fresh
