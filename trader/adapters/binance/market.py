"""Binance's public market data over REST: klines, trading rules, prices. Keyless GET requests only.

A kline is closed when its close time is before the server's time. The server is asked once per call and *before* the
klines: a kline closed by then is final in the later answer, which asking afterwards would not show. This machine's
clock can only hide klines, never let a forming one through.

The library's client keeps the last response in itself and reads it back, so two threads on one client can get each
other's answers: every thread has a copy of its own.
"""

import copy
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import numpy as np
import requests

from trader.core.errors import BadConfig, BadData, Rejected, Retryable, TraderError
from trader.core.klines import Klines, checked, concat, empty, from_ms, interval_ms, to_ms
from trader.core.orders import ZERO, LotSize, SymbolRules
from trader.ports import Clock

PAGE = 1000
"""The most klines that one request gives."""

_TIMEOUT = (3.0, 15.0)
"""Seconds to connect and to read; longer than the server's own 10, so that its own time-out is heard."""

_BAD_SYMBOL, _BAD_INTERVAL = -1121, -1120
_TEMPORARY_CODES = (-1000, -1001, -1003, -1006, -1007, -1008, -1016)
_GEO_BLOCK = "Binance does not serve this place (US addresses, and clouds' us regions); run in another region"
_TEMPORARY_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.IM_A_TEAPOT, HTTPStatus.TOO_MANY_REQUESTS)


class BinanceMarket:
    """Klines and rules from a Binance base URL (https://data-api.binance.vision), for any number of threads.

    Raises BadConfig for an unknown symbol, a wrong URL or a place that Binance does not serve, Retryable when it does
    not answer or limits the rate, Rejected when it refuses a request, and BadData for an answer that cannot be right.
    """

    def __init__(self, base_url: str, *, clock: Clock, timeout: tuple[float, float] = _TIMEOUT) -> None:
        if not re.match(r"^https?://[^/]", base_url):
            raise BadConfig(f"market {base_url!r} is not a URL; write it as https://data-api.binance.vision")
        self._base_url = base_url.rstrip("/").removesuffix("/api")
        self._clock = clock
        self._original = _new_client(api_url=f"{self._base_url}/api", timeout=timeout)
        self._local = threading.local()
        self._rules: dict[str, SymbolRules] = {}

    def __repr__(self) -> str:
        return f"BinanceMarket({self._base_url!r})"

    def server_time(self) -> datetime:
        """Return the server's aware UTC time."""
        with self._translated("the server's time") as client:
            return from_ms(int(_answered(client.get_server_time())["serverTime"]))

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

    def _ask_rules(self, symbol: str) -> SymbolRules:
        with self._translated(symbol) as client:
            # The public method has no symbol parameter and would fetch the rules of all symbols, some 20 MB.
            answer = client._get("exchangeInfo", data={"symbol": symbol})  # noqa: SLF001
            return parse_rules(_answered(answer), symbol=symbol)

    def price(self, symbol: str) -> Decimal:
        """Return the last price in quote units."""
        with self._translated(symbol) as client:
            return Decimal(_answered(client.get_symbol_ticker(symbol=symbol))["price"])

    def _page(self, symbol: str, interval: str, *, start: int, end: int) -> list[list[Any]]:
        with self._translated(symbol) as client:
            answer = client.get_klines(symbol=symbol, interval=interval, startTime=start, endTime=end, limit=PAGE)
            rows = [[int(row[0]), *map(float, row[1:6]), int(row[6])] for row in _answered(answer)]
            if rows and not start <= rows[0][0] <= rows[-1][0] <= end:
                raise ValueError(f"klines from {rows[0][0]} to {rows[-1][0]}, asked from {start} to {end}")
            return rows

    @property
    def _client(self) -> Any:
        if not hasattr(self._local, "client"):
            client = copy.copy(self._original)
            client.session = requests.Session()
            client.session.headers.update(self._original.session.headers)
            self._local.client = client
        return self._local.client

    @contextmanager
    def _translated(self, what: str) -> Iterator[Any]:
        """Give this thread's client and turn what goes wrong with it into our errors."""
        from binance.exceptions import BinanceAPIException, BinanceRequestException  # noqa: PLC0415

        client = self._client
        try:
            yield client
        except BinanceAPIException as error:
            raise self._refusal(what, error.response, code=error.code or 0, message=error.message) from error
        except BinanceRequestException as error:
            raise Retryable(f"{self._base_url} gave no JSON for {what}: {str(error)[:200]}; try again later") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise BadConfig(f"market URL {self._base_url} is not valid: {error}") from error
        except requests.RequestException as error:
            raise Retryable(
                f"{self._base_url} did not answer for {what} ({type(error).__name__}); check the network, try later"
            ) from error
        except AttributeError as error:
            # The library expects an object in an error's body and trips over a list.
            response = getattr(client, "response", None)
            if response is None or response.ok:
                raise
            raise self._refusal(what, response, code=0, message=response.text[:200]) from error
        except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise BadData(f"{self._base_url} answered unexpectedly for {what} ({problem}); check the URL") from error

    def _refusal(self, what: str, response: requests.Response, *, code: int, message: str | None) -> TraderError:
        """Return the error that a status other than 2xx means."""
        status = response.status_code
        wait = response.headers.get("Retry-After", "60")
        meanings: tuple[tuple[bool, type[TraderError], str], ...] = (
            (code == _BAD_SYMBOL, BadConfig, "this is not a symbol there; write it as Binance does, e.g. BTCUSDT"),
            (code == _BAD_INTERVAL, BadConfig, "choose another interval"),
            (status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, BadConfig, _GEO_BLOCK),
            (status == HTTPStatus.FORBIDDEN, Retryable, "its firewall holds requests back; wait, and send fewer"),
            (status in _TEMPORARY_STATUS or code in _TEMPORARY_CODES, Retryable, f"try again after {wait} seconds"),
            (status >= HTTPStatus.INTERNAL_SERVER_ERROR, Retryable, "try again later"),
            (status == HTTPStatus.NOT_FOUND, BadConfig, "check the market's URL"),
        )
        said = f"{self._base_url} answered {status} for {what} (code {code}: {str(message)[:200]})"
        for applies, kind, advice in meanings:
            if applies:
                return kind(f"{said}; {advice}")
        return Rejected(f"{said}; check the request", code=code)


