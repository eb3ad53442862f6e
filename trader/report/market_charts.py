"""Pictures of the klines themselves; the numbers come from market_statistics.

Every picture carries its title, its units, its sample and UTC, so that it can be read when cut out of the page.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from trader.core.klines import FloatArray, IntArray, Klines
from trader.report import style
from trader.report.market_statistics import NORMAL_95, Coverage, Moments, monthly_coverage

HEIGHT = 3.7
_MONTHS = "JFMAMJJASOND"
_COVERED = ListedColormap(["#8c2d04", "#d95f0e", "#fe9929", "#fed98e", "#dcebf5"])
_COVERED_EDGES = (0.9, 0.98, 0.99, 1.0)
"""Dark means missing, the palest class a complete month; hours go missing by ones and tens, so the steps are fine."""
_DARK = 2


def draw_coverage(klines: Klines, covered: Coverage) -> bytes:
    """Draw years x months; a cell's number is how many klines are missing."""
    years, share, missing = monthly_coverage(klines)
    step = np.searchsorted(_COVERED_EDGES, share, side="right")
    with style.house_style():
        counts = f"missing klines by month, {covered.filled:,} of {covered.klines:,}, UTC"
        figure = style.new_figure(
            "Coverage",
            subtitle=f"{counts}\npale: complete, dark: under 90 % present",
            height=1.7 + 0.3 * max(4, len(years)),
        )
        axes = figure.subplots()
        shown = np.ma.masked_array(step, np.isnan(share))
        axes.pcolormesh(
            np.arange(13),
            np.arange(len(years) + 1),
            shown,
            cmap=_COVERED,
            vmin=0,
            vmax=4,
            edgecolors="white",
            linewidth=1.5,
        )
        for row, month in zip(*np.nonzero(missing), strict=True):
            color = "white" if step[row, month] < _DARK else style.INK
            axes.text(month + 0.5, row + 0.5, f"{missing[row, month]}", ha="center", va="center", color=color)
        axes.set_xticks(np.arange(12) + 0.5, list(_MONTHS))
        axes.set_yticks(np.arange(len(years)) + 0.5, [str(year) for year in years])
        axes.set_ylim(max(4, len(years)), 0)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return style.to_png(figure)


def draw_price(klines: Klines, *, symbol: str) -> bytes:
    """Draw the close on a log scale, and the volume of each day (or of each kline, for less than 60 days) below."""
    real = klines.real
    with style.house_style():
        figure = style.new_figure(
            f"{symbol} close and volume", subtitle=style.sample(len(real), "klines"), height=HEIGHT + 0.4
        )
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        top.plot(
            style.days(klines.open_time), np.where(klines.filled, np.nan, klines.close), color=style.BLUE, linewidth=1.0
        )
        _log_axis(top)
        top.set_ylabel("close, quote (log)")
        day, volume = _daily_volume(real)
        bottom.fill_between(day, 0, volume, step="post", color=style.GREY, linewidth=0)
        bottom.set_ylim(0, None)
        bottom.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(value)))
        bottom.set_ylabel("base a day" if len(day) != len(real) else "base a kline")
        style.time_axis(bottom)
        return style.to_png(figure)


def draw_distribution(returns: FloatArray, described: Moments) -> bytes:
    """Draw the density of returns on a log scale against the normal one with the same mean and deviation."""
    known = 100 * returns[np.isfinite(returns)]
    mean, deviation = 100 * described.mean, 100 * described.deviation
    reach = max(abs(known.min()), abs(known.max()), 4 * deviation)
    bins = int(min(161, max(15, 4 * len(known) ** (1 / 3))))
    density, edges = np.histogram(known, bins=bins, range=(-reach, reach), density=True)
    middle = (edges[1:] + edges[:-1]) / 2
    least = 1 / (len(known) * (edges[1] - edges[0]))
    with style.house_style():
        subtitle = style.sample(described.count, "returns")
        figure = style.new_figure("Distribution of returns", subtitle=subtitle, height=HEIGHT + 1.4)
        axes = figure.subplots()
        seen = density > 0
        axes.plot(middle[seen], density[seen], ".", color=style.BLUE, markersize=5, label="returns")
        curve = np.linspace(-reach, reach, 801)
        normal = np.exp(-0.5 * ((curve - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        axes.plot(curve, normal, color=style.VERMILION, linewidth=1.6, linestyle=(0, (5, 2)), label="normal")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(least / 2, 3 * max(density.max(), normal.max()))
        axes.set_xlabel("return of one kline")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: style.percent(value, signed=True)))
        axes.set_ylabel("density per % (log)")
        axes.legend(loc="upper right", handlelength=1.4)
        return style.to_png(figure)


def draw_volatility(klines: Klines, volatility: FloatArray) -> bytes:
    """Draw the annualised rolling volatility, a fraction."""
    with style.house_style():
        subtitle = style.sample(int(np.isfinite(volatility).sum()), "windows of 30 days")
        figure = style.new_figure("Volatility, rolling 30 days", subtitle=subtitle, height=HEIGHT + 0.4)
        axes = figure.subplots()
        axes.plot(style.days(klines.open_time), 100 * volatility, color=style.BLUE, linewidth=1.3)
        axes.set_ylim(0, None)
        axes.set_ylabel("annualised")
        style.percent_axis(axes)
        style.time_axis(axes)
        return style.to_png(figure)


def draw_autocorrelation(values: FloatArray, *, count: int, title: str) -> bytes:
    """Draw autocorrelations at lags 1, 2, ... with the band that 95 % of independent values would stay in."""
    lags = np.arange(1, len(values) + 1)
    band = NORMAL_95 / np.sqrt(count)
    with style.house_style():
        figure = style.new_figure(title, subtitle=style.sample(count, "returns"), height=HEIGHT)
        axes = figure.subplots()
        axes.axhspan(-band, band, color=style.PALE, zorder=0.5, label=f"95 % if independent (\u00b1{band:.3f})")
        axes.axhline(0, color=style.INK, linewidth=0.9)
        axes.bar(lags, values, width=0.7, color=np.where(np.abs(values) > band, style.BLUE, style.GREY))
        axes.set_xticks(np.arange(12, len(values) + 1, 12) if len(values) >= 24 else lags[::2])  # noqa: PLR2004
        axes.set_xlabel("lag, klines")
        axes.set_ylabel("autocorrelation")
        axes.set_xlim(0, len(values) + 1)
        low, high = min(-band, *values), max(band, *values)
        axes.set_ylim(low - 0.05 * (high - low), high + 0.25 * (high - low))
        axes.legend(loc="upper right", handlelength=1.2, borderpad=0)
        return style.to_png(figure)


def _daily_volume(real: Klines) -> tuple[FloatArray, FloatArray]:
    day: IntArray = real.open_time // 86_400_000
    first = int(day[0])
    if day[-1] - first < 60:  # noqa: PLR2004 - days
        return style.days(real.open_time), real.volume
    volume = np.bincount(day - first, weights=real.volume)
    return first + np.arange(len(volume), dtype=np.float64), np.asarray(volume, dtype=np.float64)


def _log_axis(axes: Axes) -> None:
    """Use a log scale with ticks that are plain numbers, also where prices span less than a decade."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 4 * low else MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
