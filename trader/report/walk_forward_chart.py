"""The chart of a walk-forward: what a strategy made before and after costs, beside being long and coins.

A panel is a strategy; its periods were walked apart, each from flat, and are drawn one after the other. Everything is
the sum of hourly returns on a fixed notional, also of being always long, so that the curves can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.random import default_rng

from trader.core.accounting import Costs, cumulative, net_return
from trader.core.evaluation.baselines import COINS, shuffled
from trader.core.evaluation.stream import Stream
from trader.core.klines import FloatArray, IntArray, from_ms, interval_ms
from trader.core.performance import evidence, round_trips
from trader.report import style

PANEL_HEIGHT = 3.4
_POINTS = 1500
"""So many points are drawn of each curve; a screen has no more columns."""
_BAND = "#d5d8dd"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Period:
    """One walk-forward from flat, and what to call it (in-sample, out-of-sample)."""

    name: str
    stream: Stream


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """A strategy over periods, oldest first."""

    name: str
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curves:
    """Per cent of the notional at `closed` (ms): one element a kline, those of the coins are 5 and 95 % quantiles."""

    closed: IntArray
    net: FloatArray
    gross: FloatArray
    long: FloatArray
    coins_low: FloatArray
    coins_high: FloatArray


def draw_walk_forward(panels: Sequence[Panel], *, title: str, costs: Costs, seed: int) -> bytes:
    """Return a PNG with a panel for each strategy, one below the other, over the same time."""
    with style.house_style():
        figure = style.new_figure(
            title, subtitle=_subtitle(panels[0], costs=costs), height=0.9 + PANEL_HEIGHT * len(panels), width=7.5
        )
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(rows, panels, strict=True):
            _draw_panel(axes, panel, curves=curves_of(panel, costs=costs, seed=seed))
        style.time_axis(rows[-1])
        rows[-1].set_xlabel("UTC")
        return style.to_png(figure)


def curves_of(panel: Panel, *, costs: Costs, seed: int, coins: int = COINS) -> Curves:
    """Return the curves of a strategy; a coin holds as long as it does, in another order and on other sides."""
    rng = default_rng(seed)
    streams = [period.stream for period in panel.periods]
    tossed = np.stack([np.concatenate([_coin(stream, costs, rng) for stream in streams]) for _ in range(coins)])
    low, high = np.quantile(np.cumsum(tossed, axis=1), [0.05, 0.95], axis=0)
    whole = Stream.concat(streams)
    return Curves(
        closed=whole.open_time + 2 * interval_ms(whole.interval),
        net=_percent(whole.net),
        gross=_percent(whole.gross),
        long=_percent(whole.moves),
        coins_low=low * 100,
        coins_high=high * 100,
    )


def _coin(stream: Stream, costs: Costs, rng: np.random.Generator) -> FloatArray:
    exposure = shuffled(stream.exposure, rng)
    change = np.abs(np.diff(exposure, prepend=0.0))
    return net_return(gross=exposure * stream.moves, change=change, costs=costs)


def _percent(returns: FloatArray) -> FloatArray:
    return cumulative(returns) * 100


def _draw_panel(axes: Axes, panel: Panel, *, curves: Curves) -> None:
    shown = np.unique(np.linspace(0, len(curves.net) - 1, _POINTS).round().astype(int))
    time = style.days(curves.closed[shown])
    axes.fill_between(time, curves.coins_low[shown], curves.coins_high[shown], color=_BAND, linewidth=0, zorder=1)
    axes.axhline(0, color=style.INK, linewidth=0.9, zorder=1.5)
    looks = (
        ("Always long", curves.long, {"color": style.GREY, "linestyle": (0, (1, 1.2)), "linewidth": 1.3}),
        ("Gross", curves.gross, {"color": style.BLUE, "linewidth": 0.8}),
        ("Net", curves.net, {"color": style.BLUE, "linewidth": 2.0}),
    )
    lines: list[Line2D | Patch] = []
    for name, values, look in looks:
        label = f"{name}  {style.percent(values[-1], decimals=0, signed=True)}"
        lines += axes.plot(time, values[shown], label=label, **look)  # type: ignore[arg-type]
    band = Patch(facecolor=_BAND, label=f"{COINS} coins, 5\N{EN DASH}95 %")
    axes.legend(
        handles=[lines[2], lines[1], lines[0], band],
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=4,
        borderpad=0,
        columnspacing=1.2,
        handlelength=1.4,
        fontsize=style.FONT_SIZE - 1.5,
    )
    axes.set_title(panel.name, loc="left", weight="bold", pad=22)
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel("% of notional")
    style.percent_axis(axes, signed=True)
    _mark_periods(axes, panel)


def _mark_periods(axes: Axes, panel: Panel) -> None:
    """Draw where each period begins, and its name above the lower edge."""
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.18 * (high - low), high)
    for number, period in enumerate(panel.periods):
        begins = float(style.days(period.stream.open_time[:1])[0])
        if number:
            axes.axvline(begins, color=style.VERMILION, linewidth=1.1, linestyle=(0, (4, 2)), zorder=2.5)
        axes.annotate(
            period.name,
            (begins, 0.02 + 0.06 * (number % 2)),  # a short period's name would run into the next one's
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            size=style.FONT_SIZE - 2,
            color=style.VERMILION if number else style.INK,
            va="bottom",
            zorder=3,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
        )


def _subtitle(panel: Panel, *, costs: Costs) -> str:
    streams = [period.stream for period in panel.periods]
    first, last = from_ms(streams[0].open_time[0]), from_ms(streams[-1].open_time[-1])
    says = [words for words in (evidence(round_trips(stream.exposure)) for stream in streams) if words]
    lines = [f"{first:%Y-%m-%d} to {last:%Y-%m-%d}, {costs}", "all curves: sums of hourly returns, not compounded"]
    return "\n".join([*lines, *says[:1]])
