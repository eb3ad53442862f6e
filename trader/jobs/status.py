"""Status: where one symbol stands, read from the store alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.core.errors import BadData
from trader.core.journal import RunRecord
from trader.core.klines import close_of, interval_ms
from trader.core.risk import Control
from trader.jobs.bot import Desk
from trader.store.control import STAMP_KEY, read_control


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
    """Return where a symbol stands. Raises BadData when what is stored of it is damaged."""
    bot = desk.bot
    newest = desk.journal.newest()
    stored = desk.journal.read(newest) if newest else None
    if newest is not None and stored is None:
        raise BadData(
            f"the record of {desk.journal.key(newest)} is not in the journal any more; restore it from a backup"
        )
    champion = desk.models.champion()
    step = timedelta(milliseconds=interval_ms(bot.interval))
    return Status(
        symbol=desk.symbol,
        mode=bot.mode,
        store=bot.storage.locate(STAMP_KEY).removesuffix(f"/{STAMP_KEY}"),
        record=stored.record if stored else None,
        next_close=close_of(newest + step, bot.interval) if newest else None,
        champion=champion.model_id if champion else None,
        control=read_control(bot.storage),
    )