def _new_client(*, api_url: str, timeout: tuple[float, float]) -> Any:
    """Return a keyless client.

    It is made in a thread of its own, because it sets up an event loop in whatever thread it is made in and leaves it
    open; plain requests do not use it.
    """
    from binance.client import Client  # noqa: PLC0415 - 250 ms that only the user of this market pays

    def make() -> Any:
        client = Client(ping=False, requests_params={"timeout": timeout})
        client.loop.close()
        client.API_URL = api_url
        return client

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()


def _answered(answer: Any) -> Any:
    """Return the body of an answer; the library gives {} for one without a body."""
    if answer == {}:
        raise Retryable("the market gave an empty answer; try again later")
    return answer


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


def parse_rules(answer: Mapping[str, Any], *, symbol: str) -> SymbolRules:
    """Return a symbol's rules from Binance's exchangeInfo. Raises BadConfig when it is not among the answer's symbols.

    Notional limits are None where they do not apply to market orders; with both filters present the stricter one holds.
    """
    info = next((entry for entry in answer["symbols"] if entry["symbol"] == symbol), None)
    if info is None:
        raise BadConfig(f"{symbol} is not a symbol of this exchange; write it as Binance does, e.g. BTCUSDT")
    filters = {each["filterType"]: each for each in info["filters"]}
    old, new = filters.get("MIN_NOTIONAL", {}), filters.get("NOTIONAL", {})
    minima = [
        Decimal(each["minNotional"])
        for each, applies in ((old, old.get("applyToMarket")), (new, new.get("applyMinToMarket")))
        if applies
    ]
    return SymbolRules(
        symbol=symbol,
        status=info["status"],
        base_asset=info["baseAsset"],
        quote_asset=info["quoteAsset"],
        lot_size=_lot_size(filters["LOT_SIZE"]),
        market_lot_size=_lot_size(filters.get("MARKET_LOT_SIZE", {})),
        min_notional=max(minima, default=None),
        max_notional=Decimal(new["maxNotional"]) if new.get("applyMaxToMarket") else None,
        tick_size=Decimal(filters.get("PRICE_FILTER", {}).get("tickSize", ZERO)),
        base_precision=int(info["baseAssetPrecision"]),
        quote_precision=int(info["quoteAssetPrecision"]),
    )


def _lot_size(limits: Mapping[str, Any]) -> LotSize:
    """Return the limits of a quantity; a filter that is not there is off."""
    return LotSize(
        minimum=Decimal(limits.get("minQty", ZERO)),
        maximum=Decimal(limits.get("maxQty", ZERO)),
        step=Decimal(limits.get("stepSize", ZERO)),
    )
