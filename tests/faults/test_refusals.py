"""An order that was certainly not taken: the hour ends without it, with the reason, and the next one closes the gap."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.faults.books import check_books, is_on_target, live_on
from tests.faults.scenes import ALREADY_DONE, DONE, NOW
from trader.core.journal import Status
from trader.core.orders import LotSize, NotSent, OrderStatus
from trader.simulator.testnet.market import SymbolMarket

pytestmark = pytest.mark.slow

BALANCE = "Account has insufficient balance for requested action."
REFUSALS = {
    "-1015": ({"error": "too-many-orders"}, "Too many new orders"),
    "429": ({"error": "too-many-requests"}, "try again after 30 seconds"),
    "418": ({"error": "banned"}, "IP banned"),
    "403 html": ({"error": "waf"}, "its firewall held the order back"),
    "-2010": ({"status": 400, "code": -2010, "message": BALANCE}, "insufficient balance"),
    "-1013": ({"status": 400, "code": -1013, "message": "Filter failure: NOTIONAL"}, "Filter failure: NOTIONAL"),
    "-1111": ({"status": 400, "code": -1111, "message": "Precision is over the maximum defined"}, "Precision is over"),
}
WITHOUT_KEY = {"-2015": {"error": "bad-key"}, "451": {"error": "geo-block"}}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_order_is_on_record_and_the_next_hour_sends_its_own(scene, twin, refusal):
    fault, words = REFUSALS[refusal]
    scene.control.order_fault("error", **fault)
    assert scene.run() == DONE
    assert scene.run() == ALREADY_DONE
    record = scene.record(NOW)
    assert words in record.legs[0].refused
    assert (record.not_sent, is_on_target(record), len(record.legs)) == (NotSent.REFUSED, False, 1)
    asked = [request["path"] for request in scene.control.requests() if request["method"] == "GET"]
    assert "/api/v3/order" not in asked, "there is no doubt about its outcome"
    assert scene.orders_asked() == 1
    assert is_on_target(live_on(scene, twin)[1])


@pytest.mark.parametrize("later", [0, 1], ids=["same-hour", "next-hour"])
@pytest.mark.parametrize("refusal", WITHOUT_KEY)
def test_a_key_or_place_that_is_not_accepted_needs_a_person_and_nothing_is_sent_until_then(scene, twin, refusal, later):
    scene.control.order_fault("error", **WITHOUT_KEY[refusal])
    told = scene.run()
    assert (told.code, told.outcome) == (3, "failed")
    assert scene.record(NOW).status is Status.DECIDED
    assert scene.run_at(NOW + later * HOUR) == DONE
    record, after, _ = live_on(scene, twin, lived=later)
    assert record.legs[0].is_absent
    assert len(record.legs) == 2 - later
    assert is_on_target(after)


def test_an_order_that_is_too_old_just_before_matching_is_absent_at_once(scene, twin):
    """The delay is real: the server looks at the timestamp again after it, and refuses."""
    scene.control.order_fault("delay", seconds=0.45)
    assert scene.run() == DONE
    record, *_ = live_on(scene, twin)
    assert [leg.is_absent for leg in record.legs] == [True, False]


def test_an_order_that_is_outside_the_window_again_and_again_is_given_up(scene, twin):
    scene.control.order_fault("error", error="bad-timestamp", times=0)
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert [leg.is_absent for leg in record.legs] == [True, True, True]
    assert record.not_sent is NotSent.NEVER_ARRIVED
    scene.control.clear()
    assert is_on_target(live_on(scene, twin)[1])


def test_an_order_that_is_sent_long_after_it_was_written_down_is_refused(scene, twin):
    """The fence: it bears the time of its intent, whenever it is really sent."""
    scene.just_before("submit", lambda: scene.freeze(30))
    assert scene.run() == DONE
    record, *_ = live_on(scene, twin)
    assert [leg.is_absent for leg in record.legs] == [True, False]


@pytest.mark.parametrize("minutes", [20, 70])
@pytest.mark.parametrize("step", ["price", "submit"])
def test_a_process_that_was_frozen_does_not_trade_an_hour_that_is_over(scene, step, minutes):
    """Nobody took the run over meanwhile: it is still the sleeper's when it wakes, but too late to be traded."""
    scene.just_before(step, lambda: scene.freeze(60 * minutes))
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert all(leg.is_absent for leg in record.legs)
    assert record.not_sent is NotSent.NOT_THIS_HOUR


