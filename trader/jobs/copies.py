"""What follows a commit: the copies of the journal are brought up to date. None of this can fail the run."""

import logging
from collections.abc import Callable
from datetime import datetime

from trader.core.errors import TraderError
from trader.core.journal import RunRecord
from trader.core.klines import Klines
from trader.jobs.bot import Desk

log = logging.getLogger(__name__)


def bring_up_to_date(desk: Desk, record: RunRecord, *, previous: datetime | None, fresh: Klines | None = None) -> None:
    """Write the new klines, the ledger's row and the state of a completed record.

    The state comes last: as long as it is behind, the next process does the rest again.
    """
    copies: dict[str, Callable[[], object]] = {
        "klines": lambda: desk.bot.klines.append(desk.symbol, fresh) if fresh is not None else None,
        "ledger": lambda: desk.ledger.append(record, previous=previous),
        "state": lambda: desk.journal.save_state(record),
    }
    for name, write in copies.items():
        try:
            write()
        except TraderError as error:
            log.warning("%s is committed, but the %s could not be written: %s", record.key, name, error)
