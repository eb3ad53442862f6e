"""Placing, finding and cancelling orders; balances, trades, and what the passing time does to resting orders."""

from datetime import timedelta
from decimal import Decimal

from tests.builders import HOUR


def balances(asker):
    return {
        row["asset"]: (Decimal(row["free"]), Decimal(row["locked"]))
        for row in asker.value("GET", "account")["balances"]
    }


def bid_below(asker, share):
    """A price this much below the market's, on the tick."""
    price = Decimal(asker.value("GET", "ticker/price", symbol="BTCUSDT")["price"])
    return str((price * (1 - Decimal(share))).quantize(Decimal("0.01")))


def test_a_market_order_is_filled_from_the_book_that_is_shown(asker):
    ask = asker.value("GET", "ticker/bookTicker", symbol="BTCUSDT")["askPrice"]
    before = balances(asker)
    found = asker.buy("0.01", newClientOrderId="mine")
    assert (found["status"], found["clientOrderId"]) == ("FILLED", "mine")
    assert [fill["price"] for fill in found["fills"]] == [ask]
    fill = found["fills"][0]
    assert Decimal(fill["commission"]) == Decimal("0.01") * Decimal("0.001")
    after = balances(asker)
    assert after["BTC"][0] == before["BTC"][0] + Decimal("0.01") - Decimal(fill["commission"])
    assert after["USDT"][0] == before["USDT"][0] - Decimal(found["cummulativeQuoteQty"])


def test_an_order_by_quote_amount(asker):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "500"}
    found = asker.value("POST", "order", **order)
    assert found["origQuoteOrderQty"] == "500.00000000"
    assert Decimal(490) < Decimal(found["cummulativeQuoteQty"]) <= 500


def test_the_same_id_of_a_filled_order_executes_again_and_is_counted(asker):
    asker.buy(newClientOrderId="twice")
    asker.buy(newClientOrderId="twice")
    assert asker.control("GET", "orders")["by_client_order_id"]["twice"] == {"placed": 2, "executed": 2}
    assert asker.value("GET", "order", symbol="BTCUSDT", origClientOrderId="twice")["orderId"] == 2


def test_the_same_id_of_an_open_order_is_refused(asker):
    asker.bid("30000", newClientOrderId="open")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "open"}
    assert asker.refusal("POST", "order", **order) == (400, -2010, "Duplicate order sent.")


def test_a_resting_order_locks_its_price_until_it_is_cancelled(asker):
    before = balances(asker)
    found = asker.bid("30000", "0.1")
    assert found["status"] == "NEW"
    assert balances(asker)["USDT"] == (before["USDT"][0] - 3000, Decimal(3000))
    gone = asker.value("DELETE", "order", symbol="BTCUSDT", orderId=found["orderId"], newClientOrderId="cancel1")
    assert (gone["status"], gone["clientOrderId"], gone["origClientOrderId"]) == (
        "CANCELED",
        "cancel1",
        found["clientOrderId"],
    )
    assert balances(asker) == before
    assert asker.refusal("DELETE", "order", symbol="BTCUSDT", orderId=found["orderId"])[1:] == (
        -2011,
        "Unknown order sent.",
    )


