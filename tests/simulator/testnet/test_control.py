"""The control door: the clock, resets, balances, the venue's own price, and what was executed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.simulator.testnet.conftest import NOW


def free(asker, asset):
    return Decimal(asker.control("GET", "state")["balances"].get(asset, "0"))


def test_the_state_says_what_there_is(asker):
    asker.ask("GET", "exchangeInfo")
    asker.fault("drop")
    state = asker.control("GET", "state")
    assert state["now"] == NOW.isoformat()
    assert state["used_weight"] == {"10.0.0.1": 20}
    assert state["symbols"]["BTCUSDT"]["status"] == "TRADING"
    assert [fault["kind"] for fault in state["faults"]] == ["drop"]


def test_the_clock_moves_forward_only(asker):
    moved = asker.control("POST", "clock", {"advance_seconds": 90})
    assert moved["now"] == (NOW + timedelta(seconds=90)).isoformat()
    later = (NOW + timedelta(days=1)).isoformat()
    assert asker.control("POST", "clock", {"now": later})["now"] == later
    assert "cannot go back" in asker.control("POST", "clock", {"now": NOW.isoformat()})["error"]
    assert asker.value("GET", "time")["serverTime"] == (NOW + timedelta(days=1)).timestamp() * 1000


@pytest.mark.parametrize("content", [{"now": "tomorrow"}, {"now": "2030-01-01T00:00:00"}, {"advance_seconds": "x"}])
def test_a_time_that_cannot_be_read_is_refused(asker, content):
    assert "clock: write" in asker.control("POST", "clock", content)["error"]


def test_a_reset_forgets_orders_and_gives_fresh_balances_but_the_history_stays(asker):
    before = free(asker, "USDT")
    asker.buy(newClientOrderId="mine")
    asker.control("POST", "faults", {"kind": "wipe"})
    assert asker.refusal("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")[1] == -2013
    assert asker.value("GET", "myTrades", symbol="BTCUSDT") == []
    assert free(asker, "USDT") == before
    asker.buy(newClientOrderId="mine")
    asker.buy(newClientOrderId="other")
    found = asker.control("GET", "orders")
    assert found["by_client_order_id"] == {
        "mine": {"placed": 2, "executed": 2},
        "other": {"placed": 1, "executed": 1},
    }
    assert [(order["epoch"], order["orderId"]) for order in found["orders"]] == [(0, 1), (1, 1), (1, 2)]


def test_the_history_follows_an_order_to_its_end(asker):
    number = asker.bid("30000", newClientOrderId="mine")["orderId"]
    asker.value("DELETE", "order", symbol="BTCUSDT", orderId=number)
    found = asker.control("GET", "orders")
    assert [order["status"] for order in found["orders"]] == ["CANCELED"]
    assert found["by_client_order_id"] == {"mine": {"placed": 1, "executed": 0}}


def test_a_reset_shows_everything_that_was_held_back(asker):
    asker.fault("order-lag", queries=99)
    asker.buy()
    asker.control("POST", "faults", {"kind": "wipe"})
    assert asker.value("GET", "order", symbol="BTCUSDT", orderId=asker.buy()["orderId"])["status"] == "FILLED"


def test_deleting_the_faults_lets_a_halted_symbol_trade_again(asker):
    asker.control("POST", "faults", {"kind": "symbol-status", "symbol": "BTCUSDT", "status": "HALT"})
    asker.control("DELETE", "faults")
    assert asker.buy()["status"] == "FILLED"


def test_balances_change_out_of_nothing_and_never_below_zero(asker):
    before = free(asker, "USDT")
    asker.control("POST", "faults", {"kind": "balance", "asset": "USDT", "amount": "-12.5"})
    asker.control("POST", "faults", {"kind": "balance", "asset": "BNB", "amount": "3"})
    assert free(asker, "USDT") == before - Decimal("12.5")
    assert free(asker, "BNB") == 3
    refused = asker.control("POST", "faults", {"kind": "balance", "asset": "USDT", "amount": "-999999"})
    assert "cannot be taken" in refused["error"]


def test_the_venues_price_can_differ_from_the_market(asker):
    price = Decimal(asker.value("GET", "ticker/price", symbol="BTCUSDT")["price"])
    klines = asker.value("GET", "klines", symbol="BTCUSDT", interval="1h", limit=1)
    asker.control("POST", "faults", {"kind": "price-basis", "factor": "1.05"})
    moved = Decimal(asker.value("GET", "ticker/price", symbol="BTCUSDT")["price"])
    assert moved == pytest.approx(price * Decimal("1.05"), abs=Decimal("0.01"))
    assert Decimal(asker.buy()["fills"][0]["price"]) > moved
    assert asker.value("GET", "klines", symbol="BTCUSDT", interval="1h", limit=1) == klines
    asker.control("DELETE", "faults")
    assert Decimal(asker.value("GET", "ticker/price", symbol="BTCUSDT")["price"]) == price


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "balance", "asset": "USDT"}, "missing or malformed"),
        ({"kind": "balance", "asset": "USDT", "amount": "much"}, "missing or malformed"),
        ({"kind": "price-basis", "factor": "0"}, "is not positive"),
        ({"kind": "price-basis", "factor": "NaN"}, "is not positive"),
        ({"kind": "symbol-status", "symbol": "BTCUSDT", "status": "ASLEEP"}, "use a symbol of here"),
        ({"kind": "symbol-status", "symbol": "XXX", "status": "HALT"}, "use a symbol of here"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(asker, content, words):
    assert words in asker.control("POST", "faults", content)["error"]


def test_there_is_no_other_door(asker):
    assert "there is no such door" in asker.control("POST", "state")["error"]
    assert "there is no such door" in asker.control("GET", "secrets")["error"]
