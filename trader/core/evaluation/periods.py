"""The same stream by calendar year and month (UTC): one good month can carry a whole record."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trader.core.evaluation.stream import Stream
from trader.core.evaluation.trips import leaves
from trader.core.performance import max_drawdown


class Calendar(StrEnum):
    """How long a period is, in numpy's word for it."""

    YEAR = "Y"
    MONTH = "M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Figures of one period, "2021" or "2021-03", by the open time of the klines that were decided on.

    A round trip counts where it was left. `max_drawdown` starts anew: the fall within the period from its own peak.
    """

    name: str
    klines: int
    gross: float
    net: float
    round_trips: int
    max_drawdown: float


def by_period(stream: Stream, calendar: Calendar) -> tuple[Period, ...]:
    """Return the periods that have rows, oldest first."""
    if not len(stream):
        return ()
    place = stream.open_time.astype("datetime64[ms]").astype(f"datetime64[{calendar.value}]")
    begins = np.concatenate([[0], np.flatnonzero(place[1:] != place[:-1]) + 1])
    left = leaves(stream.exposure)
    periods = []
    for begin, end in zip(begins, np.append(begins[1:], len(stream)), strict=True):
        periods.append(
            Period(
                name=str(place[begin]),
                klines=int(end - begin),
                gross=float(stream.gross[begin:end].sum()),
                net=float(stream.net[begin:end].sum()),
                round_trips=int(left[begin:end].sum()),
                max_drawdown=max_drawdown(stream.net[begin:end]),
            )
        )
    return tuple(periods)
