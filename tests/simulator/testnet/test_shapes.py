"""Every answer has the keys, types and formats of the documented example."""

import re

import pytest

from tests.simulator.testnet import documented

_EIGHT_DECIMALS = re.compile(r"-?\d+\.\d{8}")
_FREE_FORMAT = {"clientOrderId", "origClientOrderId", "symbol", "priceChangePercent"}


def assert_like(found, example, *, at="answer"):
    """The same keys and types; text that is a number has eight decimals."""
    assert type(found) is type(example), at
    if isinstance(example, dict):
        assert found.keys() == example.keys(), at
        for name, part in example.items():
            assert_like(found[name], part, at=name)
    elif isinstance(example, list) and example:
        is_row = len({type(part) for part in example}) > 1
        assert not is_row or len(found) == len(example), at
        for part, expected in zip(found, example if is_row else example[:1] * len(found), strict=True):
            assert_like(part, expected, at=at)
    elif isinstance(example, str) and re.fullmatch(r"-?\d+\.\d+", example) and at not in _FREE_FORMAT:
        assert _EIGHT_DECIMALS.fullmatch(found), f"{at}: {found}"


@pytest.mark.parametrize("shape", ["ACK", "RESULT", "FULL"])
def test_a_new_orders_answer(asker, shape):
    found = asker.buy(newOrderRespType=shape)
    assert_like(found, getattr(documented, shape))


def test_market_and_limit_orders_default_to_full_and_the_others_to_ack(asker):
    assert_like(asker.buy(), documented.FULL)
    assert_like(asker.bid("30000"), documented.FULL)
    maker = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": "20000"}
    assert_like(asker.value("POST", "order", **maker), documented.ACK)


def test_orders_as_queries_show_them(asker):
    number = asker.bid("30000")["orderId"]
    assert_like(asker.value("GET", "order", symbol="BTCUSDT", orderId=number), documented.ORDER)
    assert_like(asker.value("GET", "openOrders"), [documented.ORDER])
    assert_like(asker.value("GET", "allOrders", symbol="BTCUSDT"), [documented.ORDER])
    assert_like(asker.value("DELETE", "order", symbol="BTCUSDT", orderId=number), documented.CANCEL)
    asker.bid("30000")
    assert_like(asker.value("DELETE", "openOrders", symbol="BTCUSDT"), [documented.CANCEL])


def test_the_account(asker):
    asker.buy()
    assert_like(asker.value("GET", "account"), documented.ACCOUNT)
    assert_like(asker.value("GET", "myTrades", symbol="BTCUSDT"), documented.MY_TRADES)
    assert_like(asker.value("GET", "rateLimit/order"), documented.ORDER_COUNT)
    found = asker.value("GET", "account/commission", symbol="BTCUSDT")
    assert found.pop("specialCommission") == dict.fromkeys(found["taxCommission"], "0.00000000")
    assert_like(found, documented.COMMISSION)


def test_a_test_orders_answer(asker):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert asker.value("POST", "order/test", **order) == {}
    found = asker.value("POST", "order/test", **order, computeCommissionRates="true")
    assert found.pop("specialCommissionForOrder") == found["taxCommissionForOrder"]
    assert_like(found, documented.TEST_ORDER)


def test_the_rules(asker):
    found = asker.value("GET", "exchangeInfo")
    assert_like({**found, "symbols": []}, {**documented.EXCHANGE_INFO, "symbols": []})
    for symbol in found["symbols"]:
        filters = symbol.pop("filters")
        assert_like({**symbol, "filters": []}, documented.EXCHANGE_INFO["symbols"][0])
        assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"} <= {part["filterType"] for part in filters}
        for part in filters:
            expected = documented.FILTERS[part["filterType"]]
            assert part.keys() == expected.keys()
            assert [type(value) for value in part.values()] == [type(expected[name]) for name in part]


@pytest.mark.parametrize(
    ("path", "parameters", "example"),
    [
        ("ping", {}, {}),
        ("time", {}, documented.TIME),
        ("klines", {"symbol": "BTCUSDT", "interval": "1h"}, documented.KLINES),
        ("uiKlines", {"symbol": "BTCUSDT", "interval": "1d"}, documented.KLINES),
        ("depth", {"symbol": "BTCUSDT"}, documented.DEPTH),
        ("avgPrice", {"symbol": "BTCUSDT"}, documented.AVERAGE_PRICE),
        ("ticker/price", {"symbol": "BTCUSDT"}, documented.PRICE),
        ("ticker/price", {}, [documented.PRICE]),
        ("ticker/price", {"symbols": '["BTCUSDT","ETHUSDT"]'}, [documented.PRICE]),
        ("ticker/bookTicker", {"symbol": "ETHUSDT"}, documented.BOOK),
        ("ticker/bookTicker", {}, [documented.BOOK]),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, documented.DAY),
        ("ticker/24hr", {"type": "MINI"}, [documented.MINI]),
    ],
)
def test_market_data(asker, path, parameters, example):
    found = asker.value("GET", path, **parameters)
    assert_like(found, example)
    assert found or example == {}


def test_a_kline_has_the_documented_columns(asker):
    row = asker.value("GET", "klines", symbol="BTCUSDT", interval="1h", limit=1)[0]
    assert [type(value) for value in row] == [type(value) for value in documented.KLINES[0]]
    assert all(_EIGHT_DECIMALS.fullmatch(value) for value in row[1:6])
