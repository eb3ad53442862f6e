"""Binance's public market data over REST: klines, trading rules, prices. Keyless GET requests only.

A kline is closed when its close time is before the server's time. The server is asked once per call and *before* the
klines: a kline closed by then is final in the later answer, which asking afterwards would not show. This machine's
clock can only hide klines, never let a forming one through.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from trader.adapters.binance import weights as weigh
from trader.adapters.binance.answers import understood
from trader.adapters.binance.client import TIMEOUT, Connection
from trader.adapters.binance.rules import parse_rules
from trader.adapters.binance.weights import Weights, weights_of
from trader.core.errors import BadConfig
from trader.core.klines import Klines, checked, concat, empty, from_ms, interval_ms, to_ms
from trader.core.orders import SymbolRules
from trader.ports import Clock

PAGE = 1000
"""The most klines that one request gives."""


class BinanceMarket:
    """Klines and rules from a Binance base URL (https://data-api.binance.vision), for any number of threads.

    Raises BadConfig for an unknown symbol, a wrong URL or a place that Binance does not serve, Retryable when it does
    not answer or limits the rate, Rejected when it refuses a request, and BadData for an answer that cannot be right.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        timeout: tuple[float, float] = TIMEOUT,
        weights: Weights | None = None,
    ) -> None:
        if not re.match(r"^https?://[^/]", base_url):
            raise BadConfig(f"market {base_url!r} is not a URL; write it as https://data-api.binance.vision")
        self._base_url = base_url.rstrip("/").removesuffix("/api")
        self._clock = clock
        self._connection = Connection(self._base_url, weights=weights or weights_of(self._base_url), timeout=timeout)
        self._rules: dict[str, SymbolRules] = {}

    def __repr__(self) -> str:
        return f"BinanceMarket({self._base_url!r})"

    def server_time(self) -> datetime:
        """Return the server's aware UTC time."""
        what = "the server's time"
        answer = self._connection.ask(what, lambda client: client.get_server_time(), weight=weigh.TIME)
        with understood(self._base_url, what):
            return from_ms(int(answer["serverTime"]))

    def klines(self, symbol: str, interval: str, *, start: datetime, end: datetime) -> Klines:
        """Return the real klines with start <= open time < end that are closed both here and at the server.

        Klines that do not open on the interval's grid are left out.
        """
        step = interval_ms(interval)
        if start >= end:
            return empty(interval)
        now = to_ms(min(self.server_time(), self._clock.now()))
        from_time, to_time = to_ms(start), min(to_ms(end), now) - 1
        parts = []
        while from_time <= to_time:
            page = self._page(symbol, interval, start=from_time, end=to_time)
            usable = [row for row in page if row[0] % step == 0 and row[6] < now]
            parts.append(_klines(usable, interval=interval, source=f"{symbol} {interval} from {self._base_url}"))
            if len(page) < PAGE:
                break
            from_time = page[-1][0] + 1
        return concat(parts, interval)

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules, asked for once in the life of this object: a run is short."""
        if symbol not in self._rules:
            self._rules[symbol] = self._ask_rules(symbol)
        return self._rules[symbol]

    def price(self, symbol: str) -> Decimal:
        """Return the last price in quote units."""
        answer = self._connection.ask(
            symbol, lambda client: client.get_symbol_ticker(symbol=symbol), weight=weigh.TICKER
        )
        with understood(self._base_url, symbol):
            return Decimal(answer["price"])

    def _ask_rules(self, symbol: str) -> SymbolRules:
        # The public method has no symbol parameter and would fetch the rules of all symbols, some 20 MB.
        answer = self._connection.ask(
            symbol,
            lambda client: client._get("exchangeInfo", data={"symbol": symbol}),  # noqa: SLF001
            weight=weigh.EXCHANGE_INFO,
        )
        with understood(self._base_url, symbol):
            self._connection.weights.learn(answer.get("rateLimits"))
            return parse_rules(answer, symbol=symbol)

    def _page(self, symbol: str, interval: str, *, start: int, end: int) -> list[list[Any]]:
        answer = self._connection.ask(
            symbol,
            lambda client: client.get_klines(
                symbol=symbol, interval=interval, startTime=start, endTime=end, limit=PAGE
            ),
            weight=weigh.KLINES,
        )
        with understood(self._base_url, symbol):
            rows = [[int(row[0]), *map(float, row[1:6]), int(row[6])] for row in answer]
            if rows and not start <= rows[0][0] <= rows[-1][0] <= end:
                raise ValueError(f"klines from {rows[0][0]} to {rows[-1][0]}, asked from {start} to {end}")
            return rows


def _klines(rows: Sequence[Sequence[Any]], *, interval: str, source: str) -> Klines:
    if not rows:
        return empty(interval)
    values = np.array([row[1:6] for row in rows], dtype=np.float64)
    return checked(
        interval=interval,
        source=source,
        open_time=np.array([row[0] for row in rows], dtype=np.int64),
        open=values[:, 0],
        high=values[:, 1],
        low=values[:, 2],
        close=values[:, 3],
        volume=values[:, 4],
    )
