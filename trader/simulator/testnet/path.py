"""How the price moves inside a kline: open, then one extreme, then the other, then close, in straight lines.

Which extreme comes first, when each is reached and how the volume gathers are drawn from the open time, so that the
beginning of a kline does not tell how it ends: direction, high, low, close and volume are only known once the path has
been there. The same kline always has the same path.
"""

from dataclasses import dataclass
from itertools import pairwise

from trader.core.klines import Klines

_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One kline's way. `corners` are (share of the interval, price), from (0, open) to (1, close)."""

    corners: tuple[tuple[float, float], ...]
    volume: float
    gathering: float

    def price(self, share: float) -> float:
        """Return the price when this share (0 to 1) of the interval has passed."""
        for (left, before), (right, after) in pairwise(self.corners):
            if share <= right:
                return before + (after - before) * (share - left) / (right - left)
        return self.corners[-1][1]

    def extremes(self, first: float, last: float) -> tuple[float, float]:
        """Return the lowest and the highest price between two shares, both included."""
        prices = [self.price(first), self.price(last), *(at for share, at in self.corners if first <= share <= last)]
        return min(prices), max(prices)

    def volume_until(self, share: float) -> float:
        """Return what has been traded by then."""
        return float(self.volume * share**self.gathering)


def path_of(klines: Klines, row: int) -> Path:
    """Return the path of one kline."""
    draw = _draw(int(klines.open_time[row]))
    low, high = float(klines.low[row]), float(klines.high[row])
    first, second = (low, high) if draw & 1 else (high, low)
    early, late = 0.10 + 0.35 * _share(draw >> 8), 0.55 + 0.35 * _share(draw >> 24)
    return Path(
        corners=((0.0, float(klines.open[row])), (early, first), (late, second), (1.0, float(klines.close[row]))),
        volume=float(klines.volume[row]),
        gathering=0.6 + _share(draw >> 40),
    )


def _draw(seed: int) -> int:
    """Return 64 bits that look random (splitmix64)."""
    mixed = (seed + _MIX) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def _share(bits: int) -> float:
    return (bits & 0xFFFF) / 0xFFFF
