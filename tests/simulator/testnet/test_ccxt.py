"""The real ccxt trades against the server, by nothing but another address."""

import ccxt
import pytest

from tests.builders import random_klines
from tests.simulator.testnet.conftest import NOW
from tests.testnet import running_testnet

pytestmark = pytest.mark.slow

SYMBOL = "BTC/USDT"


@pytest.fixture
def net():
    klines = {"BTCUSDT": random_klines(200, price=40000.0), "ETHUSDT": random_klines(200, price=2000.0, seed=1)}
    with running_testnet(klines, now=NOW) as running:
        yield running


@pytest.fixture
def exchange(net):
    """What a user of ccxt does for another testnet: its addresses, spot only, nothing from /sapi."""
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    made = ccxt.binance({"apiKey": net.key, "secret": net.secret, "options": options, "enableRateLimit": False})
    made.urls["test"].update(public=f"{net.url}/api/v3", private=f"{net.url}/api/v3")
    made.set_sandbox_mode(True)
    made.load_time_difference()
    made.load_markets()
    yield made
    made.close()
    made.session.close()


def test_markets_and_their_rules(exchange):
    assert sorted(exchange.markets) == [SYMBOL, "ETH/USDT"]
    market = exchange.market(SYMBOL)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert market["active"]


def test_klines_and_prices(net, exchange):
    hourly = exchange.fetch_ohlcv(SYMBOL, "1h", limit=5)
    assert len(hourly) == 5
    assert hourly[-1][0] == net.venue.clock.now_ms() // 3_600_000 * 3_600_000
    assert len(exchange.fetch_ohlcv(SYMBOL, "1d")) == 5
    assert exchange.fetch_ticker(SYMBOL)["last"] == pytest.approx(hourly[-1][4], rel=1e-3)
    book = exchange.fetch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0]


def test_balances_and_a_market_order(exchange):
    before = exchange.fetch_balance()
    order = exchange.create_market_order(SYMBOL, "buy", 0.01)
    assert (order["status"], order["filled"]) == ("closed", 0.01)
    assert order["fees"][0]["currency"] == "BTC"
    after = exchange.fetch_balance()
    assert after["USDT"]["total"] == pytest.approx(before["USDT"]["total"] - order["cost"])
    assert exchange.fetch_my_trades(SYMBOL)[0]["order"] == order["id"]


def test_a_limit_order_from_opening_to_cancelling(exchange):
    order = exchange.create_limit_order(SYMBOL, "buy", 0.01, 20000)
    assert order["status"] == "open"
    assert exchange.fetch_balance()["USDT"]["used"] == 200
    assert exchange.fetch_order(order["id"], SYMBOL)["status"] == "open"
    assert [open_["id"] for open_ in exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert exchange.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert len(exchange.fetch_orders(SYMBOL)) == 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda one: one.create_market_order(SYMBOL, "buy", 50), ccxt.InsufficientFunds),
        (lambda one: one.create_limit_order(SYMBOL, "buy", 0.01, 2000), ccxt.InvalidOrder),
        (lambda one: one.create_limit_order(SYMBOL, "buy", 0.0001, 20000), ccxt.BadRequest),
        (lambda one: one.fetch_order("999", SYMBOL), ccxt.OrderNotFound),
        (lambda one: one.cancel_order("999", SYMBOL), ccxt.OrderNotFound),
        (lambda one: one.fetch_ohlcv(SYMBOL, "1m"), ccxt.BadRequest),
    ],
)
def test_refusals_are_the_errors_that_ccxt_has_for_them(exchange, call, error):
    with pytest.raises(error):
        call(exchange)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("too-many-requests", ccxt.DDoSProtection),
        ("banned", ccxt.DDoSProtection),
        ("bad-timestamp", ccxt.InvalidNonce),
        ("timeout", ccxt.RequestTimeout),
        ("bad-gateway", ccxt.ExchangeNotAvailable),
        ("geo-block", ccxt.ExchangeNotAvailable),
    ],
)
def test_faults_are_the_errors_that_ccxt_has_for_them(net, exchange, name, error):
    net.control.fault("error", error=name)
    with pytest.raises(error):
        exchange.fetch_balance()


def test_a_stranger_is_not_let_in(exchange):
    exchange.apiKey = "x" * 64
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
    exchange.apiKey = "short"
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()


def test_too_much_weight_is_a_rate_limit_to_ccxt(exchange):
    def ask_too_much():
        for _ in range(100):
            exchange.fetch_tickers()

    with pytest.raises((ccxt.RateLimitExceeded, ccxt.DDoSProtection)):
        ask_too_much()
