"""Rows of a ledger in which nothing is worth telling, until a test changes one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from trader.store.ledger_rows import COLUMNS

FIRST = datetime(2026, 11, 20, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(hour: int = 0, **changes: Any) -> dict[str, Any]:
    """The row of an uneventful run, some hours after the first."""
    unknown = set(changes) - set(COLUMNS.names)
    assert not unknown, f"the ledger has no column {unknown}"
    quiet = {
        "open_time": FIRST + hour * HOUR,
        "origin": "live",
        "outcome": "decided",
        "reason": "inside-band",
        "missed": 0,
        "halted": False,
        "control": "run",
        "off_target": False,
        "epoch": 1,
        "exposure": 0.0,
        "paper_net": 0.0,
        "p_up": 0.5,
        "close": 60000.0,
        "not_sent": "on-target",
    }
    return dict.fromkeys(COLUMNS.names) | quiet | changes
