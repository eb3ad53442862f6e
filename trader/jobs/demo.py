"""The demo: a replayed past on the synthetic market, once, and then one live hour each time it is asked for."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trader.core.errors import Conflict, Retryable
from trader.core.journal import Origin
from trader.core.klines import close_of, interval_ms
from trader.jobs.bot import Bot, Desk
from trader.jobs.claim import InProgress
from trader.jobs.replay import MovableClock, replay
from trader.jobs.run import HourPassed, RunResult, run
from trader.jobs.train import promote, train
from trader.ports import ObjectStorage, Progress
from trader.store.control import claim_store
from trader.store.klines import KlineStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo did: hours replayed just now (0 when the past was there already), and the live run."""

    replayed: int
    seconds: float
    live: RunResult


def demo(
    bot: Bot,
    *,
    clock: MovableClock,
    scratch: ObjectStorage,
    start: datetime,
    replay_days: int,
    progress: Progress,
) -> Demo:
    """Replay what is missing of the days before `start`, then do the next live hour.

    `scratch` is the bot's own storage without the wait for the disk: a replay that is cut off just goes on.
    """
    claim_store(bot.storage, mine=bot.stamp)
    desk = Desk(bot=bot, symbol=bot.symbols[0])
    step = timedelta(milliseconds=interval_ms(bot.interval))
    newest = desk.journal.newest()
    first = start - timedelta(days=replay_days) if newest is None else newest + step
    replayed, seconds = 0, 0.0
    if first < start:
        past = Desk(
            bot=replace(bot, origin=Origin.REPLAY, storage=scratch, klines=KlineStore(scratch)), symbol=desk.symbol
        )
        clock.move_to(close_of(first - step, bot.interval))
        if past.models.champion() is None:
            promote(past, train(past, last=first - step, why="before the replayed days").card, why="the first model")
        try:
            outcome = replay(past, clock=clock, start=first, end=start, progress=progress)
        except (HourPassed, InProgress, Conflict) as error:
            raise Retryable(f"another demo is at work in this store ({error}); try again when it is done") from error
        replayed, seconds = outcome.runs, outcome.seconds
    hour = max(start, first)
    clock.move_to(close_of(hour, bot.interval) + timedelta(seconds=5))
    return Demo(replayed=replayed, seconds=seconds, live=run(desk))
