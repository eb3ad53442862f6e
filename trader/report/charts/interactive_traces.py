"""The parts of a chart as plotly's traces, in plain values. Text is escaped here."""

import html
from typing import Any

import numpy as np

from trader.core.klines import FloatArray
from trader.report.charts.description import Band, Bars, Flags, Line, Parallel, Part, Points, Sign

_SIGNS = {
    Sign.DISC: "circle",
    Sign.CROSS: "x",
    Sign.DOWN: "triangle-down",
    Sign.DIAMOND: "diamond",
    Sign.TICK: "line-ns-open",
}
_NOTE = "<br>%{text}"
_TIMES = 1e10
"""What is larger than this is a time in milliseconds."""


def traces_of(part: Part, *, unit: str) -> list[dict[str, Any]]:
    """Return the traces of a part, without their axes; `unit` is written behind values. Levels, spans, flags: none."""
    match part:
        case Line():
            return [_line(part, unit)]
        case Band():
            return _band(part, unit)
        case Points():
            return [_points(part, unit)]
        case Bars():
            return [_bars(part, unit)]
        case Parallel():
            return [_parallel(part)]
        case _:
            return []


def _line(part: Line, unit: str) -> dict[str, Any]:
    name = plain(part.name)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines" if np.isfinite(part.y).sum() > 1 else "lines+markers",
        "name": f"{name}  {plain(part.value)}".rstrip(),
        "x": _numbers(part.x),
        "y": _numbers(part.y),
        "line": {"color": part.color, "width": part.width, "dash": part.dash.value},
        "hovertemplate": f"{name} {_value('y', unit)}<extra></extra>",
    }
    if part.is_step:
        trace["line"]["shape"] = "hv"
    if part.fills:
        trace |= {"fill": "tozeroy", "fillcolor": _pale(part.color)}
    return trace


def _band(part: Band, unit: str) -> list[dict[str, Any]]:
    known = np.isfinite(part.low) & np.isfinite(part.high)
    name = plain(part.name)
    both: dict[str, Any] = {"type": "scatter", "mode": "lines", "line": {"width": 0, "color": part.color}}
    both |= {"x": _numbers(part.x[known]), "legendgroup": "band"}
    low = both | {"y": _numbers(part.low[known]), "showlegend": False}
    high = both | {"y": _numbers(part.high[known]), "name": name, "fill": "tonexty", "fillcolor": _pale(part.color)}
    return [
        low | {"hovertemplate": f"{name}, from {_value('y', unit)}<extra></extra>"},
        high | {"hovertemplate": f"{name}, to {_value('y', unit)}<extra></extra>"},
    ]


def _points(part: Points, unit: str) -> dict[str, Any]:
    name = plain(part.name)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name}  {plain(part.value)}".rstrip(),
        "x": _numbers(part.x),
        "y": _numbers(part.y),
        "marker": {"color": part.color, "symbol": _SIGNS[part.sign], "size": 1.6 * part.size},
        "hovertemplate": f"{name} {_value('y', unit)}{_NOTE if part.notes else ''}<extra></extra>",
        "text": [plain(note) for note in part.notes],
    }
    if part.low is not None and part.high is not None:
        up, down = _numbers(part.high - part.y), _numbers(part.y - part.low)
        trace["error_y"] = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "width": 0}
    return trace


def _bars(part: Bars, unit: str) -> dict[str, Any]:
    at, value = _numbers(part.at), _numbers(part.value)
    along = "x" if part.is_lying else "y"
    return {
        "type": "bar",
        "orientation": "h" if part.is_lying else "v",
        "name": plain(part.name),
        "x": value if part.is_lying else at,
        "y": at if part.is_lying else value,
        "width": part.width,
        "marker": {"color": part.color, "line": {"color": "white", "width": 0.5}},
        "hovertemplate": f"{plain(part.name)} {_value(along, unit)}{_NOTE if part.notes else ''}<extra></extra>",
        "text": [plain(note) for note in part.notes],
        "textposition": "none",
    }


def flags_trace(part: Flags, *, at: float, axes: tuple[str, str]) -> dict[str, Any]:
    """Return a row of signs at the same height on a horizontal and a vertical axis."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(part.name),
        "xaxis": axes[0],
        "yaxis": axes[1],
        "x": _numbers(part.x),
        "y": [at] * len(part.x),
        "marker": {
            "color": part.color,
            "symbol": _SIGNS[part.sign],
            "size": 10,
            "line": {"color": part.color, "width": 1},
        },
        "text": [plain(note) for note in part.notes],
        "hovertemplate": f"{plain(part.name)}: %{{text}}<extra></extra>",
    }


def _parallel(part: Parallel) -> dict[str, Any]:
    dimensions = []
    for each in part.coordinates:
        values, names = zip(*each.ticks, strict=True)
        edges = [min(values), max(values)] if max(values) > min(values) else [values[0] - 0.5, values[0] + 0.5]
        ticks = {"tickvals": list(values), "ticktext": [plain(name) for name in names]}
        dimensions.append({"label": plain(each.name), "values": _numbers(each.values), "range": edges, **ticks})
    line = {"color": dimensions[0]["values"], "colorscale": "Cividis", "showscale": False}
    return {"type": "parcoords", "dimensions": dimensions, "line": line, "labelangle": -35}


def plain(text: str) -> str:
    """Return a text that plotly shows as it is: it knows some tags, and no name for a quotation mark."""
    return html.escape(text, quote=False)


def _value(axis: str, unit: str) -> str:
    """Return the place-holder of a value: four digits of what has a unit, prices and amounts to the cent and more."""
    return f"%{{{axis}:,.4~g}}{unit}" if unit else f"%{{{axis}:,.7~g}}"


def _pale(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"


def _numbers(values: FloatArray) -> list[float | None]:
    """Return numbers as JSON takes them: None for NaN, times whole, the rest with the digits a screen can show."""
    return [
        None if not np.isfinite(value) else int(value) if abs(value) > _TIMES else float(f"{value:.7g}")
        for value in values.tolist()
    ]
