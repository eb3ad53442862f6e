"""Klines for a run: what storage has, topped up from the market, without the forming kline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.core.errors import Retryable
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, close_of, extend, interval_ms
from trader.jobs.bot import Bot

_POLL = 2.0
_SECOND_LOOK = 24
"""Klines: a gap this recent is asked for again, because an exchange may publish an hour late."""

_REACH = (100, 1000, 10_000)
"""How far before the first kline that was found older ones are looked for, in klines, until one is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The klines up to and including the run's own, gap-filled, and those among them that are not stored yet.

    `is_late`: too late to decide on the last one.
    """

    klines: Klines
    fresh: Klines
    is_late: bool


def refresh(bot: Bot, symbol: str, *, open_time: datetime, since: datetime | None) -> Window:
    """Return at least a warm-up of klines and all from `since` on; storing what is new can wait for the commit.

    Waits, at most `bot.wait`, for a kline that the market has not published yet. Raises Retryable when it is still
    missing and there is time for another try; after `max_lateness` the hour counts as one that was never published.
    """
    step = timedelta(milliseconds=interval_ms(bot.interval))
    count = WARM_UP if since is None else max(WARM_UP, (open_time - since) // step + 1)
    stored = bot.klines.window(symbol, bot.interval, last=open_time, count=count)
    oldest = open_time - (count - 1) * step
    fresh = _fetch(bot, symbol, start=_resume_at(stored, open_time=open_time, oldest=oldest, step=step), last=open_time)
    window = _reach_back(bot, symbol, extend(stored, fresh, until=open_time), oldest=oldest, until=open_time)
    return Window(klines=window[-count:], fresh=fresh, is_late=_is_late(bot, open_time))


def history(bot: Bot, symbol: str, *, last: datetime, count: int) -> Klines:
    """Return up to `count` klines that end with `last`, fetching and storing what storage does not have."""
    step = timedelta(milliseconds=interval_ms(bot.interval))
    oldest = last - (count - 1) * step
    found = bot.klines.window(symbol, bot.interval, last=last, count=count)
    for start, end in _missing(found, oldest=oldest, last=last, step=step):
        part = bot.market.klines(symbol, bot.interval, start=start, end=end)
        bot.klines.append(symbol, part)
        found = extend(found, part)
    return _reach_back(bot, symbol, found, oldest=oldest, until=None)[-count:]


def _missing(
    found: Klines, *, oldest: datetime, last: datetime, step: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield what lies before and after the klines that were found, as ranges to ask the market for."""
    if not len(found):
        yield oldest, last + step
        return
    if found.first > oldest:
        yield oldest, found.first
    if found.last < last:
        yield found.last + step, last + step


def _reach_back(bot: Bot, symbol: str, window: Klines, *, oldest: datetime, until: datetime | None) -> Klines:
    """Return the window with its first rows filled, if it begins in a gap, from the close before that gap.

    A backtest over the full history has that close; without it the window would be short of a warm-up.
    """
    step = timedelta(milliseconds=interval_ms(bot.interval))
    for reach in _REACH:
        if len(window) and window.first <= oldest:
            break
        end = window.first if len(window) else oldest
        older = bot.market.klines(symbol, bot.interval, start=end - reach * step, end=end)
        bot.klines.append(symbol, older)
        window = extend(window, older, until=until)
    return window


def _resume_at(stored: Klines, *, open_time: datetime, oldest: datetime, step: timedelta) -> datetime:
    """Return the first kline to ask the market for."""
    if not len(stored) or stored.first > oldest:
        return oldest
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
