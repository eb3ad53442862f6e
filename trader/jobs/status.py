"""Status: where one symbol stands, read from the store alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.core.journal import RunRecord
from trader.core.klines import close_of, interval_ms
from trader.core.risk import Control
from trader.jobs.bot import Desk
from trader.store.control import read_control


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The newest completed run, when the next kline closes, and what the operator last said."""

    symbol: str
    mode: str
    store: str
    record: RunRecord | None
    next_close: datetime | None
    champion: str | None
    control: Control


def status(desk: Desk) -> Status:
    """Return where a symbol stands. Raises BadConfig when the store belongs to another bot."""
    bot = desk.bot
    newest = desk.journal.newest()
    stored = desk.journal.read(newest) if newest else None
    champion = desk.models.champion()
    step = timedelta(milliseconds=interval_ms(bot.interval))
    return Status(
        symbol=desk.symbol,
        mode=bot.mode,
        store=bot.storage.locate("journal"),
        record=stored.record if stored else None,
        next_close=close_of(newest + step, bot.interval) if newest else None,
        champion=champion.model_id if champion else None,
        control=read_control(bot.storage),
    )
