"""Klines for a training: the newest closed ones from storage and market, or stored ones up to some time in the past."""

import logging
from datetime import datetime, timedelta

from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.klines import Klines, interval_ms, last_closed
from trader.jobs.bot import Desk
from trader.jobs.refresh import history

log = logging.getLogger(__name__)


def newest_klines(desk: Desk, *, count: int) -> Klines:
    """Return up to `count` klines that end with the newest closed one, fetching what storage does not have."""
    bot = desk.bot
    return history(bot, desk.symbol, last=last_closed(bot.clock.now(), bot.interval), count=count)


def stored_klines(desk: Desk, *, end: datetime | None, count: int) -> Klines:
    """Return up to `count` stored klines that end before `end`, or with the newest stored one.

    Where fewer are stored and no end is given, the market is asked; if it has none to give, or does not answer, what is
    stored has to do. Raises BadData when there are none at all.
    """
    bot = desk.bot
    step = timedelta(milliseconds=interval_ms(bot.interval))
    last = _last_stored(desk) if end is None else last_closed(end, bot.interval)
    klines = bot.klines.load(desk.symbol, bot.interval, start=last - (count - 1) * step, end=last + step)
    if len(klines) < count and end is None:
        try:
            return newest_klines(desk, count=count)
        except (BadConfig, Retryable) as error:  # BadConfig: the market of this mode does not have the symbol
            log.warning("%s: trained on the %d klines that are stored: %s", desk.symbol, len(klines), error)
    if not len(klines):
        raise _nothing_stored(desk)
    return klines


def _last_stored(desk: Desk) -> datetime:
    months = desk.bot.klines.months(desk.symbol, desk.bot.interval)
    part = desk.bot.klines.read(desk.symbol, desk.bot.interval, months[-1]) if months else None
    if part is None or not len(part.klines):
        raise _nothing_stored(desk)
    return part.klines.last


def _nothing_stored(desk: Desk) -> BadData:
    return BadData(
        f"{desk.symbol} {desk.bot.interval}: no klines are stored before that time; run `trader ingest --symbol"
        f" {desk.symbol} --start YYYY-MM --end YYYY-MM`"
    )
