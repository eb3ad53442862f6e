"""Klines for a run: what storage has, topped up from the market, without the forming kline."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.core.errors import Retryable
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, close_of, extend, interval_ms
from trader.jobs.bot import Bot

_POLL = 2.0
_SECOND_LOOK = 24
"""Klines: a gap this recent is asked for again, because an exchange may publish an hour late."""

_HEAD_ROOM = 100
"""Klines asked for beyond the oldest one needed: that may have been filled, from a close that lies further back. The
longest gap in Binance's own history is 33 hours."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The klines up to and including the run's own, gap-filled. `is_late`: too late to decide on the last one."""

    klines: Klines
    is_late: bool


def refresh(bot: Bot, symbol: str, *, open_time: datetime, since: datetime | None) -> Window:
    """Return at least a warm-up of klines and all from `since` on, and store what was new.

    Waits, at most `bot.wait`, for a kline that the market has not published yet. Raises Retryable when it is still
    missing and there is time for another try; after `max_lateness` the hour counts as one that was never published.
    """
    step = timedelta(milliseconds=interval_ms(bot.interval))
    count = WARM_UP if since is None else max(WARM_UP, (open_time - since) // step + 1)
    stored = bot.klines.window(symbol, bot.interval, last=open_time, count=count)
    fresh = _fetch(bot, symbol, start=_resume_at(stored, open_time=open_time, step=step, count=count), last=open_time)
    bot.klines.append(symbol, fresh)
    window = extend(stored, fresh, until=open_time)[-count:]
    return Window(klines=window, is_late=_is_late(bot, open_time))


def history(bot: Bot, symbol: str, *, last: datetime, count: int) -> Klines:
    """Return up to `count` klines that end with `last`, fetching and storing what storage does not have."""
    step = timedelta(milliseconds=interval_ms(bot.interval))
    stored = bot.klines.window(symbol, bot.interval, last=last, count=count)
    if len(stored) < count:
        end = stored.first if len(stored) else last + step
        older = bot.market.klines(symbol, bot.interval, start=last - (count + _HEAD_ROOM) * step, end=end)
        bot.klines.append(symbol, older)
        stored = extend(stored, older)
    if len(stored) and stored.last < last:
        newer = bot.market.klines(symbol, bot.interval, start=stored.last + step, end=last + step)
        bot.klines.append(symbol, newer)
        stored = extend(stored, newer)
    return stored[-count:]


def _resume_at(stored: Klines, *, open_time: datetime, step: timedelta, count: int) -> datetime:
    """Return the first kline to ask the market for."""
    oldest = open_time - (count - 1) * step
    if len(stored) < count and (not len(stored) or stored.first > oldest):
        return oldest - _HEAD_ROOM * step
    recent = stored.between(open_time - _SECOND_LOOK * step, open_time)
    missing = recent[recent.filled]
    return missing.first if len(missing) else stored.last + step


def _fetch(bot: Bot, symbol: str, *, start: datetime, last: datetime) -> Klines:
    """Ask the market until it has the last closed kline, for as long as this run may wait."""
    step = timedelta(milliseconds=interval_ms(bot.interval))
    deadline = bot.clock.now() + bot.wait
    while True:
        fresh = bot.market.klines(symbol, bot.interval, start=start, end=last + step)
        if start > last or (len(fresh) and fresh.last >= last) or _is_late(bot, last):
            return fresh
        if bot.clock.now() >= deadline:
            raise Retryable(
                f"{symbol}: the market has not published the kline of {last:%Y-%m-%d %H:%M} UTC yet; the next"
                " scheduled run tries again"
            )
        bot.clock.sleep(_POLL)


def _is_late(bot: Bot, open_time: datetime) -> bool:
    return bot.clock.now() > close_of(open_time, bot.interval) + bot.max_lateness
