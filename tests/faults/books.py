"""What must hold after any fault: one execution per intent, nothing forgotten, and a paper book that saw nothing."""

from collections import Counter
from datetime import datetime
from decimal import Decimal

from tests.builders import HOUR
from tests.desks import FIRST
from tests.faults.scenes import DONE, NOW, Scene
from trader.core.journal import RunRecord, Status


def check_books(scene: Scene, *, causes: dict[str, int] | None = None) -> None:
    """Everything that must hold once all runs have ended well, whatever happened on the way.

    `causes` are the differences that `trader verify` may find.
    """
    records = scene.records()
    assert all(record.status is Status.COMPLETED for record in records)
    _check_orders(scene, records)
    last = records[-1].state
    held = {asset: Decimal(free) for asset, free in scene.control.state()["balances"].items()}
    if not records[-1].unexplained:
        assert held["BTC"] == last.opening["BTC"] + last.execution.position, "the account holds what the books say"
        assert held["USDT"] == last.opening["USDT"] + last.execution.cash
    ledger = scene.desk.ledger.read()
    assert ledger.column("open_time").to_pylist() == [record.key.open_time for record in records]
    settled = [hour.open_time for record in records for hour in record.settled]
    assert settled == [FIRST + hour * HOUR for hour in range(len(settled))], "every hour is settled once"
    assert scene.verified() == (causes or {})


def _check_orders(scene: Scene, records: list[RunRecord]) -> None:
    """One execution per intent, in exactly one record; the position is the sum of our fills in this epoch."""
    legs = [(record, leg) for record in records for leg in record.legs]
    assert not any(leg.is_open for _, leg in legs), "an order without an outcome was forgotten"
    booked = Counter(leg.report.client_order_id for _, leg in legs if leg.report and leg.report.executed)
    wiped = {leg.intent.client_order_id for _, leg in legs if leg.is_wiped}
    executed = {identity: count for identity, count in scene.executed().items() if count}
    assert set(executed.values()) | set(booked.values()) <= {1}, "an order was executed or booked twice"
    assert set(booked) <= set(executed), "a fill was booked that never was"
    assert set(executed) - set(booked) <= wiped, "an execution was forgotten"
    position = Decimal(0)
    for record, leg in legs:
        for fill in leg.report.fills if leg.report and record.state.epoch == records[-1].state.epoch else ():
            position += fill.quantity if leg.report.side == "BUY" else -fill.quantity
            position -= fill.commission if fill.commission_asset == "BTC" else 0
    assert records[-1].state.execution.position == position


def paper(record: RunRecord):
    """What the twin must have, too: nothing that happens to an order reaches the paper book."""
    return record.key, record.decision, record.state.paper, record.state.execution.target, record.settled


def live_on(scene: Scene, twin: dict[datetime, RunRecord], *, lived: int = 0) -> list[RunRecord]:
    """Live until two hours after NOW, of which some are `lived`, check everything, and return the records from NOW on.

    Two hours are enough for a gap to be closed and for the position to be turned once more.
    """
    for hour in range(lived + 1, 3):
        assert scene.run_at(NOW + hour * HOUR) == DONE
    check_books(scene)
    records = scene.records()
    assert [paper(record) for record in records] == [paper(twin[record.key.open_time]) for record in records]
    assert is_on_target(records[-1])
    return records[1:]


def is_on_target(record: RunRecord) -> bool:
    """Tell whether what is missing is less than the exchange would take as an order."""
    return abs(record.gap) < Decimal("0.00005")
