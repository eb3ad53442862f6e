"""Catching up: a bot that has no model yet gets the klines that its trainings want, before its first run.

Years come faster, and checked, from the archive than from the market, and a raw copy stays in the store. What the
archive cannot give now, the run asks the market for; so nothing of an archive keeps a bot from its hour. One that is
set wrongly is told at the very start; but later a symbol that is new keeps no other from its run.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from trader.core.errors import BadConfig, BadData, Rejected, Retryable
from trader.core.klines import interval_ms, last_closed
from trader.jobs.bot import Bot, Desk
from trader.ports import KlineArchive, Progress
from trader.store.months import month_of

if TYPE_CHECKING:
    from trader.jobs.ingest import IngestReport

log = logging.getLogger(__name__)


def catch_up(
    bot: Bot,
    *,
    open_archive: Callable[[], KlineArchive],
    klines: Callable[[], int],
    progress: Progress,
    tell: "Callable[[IngestReport], None]",
) -> None:
    """Bring as many of the newest klines as `klines` says of each symbol without a model from the archive to the store.

    It asks the store for the champions and does nothing else where there are some. Raises BadConfig or Rejected for an
    archive that is set wrongly, or refuses, if no symbol has a model yet; else that is a warning, as is one that has
    nothing good, or does not answer: that one is not asked for the next symbol either.
    """
    wanting = [symbol for symbol in bot.symbols if _has_no_model(Desk(bot=bot, symbol=symbol))]
    if not wanting:
        return
    from trader.jobs.ingest import ingest  # noqa: PLC0415 - who has a model does not wait for it

    is_new = len(wanting) == len(bot.symbols)
    for symbol in wanting:
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
        except (BadConfig, BadData, Rejected, Retryable) as error:
            if is_new and isinstance(error, BadConfig | Rejected):
                raise
            log.warning("%s: the market has to do, because the archive did not: %s", symbol, error)
            if isinstance(error, Retryable):
                return
            continue
        tell(report)


def _has_no_model(desk: Desk) -> bool:
    """Say whether a symbol wants klines; one whose models cannot be read does not, and its own run says why."""
    try:
        return desk.models.champion() is None
    except BadData:
        return False
