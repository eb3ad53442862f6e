"""Silence: how long nothing was heard of who holds something, by the tag of the object that says so.

Only the watcher's own monotonic clock is read. Clocks of two machines are never compared.
"""

from trader.ports import Clock


class Silence:
    """A watch that begins anew whenever the tag is another one."""

    def __init__(self, host: Clock) -> None:
        self._host = host
        self._tag: str | None = None
        self._since = host.monotonic()

    def of(self, tag: str | None) -> float:
        """Return for how many seconds the tag has been this one, as far as this process has seen."""
        now = self._host.monotonic()
        if tag != self._tag:
            self._tag, self._since = tag, now
        return now - self._since
