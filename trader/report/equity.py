"""The equity chart: what the two books made, beside holding the asset, over every run in the ledger.

Replay and live, halts, missed runs and new models are told apart in the picture itself, which carries its costs and
its number of round trips wherever it is pasted.
"""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from trader.core.klines import FloatArray, from_ms, interval_ms
from trader.core.performance import evidence, round_trips
from trader.report import style
from trader.report.curves import EquityCurves, equity_curves, stretches

HEIGHT = 5.6
_TITLE_WIDTH = 50
_LINE_WIDTH = 68
_TITLE_LINES = 2
_MOST_LABELS = 4
_MANY = 3000
_MANY_MARKS = 24


def draw_equity(ledger: pd.DataFrame, *, symbol: str, interval: str, notional: float, costs: str, title: str) -> bytes:
    """Return a PNG of 1200 x 1120 pixels: the books and hold in per cent of the notional above, the exposure below.

    `costs` is printed as it is. A ledger of one run or none gives a picture that says so.
    """
    curves = equity_curves(ledger, interval=interval, notional=notional)
    with style.house_style():
        lines = textwrap.wrap(title, width=_TITLE_WIDTH, max_lines=_TITLE_LINES, placeholder=" ...")
        subtitle = _subtitle(curves, symbol=symbol, interval=interval, notional=notional, costs=costs)
        figure = style.new_figure("\n".join(lines), subtitle=subtitle, height=HEIGHT)
        if len(curves):
            _draw_panels(figure, curves, step_ms=interval_ms(interval))
        else:
            _draw_nothing(figure)
        return style.to_png(figure)


def _draw_panels(figure: Figure, curves: EquityCurves, *, step_ms: int) -> None:
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    end = float(style.days(curves.closed[-1:] + step_ms)[0])
    top.set_xlim(_time(curves)[0], end + 0.01 * (end - _time(curves)[0]))
    handles = _draw_curves(top, curves)
    low, high = top.get_ylim()
    top.set_ylim(low - 0.10 * (high - low), high + 0.04 * (high - low))  # room for the marks and words along the edges
    handles += _draw_marks(top, bottom, curves, end=end)
    top.set_ylabel("% of notional")
    style.percent_axis(top, signed=True)
    top.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderpad=0, columnspacing=1.6)
    if len(curves) == 1:
        top.text(0.5, 0.75, "one run so far: nothing is settled yet", transform=top.transAxes, ha="center")
    _draw_exposure(bottom, curves, end=end)
    style.time_axis(bottom)
    bottom.set_xlabel("UTC, at the close of the kline")


def _draw_curves(axes: Axes, curves: EquityCurves) -> list[Line2D | Patch]:
    thin = 1.0 if len(curves) < _MANY else 0.6  # thick lines over years of hours would run into one another
    looks: tuple[tuple[str, FloatArray, dict[str, Any]], ...] = (
        ("Hold", curves.hold, {"color": style.GREY, "linestyle": (0, (1, 1.2)), "linewidth": 1.5 * thin}),
        ("Paper gross", curves.gross, {"color": style.BLUE, "linewidth": 0.9 * thin}),
        ("Paper net", curves.net, {"color": style.BLUE, "linewidth": 2.4 * thin}),
        (
            "Execution",
            curves.execution,
            {"color": style.VERMILION, "linestyle": (0, (4, 1.5)), "linewidth": 1.7 * thin},
        ),
    )
    axes.axhline(0, color=style.INK, linewidth=0.9, zorder=1.5)
    handles: list[Line2D | Patch] = []
    for name, values, look in looks:
        known = np.flatnonzero(np.isfinite(values))
        final = style.percent(values[known[-1]], decimals=2, signed=True) if len(known) else "no value"
        (line,) = axes.plot(_time(curves), values, label=f"{name}  {final}", **look)
        if len(known):
            axes.plot(
                _time(curves)[known[-1:]], values[known[-1:]], "o", color=look["color"], markersize=5, clip_on=False
            )
        handles.append(line)
    return [handles[2], handles[1], handles[3], handles[0]]


