"""A chart as plotly's figure, in plain values: traces and a layout."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trader.report import style
from trader.report.charts.description import Axis, Bars, Chart, Flags, Level, Line, Panel, Parallel, Part, Spans, Unit
from trader.report.charts.interactive_traces import flags_trace, plain, traces_of

_SUFFIXES = {Unit.PERCENT: " %", Unit.SIGNED_PERCENT: " %", Unit.SECONDS: " s"}
_ROW = 0.055
_GAP = 0.06
_FLAGS = 9
"""The number of the flags' vertical axis; no chart has so many panels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The names of a panel's axes: of the traces' own (`x`, `y2`) and, with `axis` inside, of the layout's."""

    x: str
    y: str


def figure_of(chart: Chart) -> dict[str, Any]:
    """Return data and layout; text in it is escaped."""
    layout, data = _frame(), []
    for number, panel in enumerate(chart.panels):
        name = f"{number + 1}" if number else ""
        place = _Place(x=f"x{name}" if chart.is_beside else "x", y=f"y{name}")
        layout |= _axes(chart, number, place)
        layout["shapes"] += [shape for part in panel.parts for shape in _shapes(part, place)]
        data += _panel_traces(panel, place)
        data += _flag_traces(panel, layout, place)
    if any(trace["type"] == "parcoords" for trace in data):  # it has no axes; its names need room above
        layout = _frame() | {"margin": {"l": 40, "r": 90, "t": 110, "b": 20}}
    return {"data": data, "layout": layout}


def _panel_traces(panel: Panel, place: _Place) -> list[dict[str, Any]]:
    """Return the traces between a panel's axes; what stands there alone needs no legend."""
    upright, lying = (_SUFFIXES.get(axis.unit, "") for axis in (panel.y, panel.x))
    traces = []
    for part in panel.parts:
        unit = lying if isinstance(part, Bars) and part.is_lying else upright
        for trace in traces_of(part, unit=unit):
            axes = {} if trace["type"] == "parcoords" else {"xaxis": place.x, "yaxis": place.y}
            traces.append(trace | axes)
    named = [part for part in panel.parts if not isinstance(part, Parallel) and part.name]
    return traces if len(named) > 1 else [trace | {"showlegend": False} for trace in traces]


def _frame() -> dict[str, Any]:
    return {
        "autosize": True,
        "font": {"color": style.INK, "size": 13},
        "plot_bgcolor": "white",
        "paper_bgcolor": "white",
        "margin": {"l": 62, "r": 14, "t": 10, "b": 48},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "shapes": [],
    }


def _axes(chart: Chart, number: int, place: _Place) -> dict[str, Any]:
    """Return the two axes of a panel, and where on the page they are; panels below each other share one of time."""
    panel = chart.panels[number]
    x, y = _axis(panel.x), _axis(panel.y)
    domain = _domain([each.share for each in chart.panels], number)
    if chart.is_beside:
        x["domain"] = domain
        y |= {"matches": "y", "showticklabels": False} if number else {}
    else:
        y["domain"] = [1 - domain[1], 1 - domain[0]]
    x["anchor"], y["anchor"] = place.y, place.x
    hover = "x unified" if panel.x.unit is Unit.TIME else "closest"
    return {_long(place.x): x, _long(place.y): y, "hovermode": hover, "hoversubplots": "axis"}


def _long(name: str) -> str:
    return f"{name[0]}axis{name[1:]}"


def _domain(shares: list[float], number: int) -> list[float]:
    """Return where a panel begins and ends along all panels' way, from 0 to 1, with gaps between them."""
    free = 1 - _GAP * (len(shares) - 1)
    before = sum(shares[:number]) / sum(shares) * free + _GAP * number
    return [before, before + shares[number] / sum(shares) * free]


def _axis(axis: Axis) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": {"text": plain(axis.label), "standoff": 8, "font": {"size": 12}},
        "gridcolor": style.PALE,
        "linecolor": style.GREY,
        "zeroline": False,
        "automargin": True,
        "ticksuffix": _SUFFIXES.get(axis.unit, ""),
    }
    if axis.unit is Unit.TIME:
        found |= {"type": "date", "hoverformat": "%Y-%m-%d %H:%M UTC"}
    if axis.is_log:
        found["type"] = "log"
    if axis.unit is Unit.SIGNED_PERCENT:
        found["tickformat"] = "+~g"
    if axis.low is not None or axis.high is not None:
        edges = [axis.low, axis.high]
        found["range"] = [np.log10(edge) if edge is not None and axis.is_log else edge for edge in edges]
    if axis.ticks:
        values, names = zip(*axis.ticks, strict=True)
        found |= {"tickvals": list(values), "ticktext": [plain(name) for name in names], "ticksuffix": ""}
    return found


def _shapes(part: Part, place: _Place) -> list[dict[str, Any]]:
    x, y = place.x, place.y
    if isinstance(part, Spans):
        look = {"type": "rect", "xref": x, "yref": f"{y} domain", "y0": 0, "y1": 1, "layer": "below"}
        look |= {"fillcolor": part.color, "line": {"width": 0}, "name": plain(part.name), "legendgroup": "spans"}
        return [
            look | {"x0": first, "x1": after, "showlegend": not place}
            for place, (first, after) in enumerate(part.edges)
        ]
    if not isinstance(part, Level):
        return []
    line = {"color": part.color, "width": 1.4 if part.name else 1, "dash": part.dash.value}
    look = {
        "type": "line",
        "layer": "above" if part.name else "below",
        "line": line,
        "name": plain(part.name),
        "showlegend": bool(part.name),
    }
    if part.is_upright:
        return [look | {"xref": x, "yref": f"{y} domain", "x0": part.at, "x1": part.at, "y0": 0, "y1": 1}]
    return [look | {"xref": f"{x} domain", "yref": y, "x0": 0, "x1": 1, "y0": part.at, "y1": part.at}]


def _flag_traces(panel: Panel, layout: dict[str, Any], place: _Place) -> list[dict[str, Any]]:
    """Return a row of signs for each kind of thing that happened, on an axis of their own over the curves."""
    rows = [part for part in panel.parts if isinstance(part, Flags)]
    if not rows:
        return []
    own = f"y{_FLAGS}"
    layout[_long(own)] = {"overlaying": place.y, "range": [0, 1], "fixedrange": True, "visible": False}
    values = np.concatenate([part.y[np.isfinite(part.y)] for part in panel.parts if isinstance(part, Line)] + [[0.0]])
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 1e-9)
    layout[_long(place.y)]["range"] = [low - 0.04 * room, high + (0.04 + _ROW * (len(rows) + 0.6)) * room]
    return [flags_trace(part, at=1 - _ROW * (row + 0.6), axes=(place.x, own)) for row, part in enumerate(rows)]
