"""The parts of a chart as matplotlib draws them. Each function returns its entries in the legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from trader.core.klines import FloatArray
from trader.report import style
from trader.report.charts.description import Band, Bars, Dash, Flags, Level, Line, Parallel, Part, Points, Sign, Spans

_MANY_POINTS = 1500
_MANY_FLAGS = 24
_DASHES: dict[Dash, Any] = {Dash.SOLID: "-", Dash.DASHED: (0, (4, 1.5)), Dash.DOTTED: (0, (1, 1.2))}
_SIGNS = {Sign.DISC: "o", Sign.CROSS: "X", Sign.DOWN: "v", Sign.DIAMOND: "d", Sign.TICK: "|"}


def draw_part(axes: Axes, part: Part, *, is_time: bool) -> Sequence[Artist]:
    """Draw a part; `is_time` if its x are milliseconds. Flags and parallel coordinates are not drawn here."""
    match part:
        case Line():
            handles = _draw_line(axes, part, x=_along(part.x, is_time=is_time))
        case Band():
            handles = _draw_band(axes, part, x=_along(part.x, is_time=is_time))
        case Points():
            handles = _draw_points(axes, part, x=_along(part.x, is_time=is_time))
        case Bars():
            handles = _draw_bars(axes, part)
        case Level():
            handles = _draw_level(axes, part)
        case Spans():
            handles = _draw_spans(axes, part, is_time=is_time)
        case Flags() | Parallel():
            handles = ()
    return handles


def draw_flags(axes: Axes, rows: Sequence[Flags], *, row: float) -> list[Artist]:
    """Draw flags over time, a row (a share of the height) for each kind, the first one uppermost."""
    handles: list[Artist] = []
    for number, flags in enumerate(rows):
        many = len(flags.x) > _MANY_FLAGS  # a row of hundreds of signs would be a bar
        look: dict[str, Any] = {
            "marker": "|" if many else _SIGNS[flags.sign],
            "color": flags.color,
            "markeredgewidth": 1.0 if many else 1.4,
            "markersize": 7,
            "linestyle": "none",
        }
        height = np.full(len(flags.x), 1 - row * (number + 0.6))
        axes.plot(style.days(flags.x), height, transform=axes.get_xaxis_transform(), zorder=3, **look)  # type: ignore[arg-type]
        handles.append(Line2D([], [], label=flags.name, **look))
    return handles


def _along(x: FloatArray, *, is_time: bool) -> FloatArray:
    return style.days(x) if is_time else x  # type: ignore[arg-type]


def _draw_line(axes: Axes, part: Line, *, x: FloatArray) -> Sequence[Artist]:
    width = part.width if len(x) < _MANY_POINTS else 0.7 * part.width
    look: dict[str, Any] = {"color": part.color, "linewidth": width, "linestyle": _DASHES[part.dash]}
    where = "steps-post" if part.is_step else "default"
    handles = axes.plot(x, part.y, label=f"{part.name}  {part.value}".rstrip(), drawstyle=where, **look)
    if part.fills:
        axes.fill_between(
            x, 0, part.y, step="post" if part.is_step else None, color=part.color, alpha=0.22, linewidth=0
        )
    known = np.flatnonzero(np.isfinite(part.y))
    if len(known) == 1:  # a line of one point is no line
        axes.plot(x[known], part.y[known], "o", color=part.color, markersize=4)
    return handles


def _draw_band(axes: Axes, part: Band, *, x: FloatArray) -> Sequence[Artist]:
    axes.fill_between(x, part.low, part.high, color=part.color, alpha=0.2, linewidth=0)
    return [Patch(facecolor=part.color, alpha=0.2, label=part.name)]


def _draw_points(axes: Axes, part: Points, *, x: FloatArray) -> Sequence[Artist]:
    if part.low is not None and part.high is not None:
        reach = np.array([part.y - part.low, part.high - part.y])
        axes.errorbar(x, part.y, np.maximum(reach, 0), fmt="none", ecolor=part.color, elinewidth=1.7)
    look: dict[str, Any] = {"color": part.color, "marker": _SIGNS[part.sign], "linestyle": "none"}
    axes.plot(x, part.y, markersize=part.size, markeredgewidth=0 if part.sign is Sign.DISC else 1.2, **look)
    return [Line2D([], [], label=f"{part.name}  {part.value}".rstrip(), markersize=max(part.size, 5), **look)]


def _draw_bars(axes: Axes, part: Bars) -> Sequence[Artist]:
    draw = axes.barh if part.is_lying else axes.bar
    draw(part.at, part.value, part.width, color=part.color, edgecolor="white", linewidth=0.5)
    return [Patch(facecolor=part.color, label=part.name)]


def _draw_spans(axes: Axes, part: Spans, *, is_time: bool) -> Sequence[Artist]:
    for edges in part.edges:
        first, after = _along(np.array(edges), is_time=is_time)
        axes.axvspan(first, after, facecolor=part.color, edgecolor="none", zorder=0.4)
    return [Patch(facecolor=part.color, label=part.name)]


def _draw_level(axes: Axes, part: Level) -> Sequence[Artist]:
    draw = axes.axvline if part.is_upright else axes.axhline
    line = draw(
        part.at, color=part.color, linewidth=1.4 if part.name else 0.9, linestyle=_DASHES[part.dash], zorder=1.5
    )
    if not part.name:
        return ()
    line.set_label(part.name)
    return [line]
