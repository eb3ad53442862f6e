"""The columns of `Curves` while they grow, and which of their points are kept."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from trader.report.summary.model import RECENT_DAYS, Curves

DAY_MS = 86_400_000
_NAMES = tuple(each.name for each in fields(Curves))
_QUOTE = ("execution", "rebalancing", "unfilled", "basis", "shortfall", "fees")
_DIGITS = {
    **dict.fromkeys(("net", "gross", "hold", "drawdown", "exposure", "p_up"), 6),
    **dict.fromkeys(("hit_rate", "hit_low", "hit_high"), 4),
    **dict.fromkeys(("order_seconds", "seconds"), 3),
}


class Growing:
    """Curves to which points are added at their end."""

    def __init__(self, curves: Curves, *, notional: float) -> None:
        self._columns: dict[str, list[Any]] = {name: list(getattr(curves, name)) for name in _NAMES}
        self._digits = {**_DIGITS, **dict.fromkeys(_QUOTE, quote_digits(notional))}

    def add(self, point: Mapping[str, float | None]) -> None:
        """Add one point, every column by its name, later than all before."""
        for name, column in self._columns.items():
            value, digits = point[name], self._digits.get(name)
            column.append(value if value is None or digits is None else round(value, digits))

    def freeze(self) -> Curves:
        """Return the points that are kept by now."""
        places = _kept(self._columns["time"])
        return Curves(**{name: tuple(map(column.__getitem__, places)) for name, column in self._columns.items()})


def quote_digits(notional: float) -> int:
    """Return to how many decimals quote units are rounded: about a millionth of the notional."""
    return 6 - math.floor(math.log10(notional)) if notional > 0 else 6


def _kept(times: list[int]) -> list[int]:
    """Return the places of all points of the newest days, and of the last one of each day before.

    A point that is kept stays kept, or goes, whatever went before: thinned again and again or once, it is the same.
    """
    recent = times[-1] - RECENT_DAYS * DAY_MS if times else 0
    return [place for place, time in enumerate(times) if time >= recent or time // DAY_MS != times[place + 1] // DAY_MS]
