import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.binance_account import LAG, NO_SUCH_ORDER, OUTSIDE, TRADE, WINDOW, order_answer, running_venue
from tests.patience import HURRIED
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.klines import from_ms
from trader.core.orders import OrderStatus

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow

ARCHIVED = (400, {"code": -2026, "msg": "Order was canceled or expired with no executed qty over 90 days ago"})


@pytest.fixture
def venue():
    with running_venue() as running:
        yield running


def test_what_settle_says_of_an_order_is_what_submit_said(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.host.sleep(3600)
    assert venue.exchange.settle(intent) == report
    [query], [trades] = venue.server.asked("order", "GET"), venue.server.asked("myTrades")
    assert (query["symbol"], query["origClientOrderId"]) == ("BTCUSDT", intent.client_order_id)
    assert (trades["symbol"], trades["orderId"]) == ("BTCUSDT", "28")


def test_an_order_that_arrived_although_its_answer_was_lost_is_found(venue):
    def take_and_hang_up(handler):
        venue.account.answer("POST", "/api/v3/order", venue.server.requests[-1][2])
        handler.close_connection = True

    intent = venue.intent()
    venue.server.faults["POST order"] = [take_and_hang_up]
    with pytest.raises(Retryable):
        venue.exchange.submit(intent)
    report = venue.exchange.settle(intent)
    assert (report.status, report.executed) == (OrderStatus.FILLED, intent.quantity)
    assert venue.posts() == 1


def test_an_order_is_absent_only_after_its_window_and_the_lag_are_over_on_the_servers_clock(venue):
    intent = venue.intent()
    assert venue.exchange.settle(intent) is None
    waited = sum(venue.host.slept)
    assert timedelta(seconds=waited) >= WINDOW + LAG
    assert timedelta(seconds=waited) <= WINDOW + LAG + timedelta(seconds=1)
    too_late = intent.signed_at + WINDOW + LAG
    assert from_ms(venue.server.now) > too_late
    assert venue.posts() == 0


def test_the_last_query_for_an_absent_order_is_sent_after_the_servers_time_was_asked_for(venue):
    venue.exchange.settle(venue.intent())
    assert [path.rpartition("/")[2] for _, path, _ in venue.server.requests[-2:]] == ["time", "order"]
    stamps = [int(query["timestamp"]) for query in venue.server.asked("order")]
    assert from_ms(stamps[-1]) > venue.intent().signed_at - timedelta(milliseconds=1)
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(("passed_ms", "sleeps"), [(15_000, True), (15_001, False), (3_600_000, False)])
def test_an_old_intent_is_absent_at_once_and_one_millisecond_earlier_it_is_not(venue, passed_ms, sleeps):
    intent = venue.intent()
    venue.server.now += passed_ms
    assert venue.exchange.settle(intent) is None
    assert bool(venue.host.slept) is sleeps


def test_the_machines_own_clock_proves_nothing(venue):
    """The host has waited for long, the server's clock has not moved."""
    venue.host.sleep = lambda seconds: setattr(venue.host, "passed", venue.host.passed + seconds)
    with pytest.raises(Retryable, match="may still take it until"):
        venue.exchange.settle(venue.intent())


def test_a_slow_way_to_the_server_makes_nothing_absent_too_early(venue):
    """Its answer is four seconds younger than the question."""

    def dawdle(handler):
        venue.host.sleep(4.0)
        handler.reply(200, {"serverTime": venue.server.now})

    intent = venue.intent()
    venue.server.now += 6500
    venue.server.faults["time"] = [dawdle] * 20
    assert venue.exchange.settle(intent) is None
    assert from_ms(venue.server.now) > intent.signed_at + WINDOW + LAG


def test_an_order_that_shows_up_late_is_found(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.faults["GET order"] = [NO_SUCH_ORDER] * 5
    assert venue.exchange.settle(intent) == report


def test_an_order_that_is_taken_while_settle_waits_is_found(venue):
    """The frozen owner wakes up in time, and its order is taken."""
    intent = venue.intent()
    sleep = venue.host.sleep

    def wake_the_owner(seconds):
        sleep(seconds)
        if not venue.account.taken:
            venue.exchange.submit(intent)

    venue.host.sleep = wake_the_owner
    assert venue.exchange.settle(intent).status is OrderStatus.FILLED


def test_an_intent_from_the_future_stays_unknown_and_is_not_waited_for(venue):
    with pytest.raises(Retryable, match="may still take it until"):
        venue.exchange.settle(venue.intent(signed_at=from_ms(venue.server.now) + timedelta(hours=1)))
    assert venue.host.slept == []


@pytest.mark.parametrize("answer", ["null", "[]", "0", '""', "false", "[1]"])
def test_an_answer_that_is_nothing_is_not_taken_for_no_such_order(venue, answer):
    venue.server.now += 3_600_000
    venue.server.faults["GET order"] = [(200, answer)] * 3
    with pytest.raises(BadData, match="answered unexpectedly"):
        venue.exchange.settle(venue.intent(signed_at=from_ms(venue.server.now - 3_600_000)))


BROKEN = [
    (502, "<html>"),
    (503, {"code": -2013, "msg": "Order does not exist."}),
    (504, {"code": -1007, "msg": "Timeout"}),
    (400, {"code": -1001, "msg": "Internal error"}),
    (200, "<html>log in to this wifi</html>"),
    (200, ""),
    (200, {}),
    lambda handler: setattr(handler, "close_connection", True),
]


@pytest.mark.parametrize("fault", BROKEN)
def test_while_the_venue_does_not_answer_the_outcome_stays_unknown(venue, fault):
    intent = venue.intent()
    venue.server.now += 3_600_000
    venue.server.faults["GET order"] = [fault] * 100
    with pytest.raises(Retryable):
        venue.exchange.settle(intent)
    assert len(venue.server.asked("order")) == 3


@pytest.mark.parametrize("fault", BROKEN)
def test_an_absence_that_cannot_be_confirmed_stays_unknown(venue, fault):
    """The first query says no, and then the network goes."""
    venue.server.faults["GET order"] = [None, *[fault] * 100]
    with pytest.raises(Retryable):
        venue.exchange.settle(venue.intent())
    venue.server.faults = {"GET order": [NO_SUCH_ORDER], "time": [None, *[fault] * 100]}
    with pytest.raises(Retryable):
        venue.exchange.settle(venue.intent())


@pytest.mark.parametrize("answer", [(400, ["bad"]), (400, "<html>Bad request</html>"), (403, "<html>"), (408, "")])
def test_what_something_in_between_says_leaves_the_outcome_unknown(venue, answer):
    venue.server.now += 3_600_000
    venue.server.faults["GET order"] = [answer] * 3
    with pytest.raises(Retryable):
        venue.exchange.settle(venue.intent(signed_at=from_ms(venue.server.now - 3_600_000)))


def test_one_broken_answer_among_good_ones_is_asked_again(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.faults = {"GET order": [BROKEN[0], BROKEN[-1]], "myTrades": [BROKEN[1]]}
    assert venue.exchange.settle(intent) == report
    assert venue.host.slept == [0.3, 1.0, 0.3]


@pytest.mark.parametrize("answer", [(400, {"code": -1102, "msg": "Mandatory parameter"}), (404, "<html>")])
def test_a_look_up_that_is_refused_needs_a_person(venue, answer):
    venue.server.faults["GET order"] = [answer] * 3
    with pytest.raises((BadData, BadConfig)):
        venue.exchange.settle(venue.intent())


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"side": "SELL"},
        {"origQty": "0.00400000"},
        {"type": "LIMIT"},
        {"clientOrderId": "another"},
    ],
)
def test_another_order_under_our_id_is_bad_data(venue, changes):
    venue.server.faults["GET order"] = [(200, order_answer(**changes))]
    with pytest.raises(BadData, match="somebody else uses this bot's ids"):
        venue.exchange.settle(venue.intent())


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SOMETHING"},
        {"status": "FILLED", "executedQty": "0.00200000"},
        {"status": "EXPIRED", "executedQty": "0.00400000"},
        {"executedQty": "-1"},
        {"executedQty": 0.003},
        {"orderId": None},
        {"time": "now"},
    ],
)
def test_an_order_that_cannot_be_is_bad_data(venue, changes):
    venue.server.faults["GET order"] = [(200, order_answer(**changes))]
    with pytest.raises(BadData, match="answered unexpectedly"):
        venue.exchange.settle(venue.intent())


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELED", "REJECTED", "EXPIRED_IN_MATCH"])
def test_an_order_without_executions_needs_no_trades(venue, status):
    venue.server.faults["GET order"] = [(200, order_answer(status=status, executedQty="0.00000000"))]
    report = venue.exchange.settle(venue.intent())
    assert (report.executed, report.fills, report.average_price) == (0, (), None)
    assert report.status.is_final
    assert venue.server.asked("myTrades") == []


