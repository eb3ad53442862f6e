"""What requests weigh, and when no more may be sent: one count for all who ask the same base URL from this process.

Binance allows 6 000 units a minute for each IP address (exchangeInfo says how many really) and tells in every answer
how many are used, other processes' among them. Who goes on after a 429 is banned with a 418, for minutes to days. So
reads stay below nine tenths of the limit and wait for the next minute there; orders may use what is left; after a
429 or 418 nothing at all is sent until the time that the answer gave is over.
"""

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

import requests

from trader.core.errors import Retryable

TIME, KLINES, TICKER, EXCHANGE_INFO, ACCOUNT, ORDER, TRADES, NEW_ORDER = 1, 2, 2, 20, 20, 4, 5, 1
"""The weights of the requests that are sent here; TRADES with an order id, NEW_ORDER when refused (taken: 0)."""

LIMIT = 6000
"""Units a minute, as long as exchangeInfo has not said otherwise."""

_SHARE = 0.9
_MINUTE = 60.0
_DEFAULT_BACK_OFF = 60
_STOP = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT)


class HeldBack(Retryable):
    """Nothing was sent, because the venue has asked us to wait."""


class Weights:
    """The count of one base URL, for any number of threads."""

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._lock = threading.Lock()
        self._limit = LIMIT
        self._used = self._in_flight = 0
        self._minute = ""
        self._seen_at = self._held_until = float("-inf")

    def __repr__(self) -> str:
        return f"Weights({self._used} of {self._limit})"

    @property
    def used(self) -> int:
        """What this minute's requests weigh as far as is known, those under way included."""
        with self._lock:
            return self._current() + self._in_flight

    def spend(self, weight: int, *, is_order: bool = False) -> None:
        """Count a request that is about to be sent; a read waits for the next minute when this one's share is used.

        Raises HeldBack when the venue has asked for a pause; the request must not be sent then.
        """
        wait = self._try_spend(weight, is_order=is_order)
        if wait > 0:
            self._sleep(wait)
            if self._try_spend(weight, is_order=is_order) > 0:
                raise HeldBack(f"{_SHARE:.0%} of {self._limit} units a minute are in use; try again in a minute")

    def heed(self, weight: int, response: requests.Response | None) -> None:
        """Take what an answer says of the limits; None for a request that got no answer."""
        with self._lock:
            self._in_flight -= weight
            if response is None:
                self._used = self._current() + weight
                self._seen_at = self._monotonic()
                return
            self._count(response.headers)
            if response.status_code in _STOP:
                pause = retry_after(response.headers)
                self._held_until = max(self._held_until, self._monotonic() + pause)

    def learn(self, rate_limits: Any) -> None:
        """Take the limit from exchangeInfo's rateLimits; what does not look like it is ignored."""
        for each in rate_limits if isinstance(rate_limits, list) else []:
            kind = (each.get("rateLimitType"), each.get("interval"), each.get("intervalNum"))
            if kind == ("REQUEST_WEIGHT", "MINUTE", 1) and isinstance(each.get("limit"), int) and each["limit"] > 0:
                with self._lock:
                    self._limit = each["limit"]

    def _try_spend(self, weight: int, *, is_order: bool) -> float:
        """Return 0 after counting the request, else the seconds after which this minute is certainly over."""
        with self._lock:
            now = self._monotonic()
            if now < self._held_until:
                left = self._held_until - now
                raise HeldBack(f"the venue asked for a pause (Retry-After); try again after {left:.0f} seconds")
            if not is_order and self._current() + self._in_flight + weight > self._limit * _SHARE:
                return max(self._seen_at + _MINUTE - now, 1.0)
            self._in_flight += weight
            return 0.0

    def _current(self) -> int:
        return self._used if self._monotonic() - self._seen_at < _MINUTE else 0

    def _count(self, headers: Mapping[str, str]) -> None:
        """Take the used weight; within one minute of the server's an older answer may arrive later, with less."""
        told = headers.get("X-MBX-USED-WEIGHT-1M", "")
        if not told.isdecimal():
            return
        minute = headers.get("Date", "")[: len("Sat, 21 Nov 2026 08:17")]
        used = int(told)
        self._used = max(self._current(), used) if minute and minute == self._minute else used
        self._minute, self._seen_at = minute, self._monotonic()


_shared: WeakValueDictionary[str, Weights] = WeakValueDictionary()
_shared_lock = threading.Lock()


def weights_of(base_url: str) -> Weights:
    """Return the one count that everybody in this process has for a base URL."""
    with _shared_lock:
        weights = _shared.get(base_url)
        if weights is None:
            weights = _shared[base_url] = Weights()
        return weights


def retry_after(headers: Mapping[str, str]) -> int:
    """Return the seconds that an answer asks to wait."""
    told = headers.get("Retry-After", "")
    return int(told) if told.isdecimal() else _DEFAULT_BACK_OFF
