"""How long each stage of a run took."""

from collections.abc import Mapping

from trader.ports import Clock


class Stopwatch:
    """Laps in seconds since the start, on this machine's monotonic clock."""

    def __init__(self, host: Clock) -> None:
        self._host = host
        self._start = host.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Note the end of a stage."""
        self._laps[stage] = round(self._host.monotonic() - self._start, 6)

    def seconds(self, earlier: Mapping[str, float]) -> dict[str, float]:
        """Return the laps, and `started` on the monotonic clock; stages of an earlier process are kept."""
        return {**earlier, "started": round(self._start, 6), **self._laps}
