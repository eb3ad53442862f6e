"""A small server that answers as Binance's documentation says, and can be told to fail or to say anything else.

https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md#market-data-endpoints: klines default to 500
and are at most 1000 a request, from `startTime` on, ascending; the forming kline is among them. Orders are in
tests/binance_account.py.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from trader.core.klines import INTERVALS, Klines, to_ms

# The shape and the figures of the documentation's examples of exchangeInfo and filters.
EXCHANGE_INFO = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "107.72", "stepSize": "0.00000000"},
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ],
}


class BinanceServer:
    """Klines by symbol, a server time, and `faults`: (status, body, headers), a function, or None for no fault.

    They are used up one a request, under the last word of its path, or method and last word ("POST order").
    `requests` are (method, path, parameters), `raw` what was sent: (query string, body).
    """

    def __init__(self) -> None:
        self.now = 0
        self.klines: dict[str, Klines] = {}
        self.info: dict = json.loads(json.dumps(EXCHANGE_INFO))
        self.extra_rows: list[list] = []
        self.faults: dict[str, list] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.raw: list[tuple[str, str]] = []
        self.account = None
        self.headers: list[dict[str, str]] = []
        self.on_time = lambda: None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method: str, path: str, query: dict[str, str]) -> tuple[int, object]:  # noqa: PLR0911
        """Return status and body, as documented."""
        if self.account is not None and path in self.account.paths:
            return self.account.answer(method, path, query)
        if path == "/api/v3/time":
            answer = {"serverTime": self.now}
            self.on_time()
            return 200, answer
        if query.get("symbol") not in self.klines:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        if path == "/api/v3/ticker/price":
            return 200, {"symbol": query["symbol"], "price": "60001.23000000"}
        if path == "/api/v3/ticker/bookTicker":
            return 200, {"symbol": query["symbol"], "bidPrice": "60000.00", "bidQty": "1", "askPrice": "60001.00"}
        if path == "/api/v3/exchangeInfo":
            return 200, {"timezone": "UTC", "symbols": [{**self.info, "symbol": query["symbol"]}]}
        if path == "/api/v3/klines":
            return self.page(query)
        return 404, "<html>Not found</html>"

    def page(self, query: dict[str, str]) -> tuple[int, object]:
        """Return a page of klines."""
        if query.get("interval") not in INTERVALS:
            return 400, {"code": -1120, "msg": "Invalid interval."}
        limit = int(query.get("limit", 500))
        rows = [*self.rows(query["symbol"]), *self.extra_rows]
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", self.now))
        wanted = sorted(row for row in rows if start <= row[0] <= end and row[0] <= self.now)
        page = wanted[: min(limit, 1000)] if "startTime" in query else wanted[-min(limit, 1000) :]
        return 200, page

    def rows(self, symbol: str) -> list[list]:
        """Return all klines as the API writes them."""
        klines = self.klines[symbol]
        step = INTERVALS[klines.interval]
        columns = (klines.open_time, klines.open, klines.high, klines.low, klines.close, klines.volume)
        return [
            [int(at), *(repr(float(value)) for value in values), int(at) + step - 1, "0", 7, "0", "0", "0"]
            for at, *values in zip(*columns, strict=True)
        ]

    def asked(self, path: str, method: str = "") -> list[dict[str, str]]:
        """Return the parameters of the requests for a path."""
        return [query for by, asked, query in self.requests if asked == f"/api/v3/{path}" and method in ("", by)]

    def fault(self, method: str, path: str) -> object:
        """Return what shall go wrong with this request, None for nothing."""
        word = path.rpartition("/")[2]
        faults = self.faults.get(f"{method} {word}") or self.faults.get(word)
        return faults.pop(0) if faults else None


def _handler(binance: BinanceServer):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes: 40 ms otherwise

        def do_GET(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            query = dict(parse_qsl(parts.query) + parse_qsl(body))
            binance.raw.append((parts.query, body))
            binance.requests.append((self.command, parts.path, query))
            binance.headers.append(dict(self.headers))
            fault = binance.fault(self.command, parts.path)
            if callable(fault):
                fault(self)
            elif fault is not None:
                self.reply(*fault)
            else:
                self.reply(*binance.answer(self.command, parts.path, query))

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server calls

        def reply(self, status, body, headers=()):
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Keep the tests' output quiet."""

    return Handler


@contextmanager
def serving(klines: dict[str, Klines], *, now):
    """A running server with these klines."""
    binance = BinanceServer()
    binance.klines = klines
    binance.now = to_ms(now)
    thread = threading.Thread(target=binance.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield binance
    finally:
        binance.server.shutdown()
        binance.server.server_close()
        thread.join()
