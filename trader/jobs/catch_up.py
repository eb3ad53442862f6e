"""Catching up: a bot that has no model yet gets the klines that its trainings want, before its first run.

Years come faster, and checked, from the archive than from the market, and a raw copy stays in the store. What the
archive cannot give now, the run asks the market for; so nothing of an archive keeps a bot from its hour.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from trader.core.errors import BadData, Retryable
from trader.core.klines import interval_ms, last_closed
from trader.jobs.bot import Bot, Desk
from trader.jobs.ingest import IngestReport, ingest
from trader.ports import KlineArchive, Progress
from trader.store.months import month_of

log = logging.getLogger(__name__)


def catch_up(
    bot: Bot,
    *,
    open_archive: Callable[[], KlineArchive],
    klines: Callable[[], int],
    progress: Progress,
    tell: Callable[[IngestReport], None],
) -> None:
    """Bring as many of the newest klines as `klines` says of each symbol without a model from the archive to the store.

    It asks the store for the champions and does nothing else where there are some. Raises BadConfig for an archive that
    is set wrongly; one that does not answer, or has nothing good, is a warning.
    """
    for symbol in bot.symbols:
        if Desk(bot=bot, symbol=symbol).models.champion() is not None:
            continue
        now = bot.clock.now()
        last = last_closed(now, bot.interval)
        first = last - klines() * timedelta(milliseconds=interval_ms(bot.interval))
        try:
            report = ingest(
                storage=bot.storage,
                archive=open_archive(),
                progress=progress,
                symbol=symbol,
                interval=bot.interval,
                first=month_of(first),
                last=month_of(last),
                now=now,
            )
        except (BadData, Retryable) as error:
            log.warning("%s: the market has to do, because the archive did not: %s", symbol, error)
            continue
        tell(report)