def test_an_archived_order_is_reported_as_expired_with_nothing_executed(venue):
    intent = venue.intent()
    venue.server.faults["GET order"] = [ARCHIVED]
    report = venue.exchange.settle(intent)
    assert (report.status, report.executed, report.order_id) == (OrderStatus.EXPIRED, 0, 0)
    assert report.at == intent.signed_at


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED"])
def test_an_order_that_is_not_over_is_asked_for_again(venue, status):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.faults["GET order"] = [(200, order_answer(status=status, executedQty="0.00100000"))] * 4
    assert venue.exchange.settle(intent) == report


def test_an_order_that_stays_open_is_unknown_after_a_bounded_time(venue):
    venue.account.orders[venue.intent().client_order_id] = order_answer(status="NEW", executedQty="0.00000000")
    with pytest.raises(Retryable, match="it is NEW yet"):
        venue.exchange.settle(venue.intent())
    assert timedelta(seconds=sum(venue.host.slept)) == LAG


def test_trades_that_are_listed_late_are_waited_for(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.faults["myTrades"] = [(200, []), (200, [{**TRADE, "qty": "0.001", "id": 1, "orderId": 28}])]
    assert venue.exchange.settle(intent) == report


def test_an_order_that_is_hidden_again_while_its_trades_are_waited_for_is_not_absent(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.faults = {"myTrades": [(200, [])] * 2, "GET order": [None, NO_SUCH_ORDER]}
    assert venue.exchange.settle(intent) == report


def test_trades_that_never_add_up_leave_it_unknown_after_a_bounded_time(venue):
    intent = venue.intent()
    venue.exchange.submit(intent)
    venue.account.trades[28][0]["qty"] = "0.00200000"
    with pytest.raises(Retryable, match=r"0.00200000 of 0.00300 are among its trades"):
        venue.exchange.settle(intent)
    assert timedelta(seconds=sum(venue.host.slept)) == LAG


@pytest.mark.parametrize(
    "rows",
    [
        [{**TRADE, "qty": "0.00400000", "id": 1, "orderId": 28}],
        [{**TRADE, "id": 1, "orderId": 29}],
        [{**TRADE, "id": 1, "orderId": 28, "price": "0"}],
        [{**TRADE, "id": 1, "orderId": 28, "qty": 0.003}],
        [{**TRADE, "id": None, "orderId": 28}],
        ["trade"],
        {"trades": []},
        "null",
    ],
)
def test_trades_that_cannot_be_are_bad_data(venue, rows):
    intent = venue.intent()
    venue.exchange.submit(intent)
    venue.server.faults["myTrades"] = [(200, rows)] * 3
    with pytest.raises(BadData):
        venue.exchange.settle(intent)


def test_an_order_of_more_trades_than_a_page_holds_is_read_whole(venue):
    intent = venue.intent(quantity=Decimal("0.025"))
    venue.exchange.submit(intent)
    venue.account.trades[28] = [
        {**TRADE, "qty": "0.00001000", "id": 7 + 3 * number, "orderId": 28} for number in range(2500)
    ]
    report = venue.exchange.settle(intent)
    assert len(report.fills) == 2500
    assert [query.get("fromId") for query in venue.server.asked("myTrades")] == [None, "3005", "6005"]


def test_a_refused_time_is_asked_for_anew_once(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    venue.server.now += 7_200_000  # the server's clock is set
    assert venue.exchange.settle(intent) == report
    venue.server.faults["GET order"] = [OUTSIDE]
    assert venue.exchange.settle(intent) == report
    venue.server.faults["GET order"] = [OUTSIDE] * 2
    with pytest.raises(Retryable, match="clock"):
        venue.exchange.settle(intent)


def test_a_rate_limit_while_settling_leaves_it_unknown_and_nothing_more_is_sent(venue):
    venue.server.faults["GET order"] = [(429, {"code": -1003, "msg": "Too many"}, {"Retry-After": "40"})]
    for _ in range(3):
        with pytest.raises(Retryable, match="after 40 seconds"):
            venue.exchange.settle(venue.intent())
    assert len(venue.server.asked("order")) == 1
    venue.host.sleep(40)
    assert venue.exchange.settle(venue.intent(signed_at=from_ms(venue.server.now - 40_000))) is None


def test_a_hanging_look_up_is_given_up_after_three_tries(venue):
    enough = threading.Event()
    venue.server.faults["GET order"] = [lambda handler: enough.wait(5)] * 3
    try:
        with pytest.raises(Retryable, match="ReadTimeout"):
            venue.connect(timeout=HURRIED).settle(venue.intent())
    finally:
        enough.set()
    assert len(venue.server.asked("order")) == 3