def test_a_cancel_may_be_restricted_to_a_status(asker):
    number = asker.bid("30000")["orderId"]
    cancel = {"symbol": "BTCUSDT", "orderId": number}
    assert asker.refusal("DELETE", "order", **cancel, cancelRestrictions="ANY")[1] == -1145
    found = asker.refusal("DELETE", "order", **cancel, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert found == (400, -2011, "Order was not canceled due to cancel restrictions.")
    assert asker.value("DELETE", "order", **cancel, cancelRestrictions="ONLY_NEW")["status"] == "CANCELED"


def test_all_open_orders_of_a_symbol_are_cancelled_at_once(asker):
    for price in ("30000", "29000"):
        asker.bid(price)
    assert len(asker.value("DELETE", "openOrders", symbol="BTCUSDT")) == 2
    assert asker.value("GET", "openOrders") == []
    assert asker.refusal("DELETE", "openOrders", symbol="BTCUSDT")[1] == -2011


def test_a_limit_order_that_reaches_the_book_takes_at_once(asker):
    found = asker.bid(bid_below(asker, "-0.01"))
    assert found["status"] == "FILLED"
    trade = asker.value("GET", "myTrades", symbol="BTCUSDT")[0]
    assert (trade["isMaker"], trade["isBuyer"], trade["orderId"]) == (False, True, found["orderId"])


def test_a_resting_order_is_filled_as_maker_at_its_price_when_the_time_passes_through_it(asker):
    price = bid_below(asker, "0.003")
    found = asker.bid(price)
    assert found["status"] == "NEW"
    asker.venue.move_clock(asker.venue.clock.now() + 90 * HOUR)
    order = asker.value("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])
    assert order["status"] == "FILLED"
    trade = asker.value("GET", "myTrades", symbol="BTCUSDT")[0]
    assert (Decimal(trade["price"]), trade["isMaker"]) == (Decimal(price), True)
    klines = asker.value("GET", "klines", symbol="BTCUSDT", interval="1h", limit=1000)
    at = next(row for row in klines if row[0] <= trade["time"] - 1 <= row[6])
    assert Decimal(at[3]) <= Decimal(price)
    assert trade["time"] > order["time"]


def test_what_happened_before_an_order_was_placed_does_not_fill_it(asker):
    klines = asker.venue.markets["BTCUSDT"].klines
    hour = next(
        row
        for row in range(101, 190)
        if klines.low[row] < klines.close[row] * 0.9985 and klines.low[row + 1] > klines.low[row] * 1.0002
    )
    asker.venue.move_clock(asker.venue.clock.now() + (hour - 100 + 1) * HOUR - timedelta(minutes=20, milliseconds=1))
    found = asker.bid(str(Decimal(str(klines.low[hour])).quantize(Decimal("0.01")) + Decimal("0.02")))
    assert asker.value("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])["status"] == "NEW"
    asker.venue.move_clock(asker.venue.clock.now() + HOUR)
    assert asker.value("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])["status"] == "NEW"


def test_placing_an_order_first_settles_what_happened_until_then(asker):
    klines = asker.venue.markets["BTCUSDT"].klines
    asker.venue.clock.move_to(asker.venue.clock.now() + 50 * HOUR)
    price = Decimal(str(klines.low[101:150].min())).quantize(Decimal("0.01")) + 1
    found = asker.bid(str(price))
    asker.venue.clock.move_to(asker.venue.clock.now() + timedelta(seconds=1))
    order = asker.value("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])
    assert order["status"] == "NEW"


def test_a_halted_symbol_takes_no_orders_and_fills_none(asker):
    found = asker.bid(bid_below(asker, "0.003"))
    asker.control("POST", "faults", {"kind": "symbol-status", "symbol": "BTCUSDT", "status": "HALT"})
    assert asker.value("GET", "exchangeInfo", symbol="BTCUSDT")["symbols"][0]["status"] == "HALT"
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert asker.refusal("POST", "order", **order) == (400, -1013, "Market is closed.")
    asker.venue.move_clock(asker.venue.clock.now() + 90 * HOUR)
    assert asker.value("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])["status"] == "NEW"


def test_trades_are_listed_by_order_id_and_time(asker):
    for _ in range(3):
        asker.buy("0.001")
        asker.venue.move_clock(asker.venue.clock.now() + timedelta(seconds=1))
    trades = asker.value("GET", "myTrades", symbol="BTCUSDT")
    assert [trade["id"] for trade in trades] == [1, 2, 3]
    listed = {
        (): [1, 2, 3],
        (("limit", 2),): [2, 3],
        (("fromId", 2),): [2, 3],
        (("fromId", 1), ("limit", 2)): [1, 2],
        (("orderId", 2),): [2],
        (("startTime", trades[1]["time"]),): [2, 3],
        (("endTime", trades[1]["time"]),): [1, 2],
    }
    for given, expected in listed.items():
        found = asker.value("GET", "myTrades", symbol="BTCUSDT", **dict(given))
        assert [trade["id"] for trade in found] == expected, given


def test_orders_are_listed_from_an_id_on_or_the_newest(asker):
    for _ in range(3):
        asker.buy("0.001")
    for given, expected in (
        ({}, [1, 2, 3]),
        ({"limit": 2}, [2, 3]),
        ({"orderId": 2}, [2, 3]),
        ({"orderId": 1, "limit": 1}, [1]),
    ):
        found = asker.value("GET", "allOrders", symbol="BTCUSDT", **given)
        assert [order["orderId"] for order in found] == expected
    assert asker.value("GET", "allOrders", symbol="ETHUSDT") == []


def test_an_old_order_without_a_fill_is_archived(asker):
    found = asker.bid("30000")
    asker.value("DELETE", "order", symbol="BTCUSDT", orderId=found["orderId"])
    filled = asker.buy()
    asker.venue.move_clock(asker.venue.clock.now() + timedelta(days=91))
    assert asker.refusal("GET", "order", symbol="BTCUSDT", orderId=found["orderId"])[1] == -2026
    assert asker.value("GET", "order", symbol="BTCUSDT", orderId=filled["orderId"])["status"] == "FILLED"


def test_zero_balances_may_be_left_out(asker):
    free = balances(asker)["BTC"][0]
    asker.control("POST", "faults", {"kind": "balance", "asset": "BTC", "amount": str(-free)})
    assert "BTC" in balances(asker)
    assets = [row["asset"] for row in asker.value("GET", "account", omitZeroBalances="true")["balances"]]
    assert assets == ["ETH", "USDT"]


def test_a_test_order_is_validated_and_not_placed(asker):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    assert asker.value("POST", "order/test", **order, quantity="1") == {}
    assert asker.refusal("POST", "order/test", **order, quantity="0.0000001")[1] == -1013
    assert asker.venue.account.orders == ()
