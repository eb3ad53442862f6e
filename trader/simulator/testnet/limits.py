"""Request weights per address and minute, the ban of whoever goes on after a 429, and the count of unfilled orders.

rest-api.md, "LIMITS": weights count per IP, orders per account; "Repeatedly violating rate limits and/or failing to
back off after receiving 429s will result in an automated IP ban (HTTP status 418)", which lasts "from 2 minutes to 3
days". How many requests are forgiven is not documented: here none. faqs/order_count_decrement.md: an order counts until
it is filled for the first time. Everything goes by the server's clock.
"""

from dataclasses import dataclass, field

from trader.core.errors import Rejected

WEIGHT_LIMIT = 6000
ORDER_LIMITS = {"10S": (10_000, 50), "1D": (86_400_000, 160_000)}
"""Header suffix: length of the window in milliseconds, most unfilled orders in it (testnet/rest-api.md)."""

TOO_MANY_REQUESTS = -1003
TOO_MANY_ORDERS = -1015
_MINUTE_MS = 60_000
_SHORTEST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000


class Throttled(Rejected):
    """Refused with 429 or 418; `retry_after` is in seconds, None where the header is left out."""

    def __init__(self, message: str, *, code: int, status: int, retry_after: int | None) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.retry_after = retry_after


@dataclass(slots=True)
class _Caller:
    minute: int = -1
    used: int = 0
    warned_until: int = 0
    banned_until: int = 0
    bans: int = 0


@dataclass(slots=True)
class Limits:
    """What has been used, by address; not thread-safe, the venue's lock is around it."""

    callers: dict[str, _Caller] = field(default_factory=dict)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    filled: int = 0
    """Orders that were filled and are still counted: "there is a short delay", here until the next request."""

    def use(self, address: str, weight: int, *, now_ms: int) -> int:
        """Count a request and return the weight used in this minute. Raises Throttled when that is too much."""
        caller = self._caller(address, now_ms)
        self._credit(now_ms)
        if now_ms < caller.banned_until:
            raise self._banned(caller, now_ms)
        if now_ms < caller.warned_until:
            length = min(_SHORTEST_BAN_MS << caller.bans, _LONGEST_BAN_MS)
            caller.bans, caller.banned_until = caller.bans + 1, now_ms + length
            raise self._banned(caller, now_ms)
        caller.used += weight
        if caller.used > WEIGHT_LIMIT:
            caller.warned_until = (caller.minute + 1) * _MINUTE_MS
            message = (
                f"Too much request weight used; current limit is {WEIGHT_LIMIT} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
            wait = _seconds(caller.warned_until - now_ms)
            raise Throttled(message, code=TOO_MANY_REQUESTS, status=429, retry_after=wait)
        return caller.used

    def used(self, address: str, *, now_ms: int) -> int:
        """Return the weight used in this minute."""
        return self._caller(address, now_ms).used

    def give_back(self, address: str, weight: int, *, now_ms: int) -> None:
        """Take a weight off again; a successful order costs none."""
        caller = self._caller(address, now_ms)
        caller.used = max(0, caller.used - weight)

    def check_orders(self, *, now_ms: int) -> None:
        """Raise Throttled, 429 without Retry-After, when too many unfilled orders were placed."""
        for name, (_, most) in ORDER_LIMITS.items():
            if self.order_counts(now_ms=now_ms)[name] >= most:
                message = f"Too many new orders; current limit is {most} orders per {_words(name)}."
                raise Throttled(message, code=TOO_MANY_ORDERS, status=429, retry_after=None)

    def count_order(self, *, is_filled: bool, now_ms: int) -> None:
        """Count an order that was taken; one that was filled at once is taken off again later."""
        for name, count in self.order_counts(now_ms=now_ms).items():
            self.orders[name] = (now_ms // ORDER_LIMITS[name][0], count + 1)
        self.filled += is_filled

    def order_counts(self, *, now_ms: int) -> dict[str, int]:
        """Return the unfilled orders of each current window."""
        counts = {}
        for name, (length, _) in ORDER_LIMITS.items():
            window, count = self.orders.get(name, (-1, 0))
            counts[name] = count if window == now_ms // length else 0
        return counts

    def _credit(self, now_ms: int) -> None:
        for name, count in self.order_counts(now_ms=now_ms).items():
            self.orders[name] = (now_ms // ORDER_LIMITS[name][0], max(0, count - self.filled))
        self.filled = 0

    def _caller(self, address: str, now_ms: int) -> _Caller:
        caller = self.callers.setdefault(address, _Caller())
        if caller.minute != now_ms // _MINUTE_MS:
            caller.minute, caller.used = now_ms // _MINUTE_MS, 0
        return caller

    @staticmethod
    def _banned(caller: _Caller, now_ms: int) -> Throttled:
        message = (
            f"Way too much request weight used; IP banned until {caller.banned_until}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        wait = _seconds(caller.banned_until - now_ms)
        return Throttled(message, code=TOO_MANY_REQUESTS, status=418, retry_after=wait)


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))


def _words(name: str) -> str:
    return {"10S": "10 SECOND", "1D": "1 DAY"}[name]
