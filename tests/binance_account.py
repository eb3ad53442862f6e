"""An account behind tests/binance_server.py: orders, trades, signatures and the age of a request, as documented.

Just enough to script what the exchange says of one order. `running_venue` gives a server, an exchange that talks to it
and a host whose sleep moves the server's clock, so that nothing is waited for.
"""

import hashlib
import hmac
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl

from tests.binance_server import BinanceServer, serving
from tests.builders import random_klines
from tests.patience import PATIENT
from trader.adapters.binance.exchange import BinanceExchange
from trader.adapters.binance.weights import Weights
from trader.core.klines import from_ms, to_ms
from trader.core.orders import OrderIntent, Side

NOW = datetime(2026, 11, 20, 16, 0, 30, tzinfo=UTC)
KEY = "canaryKey" + "K" * 55
SECRET = "canarySecret" + "S" * 52
WINDOW = timedelta(seconds=5)
LAG = timedelta(seconds=10)
TRADE = {"price": "60001.00", "qty": "0.00300000", "commission": "0.00000300", "commissionAsset": "BTC"}

NO_SUCH_ORDER = (400, {"code": -2013, "msg": "Order does not exist."})
OUTSIDE = (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."})


class Account:
    """The orders that were taken, by client order id, and how often each; market orders are filled whole."""

    paths = ("/api/v3/order", "/api/v3/myTrades", "/api/v3/account")

    def __init__(self, server: BinanceServer) -> None:
        self.server = server
        self.orders: dict[str, dict] = {}
        self.trades: dict[int, list[dict]] = {}
        self.taken: list[str] = []
        self.balances: object = [{"asset": "USDT", "free": "4723846.89208129", "locked": "0.00000000"}]
        self.verify = self.is_hmac

    def answer(self, method, path, query):
        age = self.server.now - int(query["timestamp"])
        if not self.verify(self.server.raw[-1]):
            return 400, {"code": -1022, "msg": "Signature for this request is not valid."}
        if not -1000 < age <= int(query.get("recvWindow", 5000)):
            return OUTSIDE
        if path.endswith("account"):
            return 200, {"balances": self.balances}
        if path.endswith("myTrades"):
            rows = self.trades.get(int(query["orderId"]), [])
            rows = [row for row in rows if row["id"] >= int(query.get("fromId", 0))]
            return 200, rows[: int(query.get("limit", 500))]
        return self.take(query) if method == "POST" else self.query(query)

    def is_hmac(self, raw):
        query, body = raw
        text = "&".join(part for part in (query + body).split("&") if not part.startswith("signature="))
        signature = dict(parse_qsl(query) + parse_qsl(body))["signature"]
        return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() == signature

    def take(self, query):
        """Fill an order, whatever its id was used for before."""
        order = order_answer(
            clientOrderId=query["newClientOrderId"],
            side=query["side"],
            origQty=query["quantity"],
            executedQty=query["quantity"],
            orderId=len(self.taken) + 28,
            time=self.server.now,
        )
        self.taken.append(order["clientOrderId"])
        self.orders[order["clientOrderId"]] = order
        self.trades[order["orderId"]] = [{**TRADE, "qty": query["quantity"], "id": 1, "orderId": order["orderId"]}]
        return 200, {**order, "transactTime": self.server.now, "fills": self.trades[order["orderId"]]}

    def query(self, query):
        order = self.orders.get(query["origClientOrderId"])
        return (200, order) if order else NO_SUCH_ORDER


class Host:
    """A host whose monotonic clock stands still but for what is slept; sleeping moves the server's clock as well."""

    def __init__(self, server: BinanceServer) -> None:
        self.server = server
        self.slept: list[float] = []
        self.passed = 1000.0

    def now(self):
        raise AssertionError("the wall clock is nobody's business here")

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.passed += seconds
        self.server.now += round(seconds * 1000)


class Venue:
    """A server with an account, and the exchange under test in front of it."""

    def __init__(self, server: BinanceServer) -> None:
        self.server = server
        self.account = server.account = Account(server)
        self.host = Host(server)
        self.exchange = self.connect()

    def connect(self, **options) -> BinanceExchange:
        given = {
            "api_key": KEY,
            "api_secret": SECRET,
            "private_key": None,
            "host": self.host,
            "recv_window": WINDOW,
            "lag": LAG,
            "timeout": PATIENT,
            "weights": Weights(monotonic=self.host.monotonic, sleep=self.host.sleep),
        }
        return BinanceExchange(self.server.url, **{**given, **options})

    def intent(self, **changes) -> OrderIntent:
        given = {
            "symbol": "BTCUSDT",
            "side": Side.BUY,
            "quantity": Decimal("0.00300"),
            "client_order_id": "BTCUSDT-2611201600-1-0a1b2c3d",
            "signed_at": from_ms(self.server.now),
        }
        return OrderIntent(**{**given, **changes})

    def posts(self) -> int:
        return len(self.server.asked("order", "POST"))


@contextmanager
def running_venue():
    """A running server with an account and an exchange that talks to it."""
    with serving({"BTCUSDT": random_klines(10, start=datetime(2026, 11, 20, 6, tzinfo=UTC))}, now=NOW) as server:
        yield Venue(server)


def order_answer(**changes) -> dict:
    """Return an order as a query shows it (rest-api.md, "Query order")."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "orderListId": -1,
        "clientOrderId": "BTCUSDT-2611201600-1-0a1b2c3d",
        "price": "0.00000000",
        "origQty": "0.00300000",
        "executedQty": "0.00300000",
        "cummulativeQuoteQty": "180.00300000",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "time": to_ms(NOW),
        "updateTime": to_ms(NOW),
        "isWorking": True,
        **changes,
    }


def full_answer(**changes) -> dict:
    """Return the answer to a new order, FULL (rest-api.md, "New order")."""
    return {**order_answer(), "transactTime": to_ms(NOW), "fills": [TRADE], **changes}
