"""The server's time: starts where it is told to, ticks with the machine, and can be moved forward."""

import threading
import time
from datetime import datetime

from trader.core.errors import BadConfig
from trader.core.klines import from_ms, to_ms


class ServerClock:
    """Milliseconds since 1970 that never go back; with `ticking` off they only move when told to."""

    def __init__(self, start: datetime, *, ticking: bool = True) -> None:
        self._changed = threading.Condition()
        self._base_ms = to_ms(start)
        self._since = time.monotonic_ns()
        self._ticking = ticking

    def __repr__(self) -> str:
        return f"ServerClock({self.now():%Y-%m-%d %H:%M:%S} UTC)"

    def now_ms(self) -> int:
        """Return whole milliseconds since the epoch."""
        with self._changed:
            return self._read()

    def now(self) -> datetime:
        """Return the aware UTC time, to the millisecond."""
        return from_ms(self.now_ms())

    def move_to(self, moment: datetime) -> None:
        """Jump forward. Raises BadConfig for a time that is past: what has happened cannot be taken back."""
        with self._changed:
            now = self._read()
            if to_ms(moment) < now:
                raise BadConfig(
                    f"the clock is at {from_ms(now).isoformat()} and cannot go back to {moment.isoformat()}"
                )
            self._base_ms, self._since = to_ms(moment), time.monotonic_ns()
            self._changed.notify_all()

    def set_ticking(self, ticking: bool) -> None:  # noqa: FBT001 - there is nothing else to say
        """Go on, or stand still until moved."""
        with self._changed:
            self._base_ms, self._since = self._read(), time.monotonic_ns()
            self._ticking = ticking
            self._changed.notify_all()

    def wait_until(self, moment_ms: int, *, stop: threading.Event) -> None:
        """Return when the clock has come that far, by ticking or by being moved, or when `stop` is set."""
        with self._changed:
            while not stop.is_set() and (missing := moment_ms - self._read()) > 0:
                self._changed.wait(min(missing / 1000, 0.1) if self._ticking else 0.1)

    def _read(self) -> int:
        passed = (time.monotonic_ns() - self._since) // 1_000_000 if self._ticking else 0
        return self._base_ms + passed
