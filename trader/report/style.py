"""The look every chart shares: colours, sizes, time axes and PNG bytes.

Figures are made without pyplot, so nothing global is kept between runs and no display is looked for. The colours are
Okabe and Ito's, which colour-blind readers tell apart; where two lines may meet they also differ in width and dashes,
for print. Bytes depend on the input only: no date and no version is written into a file.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from trader.core.klines import FloatArray, IntArray

BLUE = "#0072B2"
GREEN = "#009E73"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
BLACK = "#000000"
INK = "#1f2933"
GREY = "#6b7280"
PALE = "#e5e7eb"

FONT_SIZE = 11.0
DPI = 200
WIDTH = 6.0
"""Inches. A phone shows a figure about 360 pixels wide, so text of 11 points stays near 9 pixels there."""

_DAY_MS = 86_400_000

_LOOK: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.6,
    "timezone": "UTC",
    "text.parse_math": False,  # a symbol or a title with two dollar signs is text, not a formula
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside the block, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)  # type: ignore[arg-type]  # the keys are literals of a closed list
        yield


def new_figure(title: str, *, subtitle: str = "", height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of `width` x `height` inches under its title lines; line breaks in both are kept."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    top = 0.10
    for text, size, weight in ((title, FONT_SIZE + 2, "bold"), (subtitle, FONT_SIZE, "normal")):
        for line in text.splitlines():
            figure.text(0.08 / width, 1 - top / height, line, size=size, weight=weight, va="top", ha="left")
            top += size * 1.32 / 72
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, 0, 1, 1 - top / height), w_pad=0.06, h_pad=0.06)  # type: ignore[call-arg]
    return figure


def to_png(figure: Figure) -> bytes:
    """Return the figure as a PNG without metadata, so that the same input gives the same bytes."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def days(milliseconds: IntArray) -> FloatArray:
    """Return times as matplotlib counts them: days since 1970-01-01 UTC."""
    return np.asarray(milliseconds, dtype=np.float64) / _DAY_MS


def time_axis(axes: Axes) -> None:
    """Label a horizontal axis of `days` with few, short ticks."""
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def percent_axis(axes: Axes, *, signed: bool = False) -> None:
    """Label a vertical axis whose values are per cent."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, signed=signed)))


def percent(value: float, *, decimals: int | None = None, signed: bool = False) -> str:
    """Return per cent with a real minus sign, as short as it can be when no number of decimals is given."""
    number = f"{value:+.6g}" if signed and value else f"{value:.6g}"
    if decimals is not None:
        number = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    return f"{number} %".replace("-", "\N{MINUS SIGN}")


def sample(count: int, noun: str) -> str:
    """Return the line under a title that says what the picture is made of."""
    return f"{count:,} {noun}, UTC"


def short(value: float) -> str:
    """Return a number in at most about five characters: 12k, 3.5M, 0.25."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
