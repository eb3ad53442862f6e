"""The exchange has the order but does not show it yet, or not all of it: patience, and never a second order."""

import pytest

from tests.builders import HOUR
from tests.faults.books import live_on
from tests.faults.scenes import DONE, NOW
from trader.core.journal import Status

pytestmark = pytest.mark.slow

LOST = {"status": 504, "error": "timeout", "accept": True}
PATIENCE = {
    "unknown to the first queries": ("order-lag", {"queries": 2}),
    "unknown for a while": ("order-lag", {"seconds": 0.5}),
    "filled without trades": ("trades-lag", {"queries": 2}),
    "filled with one trade": ("trades-lag", {"queries": 2, "keep": 1}),
    "filled with all trades but one": ("trades-lag", {"seconds": 0.2, "keep": 3}),
    "new": ("stuck-new", {"queries": 2}),
}
BEYOND = {
    "filled without trades": ("trades-lag", {"queries": 99}),
    "filled with one trade": ("trades-lag", {"queries": 99, "keep": 1}),
    "new": ("stuck-new", {"queries": 99}),
}


@pytest.mark.parametrize("answer", ["answered", "lost"])
@pytest.mark.parametrize("lag", PATIENCE)
def test_what_shows_up_in_time_is_booked_in_the_same_run(scene, twin, lag, answer):
    scene.be_patient()
    kind, content = PATIENCE[lag]
    scene.control.order_fault(kind, **content)
    if answer == "lost":
        scene.control.order_fault("error", **LOST)
    assert scene.run() == DONE
    (leg,) = live_on(scene, twin)[0].legs
    assert leg.report.executed == leg.intent.quantity
    assert len(leg.report.fills) == 4


@pytest.mark.parametrize("later", [0, 1], ids=["same-hour", "next-hour"])
@pytest.mark.parametrize("lag", BEYOND)
def test_what_does_not_show_up_in_time_is_left_open_and_booked_by_a_later_process(scene, twin, lag, later):
    kind, content = BEYOND[lag]
    scene.control.order_fault(kind, **content)
    scene.control.order_fault("error", **LOST)
    told = scene.run()
    assert (told.code, told.outcome) == (75, "failed")
    assert "yet; try again later" in told.error
    assert scene.record(NOW).status is Status.DECIDED
    assert scene.run().code == 75, "the exchange knows it: it cannot be taken for absent"
    scene.control.clear()
    assert scene.run_at(NOW + later * HOUR) == DONE
    record, after, _ = live_on(scene, twin, lived=later)
    assert [leg.report.executed for leg in record.legs] == [record.legs[0].intent.quantity]
    assert after.legs == ()


def test_an_order_that_shows_up_only_after_the_lag_margin_is_the_known_limit(scene):
    """Nobody can tell it from one that was never taken: what then happens is a second order, and it is noticed.

    The balances say so in the next hour, and trading stops with a reason.
    """
    scene.control.order_fault("order-lag", seconds=60)
    scene.control.order_fault("error", **LOST)
    assert scene.run() == DONE
    assert [leg.is_absent for leg in scene.record(NOW).legs] == [True, False]
    assert set(scene.executed().values()) == {1}, "even then no id is executed twice"
    assert scene.run_at(NOW + HOUR) == DONE
    after = scene.record(NOW + HOUR)
    assert after.legs == ()
    assert len(after.unexplained) == 2
