"""One run: one bot, one symbol, one closed kline. Read `begin` and `finish` from top to bottom.

Between the two the account is looked at, once for all symbols of a process. Only the commit counts. Killed before it,
the next process continues where this one stopped; nothing after it can fail the run.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trader.core.errors import BadConfig, Retryable
from trader.core.journal import BotState, RunKey, RunRecord, Status
from trader.core.klines import Klines, interval_ms, last_closed
from trader.jobs.account import Account, look_at_account, take_part
from trader.jobs.bot import Desk
from trader.jobs.claim import InProgress, claim, give_back
from trader.jobs.copies import bring_up_to_date
from trader.jobs.decide import decide
from trader.jobs.execute import execute, settle_open
from trader.jobs.recover import commit, fill_gap, recover
from trader.jobs.refresh import Window, refresh
from trader.jobs.run_context import run_context
from trader.jobs.stopwatch import Stopwatch
from trader.store.journal import Position, StoredRecord


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
class Begun:
    """A run that is ours: its record, with the outcome of every order that was sent before, and where it goes on from.

    `position` is the newest completed run, `state` what the run begins with, or has come to if it was decided by an
    earlier process.
    """

    desk: Desk
    stored: StoredRecord
    record: RunRecord
    position: Position
    state: BotState
    watch: Stopwatch


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
        give_back(desk, begun.record.key.open_time)
        raise
    return finish(begun, account=account)


def begin(desk: Desk, *, gone: set[str]) -> Begun | RunResult:
    """Claim the run, and learn the outcome of everything that was left unfinished; nothing is sent yet.

    `gone` are owners whose lease has run out once: what else they left behind is taken over at once.
    """
    bot = desk.bot
    watch = Stopwatch(bot.host)
    open_time = last_closed(bot.clock.now(), bot.interval)
    with run_context(RunKey(bot_id=bot.bot_id, symbol=desk.symbol, interval=bot.interval, open_time=open_time)):
        return _begin(desk, open_time, gone=gone, watch=watch)


def _begin(desk: Desk, open_time: datetime, *, gone: set[str], watch: Stopwatch) -> Begun | RunResult:
    stored = claim(desk, open_time, gone=gone)
    try:
        position = desk.journal.latest(before=open_time)  # after the claim: who fills a gap looks the other way round
        _check_turn(desk, stored, position=position)
        if stored.record.status is Status.COMPLETED:
            if position.open_time != open_time:  # its process was killed before it could write the copies
                bring_up_to_date(desk, stored.record, previous=position.open_time)
            return RunResult(outcome=Outcome.ALREADY_DONE, record=stored.record)
        watch.lap("claim")
        position = recover(desk, position, gone=gone)
        record = settle_open(desk, stored.record)
    except BaseException:  # also a bug or Ctrl-C: the next process need not wait for the lease
        give_back(desk, open_time)
        raise
    watch.lap("recover")
    state = position.state if record.state is None else record.state
    return Begun(desk=desk, stored=stored, record=record, position=position, state=state, watch=watch)


def _check_turn(desk: Desk, stored: StoredRecord, *, position: Position) -> None:
    """Withdraw the claim of an hour that may not be run: a later one was, or its symbol is not one.

    Raises HourPassed, InProgress when this process has slept through it, or BadConfig.
    """
    open_time, is_ours = stored.record.key.open_time, stored.record.status is Status.CLAIMED
    if position.open_time is not None and position.open_time > open_time:
        if is_ours:
            desk.journal.withdraw(stored)
        newest = f"{position.open_time:%Y-%m-%d %H:%M} UTC"
        if last_closed(desk.bot.clock.now(), desk.bot.interval) > open_time:
            raise InProgress(f"{stored.record.key}: this process was away; the newest run is that of {newest}")
        raise HourPassed(
            f"{desk.symbol}: the kline of {open_time:%Y-%m-%d %H:%M} UTC is before the newest run ({newest}); hours are"
            " not decided after the fact. Use `trader replay`"
        )
    if position.open_time is None and is_ours:
        try:
            desk.bot.market.rules(desk.symbol)
        except BadConfig:  # it is not a symbol, and nothing of it must stay
            desk.journal.withdraw(stored)
            raise


def finish(begun: Begun, *, account: Account) -> RunResult:
    """Decide, trade and commit a run that was begun."""
    desk = begun.desk
    with run_context(begun.record.key):
        try:
            record, previous, fresh = _decide_and_trade(begun, account=account)
        except BaseException:
            give_back(desk, begun.record.key.open_time)
            raise
        bring_up_to_date(desk, record, previous=previous, fresh=fresh)
        return RunResult(outcome=Outcome.DONE, record=record)


def _decide_and_trade(begun: Begun, *, account: Account) -> tuple[RunRecord, datetime | None, Klines | None]:
    """Return the completed record, the kline of the run before it, and the klines that are not stored yet."""
    desk, stored, record, watch = begun.desk, begun.stored, begun.record, begun.watch
    state = take_part(desk, begun.state, account)
    if state.epoch != begun.state.epoch:
        record = replace(record, new_epoch=account.new_epoch or f"epoch {state.epoch} has begun in another symbol")
    position, fresh = begun.position, None
    if record.status is Status.CLAIMED:
        window = refresh(desk.bot, desk.symbol, open_time=record.key.open_time, since=state.paper.open_time)
        fresh = window.fresh
        watch.lap("refresh")
        position = _close_gap(begun, window)
        record = decide(desk, record, window=window, state=state, control=account.control)
        watch.lap("decide")
    else:
        record = replace(record, state=state)
    stored, record = execute(desk, stored, record, account=account)
    watch.lap("execute")
    return commit(desk, stored, record, watch), position.open_time, fresh


def _close_gap(begun: Begun, window: Window) -> Position:
    """Return the position after the record of an absence, if there was one.

    Raises Retryable when the market shows no kline of this hour: a time that is wrong must not close hours to come.
    """
    desk, open_time = begun.desk, begun.record.key.open_time
    step = timedelta(milliseconds=interval_ms(desk.bot.interval))
    newest = begun.position.open_time
    is_seen = len(window.klines) and window.klines.last == open_time and not window.klines.filled[-1]
    if newest is not None and newest + step < open_time and not is_seen:
        raise Retryable(
            f"{desk.symbol}: the newest run is that of {newest:%Y-%m-%d %H:%M} UTC, and the market shows no kline of"
            f" {open_time:%Y-%m-%d %H:%M} UTC; nothing is concluded about the time between before it does"
        )
    return fill_gap(desk, begun.position, until=open_time)
