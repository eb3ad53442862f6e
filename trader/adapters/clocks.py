"""Three clocks: the wall's, a server's, and one that its owner moves.

A server's clock asks once and counts on monotonically: a machine whose own time is wrong trades the right hours.

A virtual clock stands still until it is moved or slept on. Its `monotonic` is the machine's own plus every virtual
second that was slept, so a wait that is bounded by `now` and one that is bounded by `monotonic` both come to an end.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from trader.core.errors import BadConfig


class WallClock:
    """The time of the machine."""

    def __repr__(self) -> str:
        return "WallClock()"

    def now(self) -> datetime:
        """Return the current aware UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
        if seconds > 0:
            time.sleep(seconds)


class ServerClock:
    """The time of a server, asked for when it is first needed. It may run behind by the way back, never ahead.

    Raises what `ask` raises when the server does not answer.
    """

    def __init__(self, ask: Callable[[], datetime]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: tuple[datetime, float] | None = None

    def __repr__(self) -> str:
        return "ServerClock()"

    def now(self) -> datetime:
        """Return the server's time."""
        with self._lock:
            if self._asked is None:
                told = self._ask()
                self._asked = told, time.monotonic()
            told, at = self._asked
        return told + timedelta(seconds=time.monotonic() - at)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A time that only moves when it is told to. Raises BadConfig for a time without a zone."""

    def __init__(self, now: datetime) -> None:
        self._now = _aware(now)
        self._slept = 0.0

    def __repr__(self) -> str:
        return f"VirtualClock({self._now:%Y-%m-%d %H:%M:%S} UTC)"

    def now(self) -> datetime:
        """Return the time it was moved to, plus what was slept since."""
        return self._now

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds plus all virtual seconds slept; `move_to` does not change it."""
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        """Move forward without waiting; zero or less does nothing."""
        if seconds > 0:
            self._now += timedelta(seconds=seconds)
            self._slept += seconds

    def move_to(self, moment: datetime) -> None:
        """Set the time, forwards or backwards. Raises BadConfig for a time without a zone."""
        self._now = _aware(moment)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise BadConfig(f"{moment.isoformat()} has no time zone; write it as UTC, for example {moment.isoformat()}Z")
    return moment.astimezone(UTC)
