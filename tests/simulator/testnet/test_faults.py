"""Scripted faults: each does what it says, to the requests it is for, as often as it says."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from trader.simulator.testnet.faults import ERRORS

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "mine"}


def placed(asker, identity="mine"):
    counts = asker.control("GET", "orders")["by_client_order_id"]
    return counts.get(identity, {"placed": 0})["placed"]


def find(asker):
    answer = asker.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")
    return json.loads(answer.body)


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_replaces_the_answer_of_an_order_that_was_not_taken(asker, name):
    asker.fault("error", error=name)
    answer = asker.signed("POST", "order", **MARKET)
    assert answer.status == ERRORS[name].status
    assert placed(asker) == 0
    assert asker.buy()["status"] == "FILLED"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("timeout", 504, -1007),
        ("unexpected", 500, -1006),
        ("unknown", 500, -1000),
        ("busy", 503, -1008),
        ("bad-timestamp", 400, -1021),
        ("bad-key", 401, -2015),
        ("too-many-orders", 429, -1015),
        ("too-many-requests", 429, -1003),
        ("banned", 418, -1003),
        ("geo-block", 451, 0),
    ],
)
def test_an_error_has_its_code(asker, name, status, code):
    asker.fault("error", error=name)
    answer = asker.signed("POST", "order", **MARKET)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (name in ("too-many-requests", "banned"))


@pytest.mark.parametrize("name", ["bad-gateway", "unavailable", "gateway-timeout", "waf", "not-json"])
def test_some_answers_are_pages(asker, name):
    asker.fault("error", error=name)
    answer = asker.signed("POST", "order", **MARKET)
    assert (answer.kind, answer.body[:6]) == ("text/html", "<html>")


def test_an_accepted_order_can_be_answered_with_an_error_and_was_executed(asker):
    asker.fault("error", error="timeout", accept=True)
    assert asker.refusal("POST", "order", **MARKET)[:2] == (504, -1007)
    assert placed(asker) == 1
    assert find(asker)["status"] == "FILLED"


def test_parts_of_an_error_can_be_chosen(asker):
    asker.fault("error", error="too-many-requests", retry_after=7, message="Slow down.")
    answer = asker.signed("POST", "order", **MARKET)
    assert answer.headers["Retry-After"] == "7"
    assert json.loads(answer.body) == {"code": -1003, "msg": "Slow down."}
    asker.fault("error", status=502, body="gone")
    assert asker.signed("POST", "order", **MARKET).body == "gone"


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_dropped_connection_has_no_answer(asker, is_accepted):
    asker.fault("drop", accept=is_accepted)
    assert asker.signed("POST", "order", **MARKET) is None
    assert placed(asker) == is_accepted
    assert asker.exchange.log[-1]["status"] is None


@pytest.mark.parametrize("is_accepted", [True, False])
def test_an_answer_can_come_late(asker, is_accepted):
    asker.fault("hang", accept=is_accepted, seconds=0.05)
    assert asker.signed("POST", "order", **MARKET).status == 200
    assert placed(asker) == 1


@pytest.mark.parametrize("is_accepted", [True, False])
def test_an_answer_that_never_comes_ends_with_the_server(asker, is_accepted):
    asker.fault("hang", accept=is_accepted)
    asker.exchange.stopping.set()
    assert asker.signed("POST", "order", **MARKET) is None
    assert placed(asker) == is_accepted


@pytest.mark.parametrize("fill", ["0", "0.004"])
def test_a_market_order_can_be_filled_in_part_and_expires(asker, fill):
    asker.fault("partial", fill=fill)
    found = asker.buy()
    assert found["status"] == "EXPIRED"
    assert Decimal(found["executedQty"]) == Decimal(fill)
    assert len(found["fills"]) == (fill != "0")


def test_an_order_can_be_unknown_to_queries_for_a_while(asker):
    asker.fault("order-lag", seconds=3)
    asker.value("POST", "order", **MARKET)
    assert find(asker)["code"] == -2013
    assert asker.value("GET", "allOrders", symbol="BTCUSDT") == []
    asker.venue.move_clock(asker.venue.clock.now() + timedelta(seconds=3))
    assert find(asker)["status"] == "FILLED"


def test_an_order_can_be_unknown_to_so_many_queries(asker):
    asker.fault("order-lag", queries=2)
    asker.value("POST", "order", **MARKET)
    assert [find(asker).get("code") for _ in range(3)] == [-2013, -2013, None]


def test_trades_can_be_missing_for_so_many_queries(asker):
    asker.fault("trades-lag", queries=2)
    asker.value("POST", "order", **MARKET)
    assert find(asker)["status"] == "FILLED"
    assert [len(asker.value("GET", "myTrades", symbol="BTCUSDT")) for _ in range(3)] == [0, 0, 1]


def test_trades_can_be_listed_in_part(asker):
    asker.control("POST", "faults", {"kind": "balance", "asset": "USDT", "amount": "100000"})
    asker.fault("trades-lag", queries=1, keep=1)
    found = asker.buy("1.2")
    assert len(found["fills"]) > 1
    assert len(asker.value("GET", "myTrades", symbol="BTCUSDT", orderId=1)) == 1
    assert len(asker.value("GET", "myTrades", symbol="BTCUSDT", orderId=1)) == len(found["fills"])


def test_an_order_can_look_new_for_a_while(asker):
    asker.fault("stuck-new", queries=2)
    found = asker.value("POST", "order", **MARKET)
    assert (found["status"], found["executedQty"], found["fills"]) == ("NEW", "0.00000000", [])
    assert asker.value("GET", "myTrades", symbol="BTCUSDT") == []
    assert [find(asker)["status"] for _ in range(3)] == ["NEW", "NEW", "FILLED"]
    assert len(asker.value("GET", "myTrades", symbol="BTCUSDT")) == 1


def test_a_fault_is_for_the_requests_it_matches_only(asker):
    asker.control("POST", "faults", {"kind": "drop", "match": {"client_order_id": "mine"}})
    assert asker.buy(newClientOrderId="other")["status"] == "FILLED"
    assert asker.value("GET", "account")
    assert asker.signed("POST", "order", **MARKET) is None
    asker.control("POST", "faults", {"kind": "drop", "match": {"symbol": "ETHUSDT"}})
    assert asker.buy()["status"] == "FILLED"


def test_a_fault_happens_as_often_as_it_says_after_what_it_lets_pass(asker):
    asker.fault("error", path="time", method="GET", error="busy", times=2, skip=1)
    assert [asker.ask("GET", "time").status for _ in range(5)] == [200, 503, 503, 200, 200]
    assert asker.control("GET", "state")["faults"] == []


def test_a_fault_without_end_lasts_until_all_are_deleted(asker):
    asker.fault("error", path="time", method="GET", error="busy", times=0)
    assert {asker.ask("GET", "time").status for _ in range(5)} == {503}
    assert asker.control("GET", "state")["faults"][0]["left"] is None
    asker.control("DELETE", "faults")
    assert asker.ask("GET", "time").status == 200


def test_faults_of_one_kind_wait_for_one_another_and_of_several_work_together(asker):
    asker.fault("error", error="busy")
    asker.fault("error", error="timeout")
    asker.fault("partial", fill="0.001")
    assert asker.signed("POST", "order", **MARKET).status == 503
    assert asker.signed("POST", "order", **MARKET).status == 504
    assert asker.buy()["status"] == "FILLED"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "nonsense"}, "kind 'nonsense' is unknown; use one of error, hang"),
        ({"kind": "error", "error": "nonsense"}, "error 'nonsense' is unknown"),
        ({"kind": "error", "wrong": 1}, "wrong: Extra inputs are not permitted"),
        ({"kind": "delay"}, "a delay needs its seconds"),
        ({"kind": "order-lag"}, "needs its seconds or queries"),
        ({}, "kind: Field required"),
    ],
)
def test_a_fault_that_cannot_be_understood_is_refused(asker, content, words):
    assert words in asker.control("POST", "faults", content)["error"]