def _draw_marks(top: Axes, bottom: Axes, curves: EquityCurves, *, end: float) -> list[Line2D | Patch]:
    """Draw halts, model changes, missed runs and changes of origin; return legend entries for those there are."""
    handles: list[Line2D | Patch] = []
    halts = stretches(curves.halted)
    for first, after in halts:
        until = _time(curves)[after] if after < len(curves) else end
        for axes in (top, bottom):
            axes.axvspan(_time(curves)[first], until, facecolor="#f3e3b3", edgecolor="none", zorder=0.4)
    if halts:
        handles.append(Patch(facecolor="#f3e3b3", label=f"Halted ({_count(int(curves.halted.sum()), 'run')})"))
    models = _time(curves)[list(curves.model_changes)]
    missed, unpublished = _time(curves)[curves.missed], _time(curves)[curves.unpublished]
    transform = top.get_xaxis_transform()
    for axes, at, look, name in (
        (top, models, {"color": style.GREEN, "marker": "v", "transform": transform}, "New model"),
        (bottom, missed, {"color": style.PURPLE, "marker": "x", "markeredgewidth": 1.6}, "Missed run"),
        (bottom, unpublished, {"color": style.GREY, "marker": "|", "markeredgewidth": 1.6}, "No kline published"),
    ):
        if len(at):
            handles.append(_draw_row(axes, at, name=f"{name} ({len(at):,})", look=look))
    for count, position in enumerate(curves.origin_changes):
        for axes in (top, bottom):
            axes.axvline(_time(curves)[position], color=style.BLACK, linewidth=1.3, linestyle=(0, (5, 2)), zorder=3)
        if count < _MOST_LABELS:
            _label_origin(top, curves, position)
    return handles


def _draw_row(axes: Axes, at: FloatArray, *, name: str, look: dict[str, Any]) -> Line2D:
    """Draw marks along the top edge of the axes, thin ticks when there are many; return the legend entry."""
    height = 0.985 if "transform" in look else 1.22
    if len(at) > _MANY_MARKS:
        look = {**look, "marker": "|", "markeredgewidth": 1.0}
    axes.plot(at, np.full(len(at), height), linestyle="none", markersize=7, clip_on=False, **look)
    look = {key: value for key, value in look.items() if key != "transform"}
    return Line2D([], [], linestyle="none", markersize=7, label=name, **look)


def _label_origin(axes: Axes, curves: EquityCurves, position: int) -> None:
    """Write the origin before a change left of the line and the one after it right of it, where there is room."""
    left, right = axes.get_xlim()
    share = (_time(curves)[position] - left) / (right - left)
    look: dict[str, Any] = {
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": "offset points",
        "va": "bottom",
        "zorder": 4,
    }
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    words = ((curves.origin[position - 1], -5, "right", share), (curves.origin[position], 5, "left", 1 - share))
    for word, shift, side, room in words:
        if room > 0.09:  # noqa: PLR2004 - the share of the width that the word itself takes
            at = (_time(curves)[position], 0.02)
            axes.annotate(word, at, xytext=(shift, 0), ha=side, bbox=box, weight="bold", **look)


def _draw_exposure(axes: Axes, curves: EquityCurves, *, end: float) -> None:
    """Draw each exposure from the close it was decided at to the next one."""
    time = np.append(_time(curves), end)
    exposure = np.append(curves.exposure, curves.exposure[-1:])
    axes.fill_between(time, 0, exposure, step="post", color=style.BLUE, alpha=0.25, linewidth=0)
    axes.step(time, exposure, where="post", color=style.BLUE, linewidth=0.9 if len(curves) < _MANY else 0.25)
    axes.axhline(0, color=style.INK, linewidth=0.9)
    axes.set_ylim(-1.4, 1.4)
    axes.set_yticks([-1, 0, 1], ["short \N{MINUS SIGN}1", "flat 0", "long 1"])
    axes.set_ylabel("exposure")


def _draw_nothing(figure: Figure) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, "No completed runs yet.\nThe chart begins with the first one.", ha="center", va="center", size=14
    )


def _subtitle(curves: EquityCurves, *, symbol: str, interval: str, notional: float, costs: str) -> str:
    first = "\n".join(textwrap.wrap(f"{symbol} {interval}, {costs}, notional {notional:g}", width=_LINE_WIDTH))
    if not len(curves):
        return first
    origins = sorted(set(curves.origin))
    origin = f"all {origins[0]}" if len(origins) == 1 else " and ".join(reversed(origins))
    start, last = (f"{from_ms(moment):%Y-%m-%d %H:%M}" for moment in curves.closed[[0, -1]])
    trips = round_trips(curves.exposure)
    settled = f"{_count(round(curves.hours), 'hour')} settled in {_count(len(curves), 'run')}"
    counts = f"{settled}, {_count(trips, 'round trip')}, {origin}"
    says = evidence(trips)
    return f"{first}\n{start} to {last} UTC\n{counts}" + (f"\n{says}" if says else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _time(curves: EquityCurves) -> FloatArray:
    return style.days(curves.closed)
