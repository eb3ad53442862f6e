"""Pictures of groups of klines: hours of the day, days of the week, years; the numbers come from market_statistics."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from trader.report import style
from trader.report.market_statistics import NORMAL_95, Profile, Year

HEIGHT = 3.7
_MANY_YEARS = 7


def draw_mean_profile(profile: Profile, *, ticks: dict[int, str], title: str, xlabel: str) -> bytes:
    """Draw the mean return (basis points) of each group with 95 % intervals."""
    mean, half = 1e4 * profile.mean, 1e4 * NORMAL_95 * profile.error
    with style.house_style():
        figure = style.new_figure(title, subtitle=style.sample(int(profile.count.sum()), "returns"), height=HEIGHT)
        axes = figure.subplots()
        axes.axhline(0, color=style.INK, linewidth=0.9)
        clear = np.abs(mean) > half
        for rows, color, name in ((~clear, style.GREY, "95 % interval holds 0"), (clear, style.BLUE, "does not")):
            where = np.flatnonzero(rows & (profile.count > 0))
            axes.errorbar(
                where, mean[where], half[where], fmt="o", color=color, markersize=5, elinewidth=1.6, label=name
            )
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xlabel(xlabel)
        axes.set_ylabel("mean return, bp")
        axes.margins(y=0.2)
        axes.legend(loc="upper right", ncols=2, handletextpad=0.2, columnspacing=0.8, borderpad=0)
        return style.to_png(figure)


def draw_activity_profile(move: Profile, volume: Profile, *, ticks: dict[int, str], title: str, xlabel: str) -> bytes:
    """Draw the mean absolute return (basis points) and the mean volume (base units) of each group."""
    with style.house_style():
        figure = style.new_figure(title, subtitle=style.sample(int(move.count.sum()), "returns"), height=HEIGHT)
        left, right = figure.subplots(1, 2)
        shown = list(ticks)[::2]
        for axes, values, name in (
            (left, 1e4 * move.mean, "mean |return|, bp"),
            (right, volume.mean, "mean volume, base"),
        ):
            axes.bar(np.arange(len(values)), values, width=0.75, color=style.BLUE)
            axes.set_title(name, loc="left")
            axes.set_xticks(shown, [ticks[group] for group in shown])
            axes.set_xlabel(xlabel)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(value)))
        return style.to_png(figure)


def draw_base_rates(years: list[Year], *, noun: str) -> bytes:
    """Draw the share of rising klines by year with Wilson's 95 % intervals; the last row is the whole."""
    *parts, whole = years
    with style.house_style():
        figure = style.new_figure(
            f"Share of {noun}s that rise, by year", subtitle=style.sample(whole.count, "labels"), height=HEIGHT
        )
        axes = figure.subplots()
        at = np.arange(len(parts))
        share = 100 * np.array([part.base_rate for part in parts])
        low, high = (100 * np.array([getattr(part, side) for part in parts]) for side in ("low", "high"))
        axes.axhline(50, color=style.INK, linewidth=0.9)
        axes.axhline(
            100 * whole.base_rate,
            color=style.VERMILION,
            linewidth=1.4,
            linestyle=(0, (5, 2)),
            label=f"all years, {100 * whole.base_rate:.2f} %",
        )
        axes.errorbar(at, share, [share - low, high - share], fmt="o", color=style.BLUE, markersize=6, elinewidth=1.6)
        _year_ticks(axes, parts)
        axes.set_ylabel(f"rising {noun}s")
        axes.margins(y=0.25)
        style.percent_axis(axes)
        axes.legend(loc="upper right", borderpad=0)
        return style.to_png(figure)


def draw_moves(years: list[Year], *, cost: float, noun: str) -> bytes:
    """Draw the share of klines that move further than `cost` (a fraction), and the mean move, by year."""
    *parts, whole = years
    with style.house_style():
        title = f"{noun.capitalize()}s that move more than {1e4 * cost:g} bp"
        figure = style.new_figure(title, subtitle=style.sample(whole.count, f"{noun}s"), height=HEIGHT)
        left, right = figure.subplots(1, 2)
        at = np.arange(len(parts))
        left.bar(at, [100 * part.beyond_costs for part in parts], width=0.7, color=style.BLUE)
        left.set_title(f"share of {noun}s", loc="left")
        style.percent_axis(left)
        right.bar(at, [1e4 * part.mean_move for part in parts], width=0.7, color=style.BLUE)
        right.axhline(1e4 * cost, color=style.VERMILION, linewidth=1.6, linestyle=(0, (5, 2)))
        right.set_title("mean |return|, bp", loc="left")
        for axes in (left, right):
            _year_ticks(axes, parts, every=1 if len(parts) < _MANY_YEARS else 2)
        return style.to_png(figure)


def _year_ticks(axes: Axes, parts: list[Year], *, every: int = 1) -> None:
    axes.set_xticks(np.arange(0, len(parts), every), [f"'{part.year % 100:02d}" for part in parts[::every]])
    middle, half = (len(parts) - 1) / 2, max(2.0, len(parts) / 2)  # a single year is no bar across the whole axes
    axes.set_xlim(middle - half - 0.1, middle + half + 0.1)