def test_what_somebody_takes_from_the_account_before_the_order_arrives_is_refused_and_then_found(scene):
    """A real -2010: between the look at the account and the order most of what is to be sold is gone."""
    free = Decimal(scene.control.state()["balances"]["BTC"])
    amount = str(Decimal("0.01") - free)
    scene.just_before("submit", lambda: scene.control.fault("balance", asset="BTC", amount=amount))
    assert scene.run() == DONE
    assert "insufficient balance" in scene.record(NOW).legs[0].refused
    assert scene.run_at(NOW + HOUR) == DONE
    after = scene.record(NOW + HOUR)
    assert (after.not_sent, after.legs) == (NotSent.ACCOUNT_CHANGED, ())
    assert "BTC" in after.unexplained[0]
    scene.control.fault("balance", asset="BTC", amount=amount.removeprefix("-"))
    assert scene.run_at(NOW + 2 * HOUR) == DONE
    check_books(scene)
    assert is_on_target(scene.records()[-1])


@pytest.mark.parametrize("status", ["HALT", "BREAK"])
def test_a_symbol_that_is_not_traded_is_not_asked_for_an_order(scene, twin, status):
    scene.control.fault("symbol-status", symbol="BTCUSDT", status=status)
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert (record.not_sent, record.legs, scene.orders_asked()) == (NotSent.NOT_TRADING, (), 0)
    scene.control.clear()
    assert is_on_target(live_on(scene, twin)[1])


@pytest.mark.parametrize("status", ["HALT", "BREAK"])
def test_a_symbol_that_stops_being_traded_just_before_the_order_refuses_it(scene, twin, status):
    scene.just_before("submit", lambda: scene.control.fault("symbol-status", symbol="BTCUSDT", status=status))
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert (record.not_sent, len(record.legs)) == (NotSent.REFUSED, 1)
    scene.control.clear()
    assert is_on_target(live_on(scene, twin)[1])


def test_rules_that_change_just_before_the_order_refuse_it_and_bind_the_next_one(scene):
    markets = scene.world.net.venue.markets
    market = markets["BTCUSDT"]
    step = Decimal("0.0005")
    lot = LotSize(minimum=step, maximum=Decimal(9000), step=step)
    coarse = SymbolMarket(rules=replace(market.rules, lot_size=lot), klines=market.klines)
    scene.just_before("submit", lambda: markets.update(BTCUSDT=coarse))
    assert scene.run() == DONE
    assert "LOT_SIZE" in scene.record(NOW).legs[0].refused
    for hour in (1, 2):
        assert scene.run_at(NOW + hour * HOUR) == DONE
        record = scene.record(NOW + hour * HOUR)
        assert [leg.report.executed % step for leg in record.legs] == [0]
        assert abs(record.gap) < step
    check_books(scene)


@pytest.mark.parametrize(("fill", "fills"), [("0.007", 1), ("0", 0)], ids=["some", "nothing"])
def test_what_a_thin_book_leaves_unfilled_is_the_next_hours_order(scene, twin, fill, fills):
    scene.control.order_fault("partial", fill=fill)
    assert scene.run() == DONE
    record, after, _ = live_on(scene, twin)
    report = record.legs[0].report
    assert (report.status, report.executed) == (OrderStatus.EXPIRED, Decimal(fill))
    assert (len(report.fills) > 0) is bool(fills)
    assert len(record.legs) == 1
    assert not is_on_target(record)
    assert after.legs[0].report.quantity == record.legs[0].intent.quantity - Decimal(fill)
    assert is_on_target(after)
