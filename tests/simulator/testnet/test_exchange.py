"""What a request goes through before it reaches its endpoint, and what it is told when it does not."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from tests.testnet import needs_key
from trader.core.klines import to_ms
from trader.simulator.testnet.exchange import Request
from trader.simulator.testnet.limits import WEIGHT_LIMIT
from trader.simulator.testnet.security import DEFAULT_WINDOW_MS

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "30000",
}


# Codes and words: https://github.com/binance/binance-spot-api-docs/blob/master/errors.md
NO_SYMBOL = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
NO_ID = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
ILLEGAL_SYMBOL = "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
ILLEGAL_START = "Illegal characters found in parameter 'startTime'; legal range is '^[0-9]{1,20}$'."
UNREAD = "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."
BTC = {"symbol": "BTCUSDT"}
HOURLY = {**BTC, "interval": "1h"}


@pytest.mark.parametrize(
    ("path", "parameters", "code", "words"),
    [
        ("klines", {"interval": "1h"}, -1102, NO_SYMBOL),
        ("klines", {**BTC, "interval": "7h"}, -1120, "Invalid interval."),
        ("klines", {**BTC, "interval": "1m"}, -1120, "Invalid interval."),
        ("klines", {**HOURLY, "symbol": "XXXUSDT"}, -1121, "Invalid symbol."),
        ("klines", {**HOURLY, "symbol": "btcusdt"}, -1100, ILLEGAL_SYMBOL),
        ("klines", {**BTC, "interval": ""}, -1105, "Parameter 'interval' was empty."),
        ("klines", {**HOURLY, "limit": 1001}, -1130, "Data sent for parameter 'limit' is not valid."),
        ("klines", {**HOURLY, "limit": 0}, -1130, "Data sent for parameter 'limit' is not valid."),
        ("klines", {**HOURLY, "timeZone": "8"}, -1130, "Data sent for parameter 'timeZone' is not valid."),
        ("klines", {**HOURLY, "startTime": -1}, -1100, ILLEGAL_START),
        ("klines", {**HOURLY, "x": 1}, -1104, UNREAD),
        ("time", {"x": 1}, -1101, "Too many parameters; expected '0' and received '1'."),
        ("ticker/price", {**BTC, "symbols": '["BTCUSDT"]'}, -1128, "Combination of optional parameters invalid."),
        ("ticker/price", {"symbols": '["XXX"]'}, -1121, "Invalid symbol."),
        ("exchangeInfo", {"symbol": "XXX"}, -1121, "Invalid symbol."),
        ("exchangeInfo", {"symbolStatus": "ON"}, -1122, "Invalid symbolStatus."),
        ("order", BTC, -1102, NO_ID),
        ("order", {**BTC, "orderId": 1}, -2013, "Order does not exist."),
        ("order", {"symbol": "XXX", "orderId": 1}, -1121, "Invalid symbol."),
        ("myTrades", {**BTC, "fromId": 1, "startTime": 1}, -1128, "Combination of optional parameters invalid."),
        (
            "myTrades",
            {**BTC, "startTime": 0, "endTime": 86_400_001},
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
    ],
)
def test_a_wrong_query_is_told_so_in_binances_words(asker, path, parameters, code, words):
    assert asker.refusal("GET", path, **parameters) == (400, code, words)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "GUESS"}, -1116, "Invalid orderType."),
        ({"type": "STOP_LOSS"}, -1013, "Stop loss orders are not supported for this symbol."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": None}, -1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed."),
        ({"price": None}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        ({"quoteOrderQty": "10"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (
            {"quantity": "1e-3"},
            -1100,
            "Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.",
        ),
        (
            {"newClientOrderId": "no spaces"},
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        ({"newClientOrderId": "x" * 37}, -1100, None),
        ({"newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
        ({"newOrderRespType": "MUCH"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ({"selfTradePreventionMode": "EXPIRE_MAKER"}, -1013, None),
        ({"icebergQty": "0.001"}, -1013, "Iceberg orders are not supported for this symbol."),
        ({"stopPrice": "1"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
        ({"symbol": "XXXUSDT"}, -1121, "Invalid symbol."),
        ({"quantity": "0.00001"}, -1013, "Filter failure: MIN_NOTIONAL"),
        ({"price": "30000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.000011"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "5"}, -2010, "Account has insufficient balance for requested action."),
    ],
)
def test_a_wrong_order_is_told_so_in_binances_words_and_changes_nothing(asker, change, code, words):
    before = asker.venue.account
    order = {name: value for name, value in {**LIMIT, **change}.items() if value is not None}
    status, found, said = asker.refusal("POST", "order", **order)
    assert (status, found) == (400, code)
    assert words in (None, said)
    assert asker.venue.account == before


def test_a_repeated_parameter_is_refused(asker):
    answer = asker.exchange.answer(request("GET", "klines", query="symbol=BTCUSDT&symbol=ETHUSDT&interval=1h"))
    assert json.loads(answer.body) == {"code": -1101, "msg": "Duplicate values for a parameter detected."}


def test_of_a_parameter_in_both_the_query_strings_counts(asker):
    key = asker.venue.keys[0]
    query, body = f"symbol=BTCUSDT&timestamp={asker.venue.clock.now_ms()}", "symbol=ETHUSDT&origClientOrderId=x"
    signature = sign(key.secret, query + body)
    found = asker.exchange.answer(
        request("DELETE", "order", query=query, body=f"{body}&signature={signature}", key=key.key)
    )
    assert json.loads(found.body) == {"code": -2011, "msg": "Unknown order sent."}
    assert "symbol=BTCUSDT" in asker.exchange.log[-1]["query"]


def test_a_get_request_takes_nothing_from_its_body(asker):
    answer = asker.exchange.answer(request("GET", "klines", query="symbol=BTCUSDT", body="interval=1h"))
    assert json.loads(answer.body)["code"] == -1102


@pytest.mark.parametrize("key", [None, "bad", "x" * 64])
def test_without_the_right_key_nothing_is_answered(asker, key):
    answer = asker.ask("POST", "order", key=key, **MARKET)
    is_well_formed = key is not None and len(key) == 64
    assert (answer.status, json.loads(answer.body)["code"]) == (401, -2015 if is_well_formed else -2014)
    assert asker.venue.account.orders == ()


def test_a_wrong_signature_is_refused(asker):
    key = asker.venue.keys[0].key
    answer = asker.ask("POST", "order", key=key, **MARKET, timestamp=asker.venue.clock.now_ms(), signature="0" * 64)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, -1022)
    assert asker.venue.account.orders == ()


def test_an_unsigned_request_lacks_its_timestamp_and_signature(asker):
    key = asker.venue.keys[0].key
    assert json.loads(asker.ask("POST", "order", key=key, **MARKET).body)["code"] == -1102


@pytest.mark.parametrize(("age", "code"), [(0, None), (-999, None), (-1000, -1021), (5000, None), (5001, -1021)])
def test_a_request_has_to_be_within_its_window(asker, age, code):
    timestamp = asker.venue.clock.now_ms() - age
    found = json.loads(asker.signed("POST", "order", **MARKET, timestamp=timestamp).body)
    assert found.get("code") == code
    assert len(asker.venue.account.orders) == (code is None)


def test_a_window_may_be_chosen_up_to_a_minute(asker):
    early = asker.venue.clock.now_ms() - 59_000
    assert asker.refusal("GET", "account", timestamp=early, recvWindow=100)[1] == -1021
    assert asker.value("GET", "account", timestamp=early, recvWindow=60_000)
    assert asker.refusal("GET", "account", timestamp=early, recvWindow=60_001)[1] == -1131


def test_a_delayed_request_is_looked_at_again_just_before_matching(asker):
    asker.fault("delay", seconds=float(DEFAULT_WINDOW_MS) / 1000 + 0.001, move=True)
    assert asker.refusal("POST", "order", **MARKET)[1] == -1021
    assert asker.venue.account.orders == ()
    asker.fault("delay", seconds=5, move=True)
    assert asker.buy()["status"] == "FILLED"


def test_unknown_paths_and_methods_are_not_found_or_not_allowed(asker):
    assert asker.exchange.answer(request("GET", "nothing")).status == 404
    assert asker.exchange.answer(request("PUT", "order")).status == 405


# Weights: https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md
@pytest.mark.parametrize(
    ("path", "parameters", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {}, 20),
        ("klines", {"symbol": "BTCUSDT", "interval": "1h"}, 2),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
        ("depth", {"symbol": "BTCUSDT", "limit": 100}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": 500}, 25),
        ("depth", {"symbol": "BTCUSDT", "limit": 1000}, 50),
        ("depth", {"symbol": "BTCUSDT", "limit": 9999}, 250),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {}, 4),
        ("ticker/bookTicker", {}, 4),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {}, 80),
        ("openOrders", {"symbol": "BTCUSDT"}, 6),
        ("openOrders", {}, 80),
        ("allOrders", {"symbol": "BTCUSDT"}, 20),
        ("account", {}, 20),
        ("account/commission", {"symbol": "BTCUSDT"}, 20),
        ("myTrades", {"symbol": "BTCUSDT"}, 20),
        ("myTrades", {"symbol": "BTCUSDT", "orderId": 1}, 5),
        ("rateLimit/order", {}, 40),
        ("order", {"symbol": "BTCUSDT", "orderId": 1}, 4),
    ],
)
def test_requests_weigh_what_the_documentation_says(asker, path, parameters, weight):
    first = asker.ask("GET", "ping").headers["X-MBX-USED-WEIGHT-1M"]
    ask = asker.signed if needs_key("GET", path) else asker.ask
    ask("GET", path, **parameters)
    assert int(asker.ask("GET", "ping").headers["X-MBX-USED-WEIGHT-1M"]) == int(first) + weight + 1


def test_a_successful_order_and_cancel_weigh_nothing_and_a_refused_one_does(asker):
    answer = asker.signed("POST", "order", **LIMIT)
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "0"
    asker.value("DELETE", "order", symbol="BTCUSDT", orderId=1)
    asker.refusal("POST", "order", **{**LIMIT, "quantity": "9"})
    assert asker.ask("GET", "ping").headers["X-MBX-USED-WEIGHT-1M"] == "2"


def test_too_much_weight_is_a_429_and_going_on_a_ban(asker):
    for _ in range(WEIGHT_LIMIT // 80):
        answer = asker.ask("GET", "ticker/24hr")
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(WEIGHT_LIMIT)
    answer = asker.ask("GET", "ping")
    assert (answer.status, json.loads(answer.body)["code"], answer.headers["Retry-After"]) == (429, -1003, "60")
    answer = asker.signed("POST", "order", **MARKET)
    assert (answer.status, json.loads(answer.body)["code"], answer.headers["Retry-After"]) == (418, -1003, "120")
    assert asker.venue.account.orders == ()
    assert asker.ask("GET", "ping", address="10.0.0.2").status == 200


def test_the_next_minute_begins_anew_for_whoever_waited(asker):
    for _ in range(WEIGHT_LIMIT // 80 + 1):
        answer = asker.ask("GET", "ticker/24hr")
    assert answer.status == 429
    asker.venue.move_clock(asker.venue.clock.now() + timedelta(seconds=int(answer.headers["Retry-After"])))
    answer = asker.ask("GET", "ping")
    assert (answer.status, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")


def test_orders_are_counted_in_the_headers_until_they_are_filled(asker):
    answer = asker.signed("POST", "order", **LIMIT)
    assert (answer.headers["X-MBX-ORDER-COUNT-10S"], answer.headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    assert asker.signed("POST", "order", **MARKET).headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert asker.signed("POST", "order", **MARKET).headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert [row["count"] for row in asker.value("GET", "rateLimit/order")] == [1, 1]
    asker.venue.move_clock(asker.venue.clock.now() + timedelta(seconds=10))
    assert [row["count"] for row in asker.value("GET", "rateLimit/order")] == [0, 1]


def test_too_many_unfilled_orders_are_refused_until_the_window_is_over(asker):
    small = {**LIMIT, "quantity": "0.001"}
    for _ in range(50):
        assert asker.signed("POST", "order", **small).status == 200
    answer = asker.signed("POST", "order", **small)
    assert (answer.status, json.loads(answer.body)["code"]) == (429, -1015)
    assert "Retry-After" not in answer.headers
    asker.venue.move_clock(asker.venue.clock.now() + timedelta(seconds=10))
    assert asker.signed("POST", "order", **small).status == 200


def test_the_log_has_no_signatures(asker):
    asker.buy()
    entry = asker.exchange.log[-1]
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/api/v3/order", 200)
    assert entry["at"] == to_ms(asker.venue.clock.now())
    assert "quantity=0.01" in entry["query"]
    assert "signature" not in entry["query"]


def request(method, path, *, query="", body="", key=None):
    return Request(method=method, path=f"/api/v3/{path}", query=query, body=body, api_key=key, address="10.0.0.1")


def sign(secret, text):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
