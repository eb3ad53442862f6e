"""The answer to an order is lost, with the order taken or not: it is looked up, and never sent again under its id."""

import pytest

from tests.builders import HOUR
from tests.faults.books import is_on_target, live_on
from tests.faults.scenes import ALREADY_DONE, DONE, NOW
from trader.core.journal import Status
from trader.core.orders import NotSent

pytestmark = pytest.mark.slow

HTML = "<html><body>Bad Request</body></html>"
LOST = {
    "dropped": {"kind": "drop"},
    "no answer": {"kind": "hang"},
    "500 -1000": {"kind": "error", "error": "unknown"},
    "500 -1006": {"kind": "error", "error": "unexpected"},
    "504 -1007": {"kind": "error", "error": "timeout"},
    "503 -1008": {"kind": "error", "error": "busy"},
    "500 -1013": {"kind": "error", "status": 500, "code": -1013, "message": "Filter failure: LOT_SIZE"},
    "502 html": {"kind": "error", "error": "bad-gateway"},
    "503 html": {"kind": "error", "error": "unavailable"},
    "504 html": {"kind": "error", "error": "gateway-timeout"},
    "200 html": {"kind": "error", "error": "not-json"},
    "200 empty": {"kind": "error", "error": "empty"},
    "200 {}": {"kind": "error", "status": 200, "body": "{}"},
    "200 list": {"kind": "error", "status": 200, "body": '["unexpected"]'},
    "200 null": {"kind": "error", "status": 200, "body": "null"},
    "200 cut short": {"kind": "error", "status": 200, "body": '{"symbol": "BTCUSDT", "orderId": 2'},
    "200 half": {"kind": "error", "status": 200, "body": '{"symbol": "BTCUSDT", "orderId": 2}'},
    "400 list": {"kind": "error", "error": "list"},
    "400 html": {"kind": "error", "status": 400, "body": HTML},
    "400 -1001": {"kind": "error", "status": 400, "code": -1001, "message": "Internal error; unable to process"},
    "400 -1016": {"kind": "error", "status": 400, "code": -1016, "message": "This service is no longer available."},
    "400 duplicate": {"kind": "error", "status": 400, "code": -2010, "message": "Duplicate order sent."},
}
NOT_TAKEN = ("dropped", "no answer", "504 -1007", "502 html", "200 html", "200 {}", "400 list", "400 -1001")
"""Without the order, one of each kind is enough: each costs the receive window and the lag."""


@pytest.mark.parametrize("fault", LOST)
def test_an_order_that_was_taken_is_found_and_booked_in_the_same_run(scene, twin, fault):
    scene.be_patient()
    scene.give_up_soon()
    scene.control.order_fault(**LOST[fault], accept=True)
    assert scene.run() == DONE
    assert scene.run() == ALREADY_DONE
    record, *_ = live_on(scene, twin)
    (leg,) = record.legs
    assert leg.report.executed == leg.intent.quantity
    assert leg.intent.client_order_id == twin[NOW].legs[0].intent.client_order_id
    assert len(leg.report.fills) > 1
    assert scene.orders_asked() == len(scene.executed()) - 1, "the order before this scene was asked of another server"


@pytest.mark.parametrize("fault", NOT_TAKEN)
def test_an_order_that_was_not_taken_is_closed_as_absent_and_another_one_is_sent(scene, twin, fault):
    scene.give_up_soon()
    scene.control.order_fault(**LOST[fault], accept=False)
    assert scene.run() == DONE
    record, *_ = live_on(scene, twin)
    first, second = record.legs
    assert first.is_absent
    assert second.report.executed == second.intent.quantity == first.intent.quantity
    assert first.intent.client_order_id != second.intent.client_order_id
    assert first.intent.client_order_id not in scene.executed()


@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
def test_a_lost_answer_with_the_journal_on_s3(scene_on, twin, accept):
    with scene_on("s3") as scene:
        if accept:
            scene.be_patient()
        scene.control.order_fault("drop", accept=accept)
        assert scene.run() == DONE
        assert [leg.is_absent for leg in live_on(scene, twin)[0].legs] == ([False] if accept else [True, False])


def test_an_answer_that_comes_after_we_gave_up_changes_nothing(scene, twin):
    scene.be_patient()
    scene.give_up_soon()
    scene.control.order_fault("hang", accept=True, seconds=3)
    assert scene.run() == DONE
    assert len(live_on(scene, twin)[0].legs) == 1


def test_an_order_that_never_arrives_is_given_up_for_this_hour_and_sent_in_the_next(scene, twin):
    scene.control.order_fault("drop", times=3)
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert [leg.is_absent for leg in record.legs] == [True, True, True]
    assert (record.not_sent, is_on_target(record)) == (NotSent.NEVER_ARRIVED, False)
    assert is_on_target(live_on(scene, twin)[1])


@pytest.mark.parametrize("later", [0, 1], ids=["same-hour", "next-hour"])
@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
def test_an_outcome_that_cannot_be_learnt_is_asked_for_by_the_next_process(scene, twin, accept, later):
    scene.lose_an_order(accept=accept)
    scene.control.fault("error", method="GET", path="/api/v3/order", error="bad-gateway", times=0)
    assert scene.run().code == 75
    assert scene.record(NOW).status is Status.DECIDED
    assert [leg.is_open for leg in scene.record(NOW).legs] == [True]
    assert scene.orders_asked() == 1, "nothing is sent while an outcome is open"
    scene.control.clear()
    assert scene.run_at(NOW + later * HOUR) == DONE
    record, after, _ = live_on(scene, twin, lived=later)
    if later == 0:
        assert [leg.is_absent for leg in record.legs] == ([False] if accept else [True, False])
        return
    assert [leg.is_absent for leg in record.legs] == [not accept]
    assert record.not_sent is (None if accept else NotSent.NOT_THIS_HOUR)
    assert is_on_target(record) is accept
    assert is_on_target(after)
    assert len(after.legs) == int(not accept), "what was not sent in its hour is the next one's own order"
