"""What earlier processes left behind: unfinished runs are finished, hours nobody was there for become one gap record.

A process that was frozen may wake up and claim an hour of the absence just then. It looks at the state after its claim,
and who writes the gap looks for claims after the state: at least one of them sees the other and gives way.

Nothing is sent here, and nothing is traded after the fact: the position was held, and what it returned is settled by
the next run that decides.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trader.core.decision import Decision, Reason
from trader.core.errors import Retryable
from trader.core.journal import BotState, RunRecord, Status
from trader.core.klines import interval_ms
from trader.jobs.bot import Desk
from trader.jobs.claim import take_over
from trader.jobs.copies import bring_up_to_date
from trader.jobs.execute import send_nothing, settle_open
from trader.jobs.stopwatch import Stopwatch
from trader.store.journal import Position, StoredRecord


def recover(desk: Desk, position: Position, *, gone: set[str]) -> Position:
    """Return the position after every unfinished run has its outcome; `gone` are owners known to be dead."""
    for left in position.unfinished:
        open_time = left.record.key.open_time
        position = fill_gap(desk, position, until=open_time)
        stored = take_over(desk, open_time, gone=gone)
        record = stored.record
        if record.status is not Status.COMPLETED:
            record = _finish(desk, stored, state=position.state)
            bring_up_to_date(desk, record, previous=position.open_time)
        if record.state is not None:
            position = Position(open_time=open_time, state=record.state)
    return position


def _finish(desk: Desk, stored: StoredRecord, *, state: BotState) -> RunRecord:
    """Complete a record that was claimed and not decided (missed), or decided and not committed."""
    record = stored.record
    if record.status is Status.CLAIMED:
        record = _missed(desk, record, state=state)
    else:
        record = send_nothing(settle_open(desk, record))
    return commit(desk, stored, record, Stopwatch(desk.bot.host))


def commit(desk: Desk, stored: StoredRecord, record: RunRecord, watch: Stopwatch) -> RunRecord:
    """Complete the record by compare-and-swap: the only commit."""
    watch.lap("commit")
    record = replace(
        record, status=Status.COMPLETED, completed_at=desk.bot.clock.now(), timings=watch.seconds(record.timings)
    )
    return desk.journal.replace(stored, record).record


def fill_gap(desk: Desk, position: Position, *, until: datetime) -> Position:
    """Return the position after a record for the klines between the newest run and `until`, if there are any.

    Raises Retryable when a process that was away has just claimed one of them.
    """
    step = timedelta(milliseconds=interval_ms(desk.bot.interval))
    if position.open_time is None or position.open_time + step >= until:
        return position
    bot, last, now = desk.bot, until - step, desk.bot.clock.now()
    claimed = RunRecord(
        key=desk.journal.key(last),
        mode=bot.mode,
        origin=bot.origin,
        status=Status.COMPLETED,
        owner=bot.owner,
        started_at=now,
        completed_at=now,
        versions=bot.versions,
        missed_from=position.open_time + step,
    )
    record = desk.journal.create(_missed(desk, claimed, state=position.state)).record
    desk.journal.save_state(record)
    if woken := desk.journal.open_times(after=position.open_time, before=last):
        desk.journal.take_back(record)
        raise Retryable(
            f"{desk.symbol}: {woken[0]:%Y-%m-%d %H:%M} UTC was taken for missed, and has just been claimed by a process"
            " that was away; the next scheduled run finishes it"
        )
    bring_up_to_date(desk, record, previous=position.open_time)
    return Position(open_time=last, state=position.state)


def _missed(desk: Desk, record: RunRecord, *, state: BotState) -> RunRecord:
    decision = Decision(target=state.paper.exposure, reason=Reason.MISSED)
    bot = desk.bot
    return send_nothing(replace(record, rules=bot.rules, notional=bot.notional, state=state, decision=decision))
