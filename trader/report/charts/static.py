"""A chart as a still picture: a PNG 1200 pixels wide, whose bytes depend on the chart only."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from trader.report import style
from trader.report.charts.description import Axis, Chart, Flags, Panel, Parallel, Unit
from trader.report.charts.static_parallel import draw_parallel
from trader.report.charts.static_parts import draw_flags, draw_part

_LINE_WIDTH = 68
_TITLE_WIDTH = 50
_LONG = 30
"""Letters. Two such names in the legend do not fit beside each other."""
_MARGIN = 0.012
_ROW = 0.055
"""The share of a panel's height that a row of flags takes."""


def to_png(chart: Chart) -> bytes:
    """Return the chart as a PNG."""
    with style.house_style():
        title = "\n".join(textwrap.wrap(chart.title, width=_TITLE_WIDTH))
        subtitle = "\n".join(line for text in chart.subtitle for line in textwrap.wrap(text, width=_LINE_WIDTH))
        figure = style.new_figure(title, subtitle=subtitle, height=chart.height)
        if chart.panels:
            _draw_panels(figure, chart)
        else:
            _draw_nothing(figure, chart.empty)
        return style.to_png(figure)


def _draw_nothing(figure: Figure, why: str) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, "\n".join(textwrap.wrap(why, width=44)), ha="center", va="center", size=14)


def _draw_panels(figure: Figure, chart: Chart) -> None:
    panels = chart.panels
    if chart.is_beside:
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    else:
        shares = [panel.share for panel in panels]
        grid = figure.subplots(len(panels), 1, sharex=True, height_ratios=shares, squeeze=False)[:, 0]
    for axes, panel in zip(grid, panels, strict=True):
        _draw_panel(axes, panel)
    for axes in grid[:-1] if not chart.is_beside else ():
        axes.set_xlabel("")
    for axes in grid[1:] if chart.is_beside else ():
        axes.tick_params(axis="y", length=0)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    for part in panel.parts:
        if isinstance(part, Parallel):
            draw_parallel(axes, part)
            return
    handles = [handle for part in panel.parts for handle in draw_part(axes, part, is_time=panel.x.unit is Unit.TIME)]
    _dress_x(axes, panel.x)
    _dress_y(axes, panel.y)
    flags = [part for part in panel.parts if isinstance(part, Flags)]
    if flags:
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + _ROW * (len(flags) + 0.6) * (high - low))
        handles += draw_flags(axes, flags, row=_ROW)
    if len(handles) > 1:
        axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=1 if any(len(str(handle.get_label())) > _LONG for handle in handles) else 2,
            borderpad=0,
            columnspacing=1.6,
        )


def _dress_x(axes: Axes, axis: Axis) -> None:
    axes.set_xlabel("\n".join(textwrap.wrap(axis.label, width=_LINE_WIDTH)))
    if axis.unit is Unit.TIME:
        if axis.low is not None and axis.high is not None:
            low, high = style.days(np.array([axis.low, axis.high]))
            axes.set_xlim(low - _MARGIN * (high - low), high + _MARGIN * (high - low))
        style.time_axis(axes)
        return
    _dress(axes, axis, along="x")


def _dress_y(axes: Axes, axis: Axis) -> None:
    axes.set_ylabel(axis.label)
    _dress(axes, axis, along="y")


def _dress(axes: Axes, axis: Axis, *, along: str) -> None:
    """Set scale, limits and ticks of one axis."""
    own = axes.xaxis if along == "x" else axes.yaxis
    if axis.is_log:
        (axes.set_xscale if along == "x" else axes.set_yscale)("log")
        own.set_minor_locator(NullLocator())
    limit = axes.set_xlim if along == "x" else axes.set_ylim
    limit(axis.low, axis.high)
    if axis.ticks:
        own.set_major_locator(FixedLocator([value for value, _ in axis.ticks]))
        own.set_ticks([value for value, _ in axis.ticks], [name for _, name in axis.ticks])
    elif axis.unit in {Unit.PERCENT, Unit.SIGNED_PERCENT}:
        signed = axis.unit is Unit.SIGNED_PERCENT
        own.set_major_formatter(FuncFormatter(lambda value, _: style.percent(value, signed=signed)))
