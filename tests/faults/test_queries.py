"""Every question that a run asks, unanswered: nothing is sent on a guess, and the next process does the hour."""

from datetime import datetime, timedelta

import pytest

from tests.builders import HOUR
from tests.faults.books import check_books, live_on
from tests.faults.scenes import DONE, NOW
from trader.adapters import clocks
from trader.core.decision import Reason
from trader.core.journal import Status

pytestmark = pytest.mark.slow

PATHS = {
    "account": "/api/v3/account",
    "rules": "/api/v3/exchangeInfo",
    "price": "/api/v3/ticker/bookTicker",
    "klines": "/api/v3/klines",
    "time": "/api/v3/time",
}
OF_THE_EXCHANGE = ("account", "rules", "price")
FAILURES = {
    "500": ("error", {"error": "unknown"}),
    "502 html": ("error", {"error": "bad-gateway"}),
    "dropped": ("drop", {}),
    "no answer": ("hang", {}),
    "429": ("error", {"error": "too-many-requests"}),
    "418": ("error", {"error": "banned"}),
    "403 html": ("error", {"error": "waf"}),
    "-1021": ("error", {"error": "bad-timestamp"}),
    "-2015": ("error", {"error": "bad-key"}),
    "200 null": ("error", {"status": 200, "body": "null"}),
    "400 list": ("error", {"error": "list"}),
}
CODES = {"-2015": 3, "200 null": 4, "400 list": 5}
"""Exit codes other than "not now"."""


def script(scene, path, failure, *, times):
    kind, content = FAILURES[failure]
    if kind == "hang":
        scene.give_up_soon()
    scene.control.fault(kind, method="GET", path=path, times=times, **content)


@pytest.mark.parametrize("failure", ["500", "502 html", "dropped"])
@pytest.mark.parametrize("asked", OF_THE_EXCHANGE)
def test_a_question_to_the_exchange_is_asked_again(scene, twin, asked, failure):
    script(scene, PATHS[asked], failure, times=2)
    assert scene.run() == DONE
    live_on(scene, twin)


@pytest.mark.parametrize("failure", ["500", "dropped", "no answer", "429", "418", "403 html", "200 null", "400 list"])
@pytest.mark.parametrize("asked", PATHS)
def test_without_an_answer_nothing_is_sent_and_the_next_process_does_the_hour(scene, twin, asked, failure):
    script(scene, PATHS[asked], failure, times=0)
    told = scene.run()
    assert (told.code, told.outcome) == (CODES.get(failure, 75), "failed")
    assert scene.orders_asked() == 0
    left = scene.desk.journal.read(NOW)
    assert left is None or (left.record.status, left.record.owner) == (Status.CLAIMED, ""), "given back"
    scene.control.clear()
    assert scene.run() == DONE
    live_on(scene, twin)


@pytest.mark.parametrize("asked", PATHS)
def test_an_hour_without_answers_is_missed_and_the_next_one_is_not(scene, twin, asked):
    script(scene, PATHS[asked], "500", times=0)
    assert scene.run().code == 75
    scene.control.clear()
    assert scene.run_at(NOW + HOUR) == DONE
    missed, after = scene.record(NOW), scene.record(NOW + HOUR)
    assert missed.decision.reason is Reason.MISSED
    assert missed.legs == ()
    assert [hour.open_time for hour in after.settled] == [NOW - HOUR, NOW], "what the held position earned"
    assert [hour.exposure for hour in after.settled] == [1.0, 1.0]


@pytest.mark.parametrize("asked", ["klines", "time"])
def test_the_market_is_not_asked_again_in_the_same_run(scene, twin, asked):
    script(scene, PATHS[asked], "500", times=1)
    assert scene.run().code == 75
    assert scene.run() == DONE
    live_on(scene, twin)


def test_a_signed_question_outside_the_window_is_stamped_anew_once(scene, twin):
    script(scene, PATHS["account"], "-1021", times=1)
    assert scene.run() == DONE
    live_on(scene, twin)


def test_a_signed_question_that_is_always_outside_the_window_names_the_clock(scene, twin):
    script(scene, PATHS["account"], "-1021", times=0)
    told = scene.run()
    assert told.code == 75
    assert "clock" in told.error
    scene.control.clear()
    assert scene.run() == DONE
    live_on(scene, twin)


@pytest.mark.parametrize("failure", [*FAILURES])
@pytest.mark.parametrize("path", ["/api/v3/order", "/api/v3/myTrades"])
def test_an_order_whose_look_up_fails_stays_open_until_it_is_answered(scene, twin, path, failure):
    scene.be_patient()
    scene.control.order_fault("drop", accept=True)
    script(scene, path, failure, times=0)
    told = scene.run()
    assert (told.code, told.outcome) == ({**CODES, "400 list": 75}.get(failure, 75), "failed")
    assert [leg.is_open for leg in scene.record(NOW).legs] == [True]
    scene.control.clear()
    assert scene.run() == DONE
    assert len(live_on(scene, twin)[0].legs) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_kline_that_is_published_late_is_waited_for(scene, twin, times):
    scene.control.fault("error", method="GET", path=PATHS["klines"], status=200, body="[]", times=times)
    assert scene.run() == DONE
    live_on(scene, twin)


def test_a_kline_that_is_published_after_the_wait_is_found_by_a_later_process(scene, twin, monkeypatch):
    monkeypatch.setenv("TRADER__MARKET__WAIT_SECONDS", "0")
    scene.control.fault("error", method="GET", path=PATHS["klines"], status=200, body="[]", times=0)
    for minute in (0, 2, 5, 10):
        told = scene.run_at(NOW, after=60 * minute + 5)
        assert told.code == 75
        assert "has not published the kline" in told.error
    scene.control.clear()
    assert scene.run_at(NOW, after=14 * 60) == DONE
    live_on(scene, twin)


def test_a_kline_that_is_not_published_in_time_decides_nothing_and_what_follows_agrees_with_it(scene):
    scene.control.fault("error", method="GET", path=PATHS["klines"], status=200, body="[]", times=0)
    assert scene.run_at(NOW, after=16 * 60) == DONE
    record = scene.record(NOW)
    assert record.decision.reason in (Reason.MISSED, Reason.FILLED_KLINE)
    assert record.legs == ()
    scene.control.clear()
    for hour in (1, 2):
        assert scene.run_at(NOW + hour * HOUR) == DONE
    check_books(scene, causes={"data revision": 1})


@pytest.mark.parametrize("wrong", [timedelta(days=-400), timedelta(seconds=90), timedelta(days=30)], ids=str)
def test_a_machine_whose_clock_is_wrong_trades_the_right_hour(scene, twin, wrong, monkeypatch):
    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + wrong

    monkeypatch.setattr(clocks, "datetime", Wrong)
    assert scene.run() == DONE
    live_on(scene, twin)
