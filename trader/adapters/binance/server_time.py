"""The server's time, from one question and this machine's monotonic clock; its wall clock is never looked at.

The answer to a question was true at some moment between sending and receiving. Taken for the middle it is wrong by at
most half the round trip; taken for the moment of receiving it is never ahead of the truth. The server refuses what is a
second ahead of it but takes what is a few seconds old. And a first question, that had to resolve a name and shake
hands, is answered at the very end of a long trip. So of a long trip less than half is allowed for.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.ports import Clock

MAX_AGE = 600.0
"""Seconds after which the server is asked again: quartz drifts by some ten parts in a million."""

_MOST_AHEAD = 0.5
"""Seconds that an estimate may be ahead of the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    """What the server said, and this machine's monotonic time before and after."""

    told: datetime
    asked: float
    received: float

    def at(self, monotonic: float) -> datetime:
        """Return the server's time at a later monotonic time; it may run behind by the way back, never ahead."""
        return self.told + timedelta(seconds=monotonic - self.received)

    @property
    def allowance(self) -> timedelta:
        """What the way back probably took."""
        return timedelta(seconds=min((self.received - self.asked) / 2, _MOST_AHEAD))


class ServerTime:
    """An estimate of the server's time, for any number of threads. Raises what `ask` raises."""

    def __init__(self, ask: Callable[[], datetime], *, host: Clock) -> None:
        self._ask = ask
        self._host = host
        self._lock = threading.Lock()
        self._seen: _Sighting | None = None

    def now(self) -> datetime:
        """Return the server's time, wrong by at most half the last question's round trip where that was below 1 s.

        It is at most half a second ahead of the truth, however long the trip was.
        """
        with self._lock:
            seen = self._seen
            if seen is None or self._host.monotonic() - seen.received > MAX_AGE:
                seen = self._seen = self._look()
        return seen.at(self._host.monotonic()) + seen.allowance

    def earliest(self) -> datetime:
        """Ask anew and return a time that the server's clock has certainly reached."""
        with self._lock:
            seen = self._seen = self._look()
        return seen.at(self._host.monotonic())

    def forget(self) -> None:
        """Ask anew next time, because the server has refused a timestamp."""
        with self._lock:
            self._seen = None

    def _look(self) -> _Sighting:
        asked = self._host.monotonic()
        told = self._ask()
        return _Sighting(told=told, asked=asked, received=self._host.monotonic())
