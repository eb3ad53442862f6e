"""What a chart shows, as values: titles, units, series, marks. No drawing library is known here.

Times are milliseconds UTC; NaN leaves a gap. Text is plain text, whoever wrote it: a rendering escapes it.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trader.core.klines import FloatArray
from trader.report import style

ORANGE = "#E69F00"
SKY = "#56B4E9"
"""Okabe and Ito's, for the charts with more curves than the house style has colours."""

SHADE = "#f3e3b3"


class Unit(StrEnum):
    """What the numbers along an axis are; per cent are 5.0 for 5 %."""

    TIME = "time"
    PERCENT = "percent"
    SIGNED_PERCENT = "signed percent"
    SECONDS = "seconds"
    NUMBER = "number"


class Dash(StrEnum):
    """How a line is broken, so that lines differ in print, too."""

    SOLID = "solid"
    DASHED = "dash"
    DOTTED = "dot"


class Sign(StrEnum):
    """The shape of a point or a mark."""

    DISC = "disc"
    CROSS = "cross"
    DOWN = "down"
    DIAMOND = "diamond"
    TICK = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """`low` and `high` None: as far as the data go. Without `ticks` the rendering chooses round numbers."""

    label: str = ""
    unit: Unit = Unit.NUMBER
    low: float | None = None
    high: float | None = None
    ticks: tuple[tuple[float, str], ...] = ()
    is_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A curve; `value` is its newest, in words. `is_step` holds each value until the next; `fills` shades down to 0."""

    name: str
    x: FloatArray
    y: FloatArray
    color: str
    width: float = 1.6
    dash: Dash = Dash.SOLID
    is_step: bool = False
    fills: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """The area between two curves."""

    name: str
    x: FloatArray
    low: FloatArray
    high: FloatArray
    color: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Single values, with the interval from `low` to `high` around each when there is one; `notes` has a text each."""

    name: str
    x: FloatArray
    y: FloatArray
    color: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    notes: tuple[str, ...] = ()
    sign: Sign = Sign.DISC
    size: float = 5.5
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bars:
    """Bars of one width around `at`; lying ones have their value to the right."""

    name: str
    at: FloatArray
    value: FloatArray
    width: float
    color: str
    is_lying: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A thin straight line all the way across: at one height, or upright at one place."""

    at: float
    name: str = ""
    color: str = style.INK
    dash: Dash = Dash.SOLID
    is_upright: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flags:
    """Things that happened, in a row of signs along the upper edge; `notes` has a text each."""

    name: str
    x: FloatArray
    notes: tuple[str, ...]
    color: str
    sign: Sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Stretches of the horizontal axis that are shaded."""

    name: str
    edges: tuple[tuple[float, float], ...]
    color: str = SHADE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coordinate:
    """One upright of a chart of parallel coordinates; NaN where a line has no value there."""

    name: str
    values: FloatArray
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parallel:
    """A line for each row across uprights, coloured by the first one, the highest on top."""

    coordinates: tuple[Coordinate, ...]


Part = Line | Band | Points | Bars | Level | Flags | Spans | Parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Axes and what is drawn between them, first things lowest; `share` is the panel's part of the height."""

    parts: tuple[Part, ...]
    x: Axis
    y: Axis
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Panels one below the other, or `beside` each other; what they share is along the same axis.

    `height` is in inches of a picture six inches wide. A chart without panels says in `empty` why.
    """

    name: str
    title: str
    subtitle: tuple[str, ...]
    panels: tuple[Panel, ...] = ()
    height: float = 4.6
    is_beside: bool = False
    empty: str = ""


def floats(values: tuple[float | None, ...] | tuple[float, ...] | tuple[int, ...]) -> FloatArray:
    """Return a column as numbers, NaN for None."""
    return np.array(values, dtype=np.float64)


def last(values: FloatArray) -> float | None:
    """Return the newest value that there is; None without any."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else None


def count(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s for all but one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
