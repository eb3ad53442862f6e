"""Pictures of features against the label; the numbers come from feature_statistics."""

import numpy as np

from trader.report import style
from trader.report.feature_statistics import Deciles

HEIGHT = 3.3


def common_scale(cuts: list[Deciles], *, base_rate: float) -> tuple[float, float]:
    """Return lowest and highest share (fractions) that any interval reaches, so that all pictures have one scale."""
    low = min(base_rate, *(float(cut.low.min()) for cut in cuts))
    high = max(base_rate, *(float(cut.high.max()) for cut in cuts))
    return low, high


def draw_deciles(cut: Deciles, *, name: str, base_rate: float, scale: tuple[float, float], noun: str) -> bytes:
    """Draw the share of rising next klines in each tenth of a feature, over the base rate."""
    share, low, high = 100 * cut.share, 100 * cut.low, 100 * cut.high
    away = (low > 100 * base_rate) | (high < 100 * base_rate)
    margin = 0.08 * (scale[1] - scale[0])
    count = int(cut.count.sum())
    with style.house_style():
        subtitle = f"{count:,} {noun}s, {cut.count.min():,} to {cut.count.max():,} in a tenth, UTC"
        figure = style.new_figure(f"{name}: share rising in the next {noun}", subtitle=subtitle, height=HEIGHT)
        axes = figure.subplots()
        label = f"base rate {100 * base_rate:.1f} %"
        axes.axhline(100 * base_rate, color=style.VERMILION, linewidth=1.4, linestyle=(0, (5, 2)), label=label)
        for rows, color in ((~away, style.GREY), (away, style.BLUE)):
            bars = np.array([share[rows] - low[rows], high[rows] - share[rows]])
            axes.errorbar(cut.number[rows], share[rows], bars, fmt="o", color=color, markersize=5.5, elinewidth=1.7)
        axes.set_xlim(0.4, 10.6)
        axes.set_ylim(100 * (scale[0] - margin), 100 * (scale[1] + 2 * margin))
        numbers = {int(n): f"{n}" for n in range(1, 11)}
        first, last = int(cut.number[0]), int(cut.number[-1])
        ends = {first: f"{first}\n{cut.smallest[0]:.5g}", last: f"{last}\n{cut.largest[-1]:.5g}"}
        axes.set_xticks(list(numbers), list({**numbers, **ends}.values()))
        axes.set_xlabel("tenth of the feature, low to high", labelpad=-8)
        style.percent_axis(axes)
        axes.legend(loc="upper right", borderpad=0, handlelength=1.6)
        return style.to_png(figure)
