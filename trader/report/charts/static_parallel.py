"""Parallel coordinates (Inselberg 1985) as matplotlib draws them."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from trader.report import style
from trader.report.charts.description import Coordinate, Parallel

_MAP = "cividis"
"""Made for colour-blind readers (Nuñez, Anderton & Renslow 2018), and its lightness grows in print, too."""


def draw_parallel(axes: Axes, part: Parallel) -> None:
    """Draw an upright for each coordinate between its lowest and highest tick, and a line for each row."""
    heights = np.stack([_heights(each) for each in part.coordinates], axis=1)
    order = np.argsort(heights[:, 0], kind="stable")
    places = np.arange(len(part.coordinates), dtype=np.float64)
    lines = [np.column_stack([places, row])[np.isfinite(row)] for row in heights[order]]
    colors = colormaps[_MAP](heights[order, 0])
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=1.1, alpha=0.8))
    for place, coordinate in zip(places, part.coordinates, strict=True):
        axes.axvline(float(place), color=style.INK, linewidth=0.9, zorder=3)
        for value, words in coordinate.ticks:
            _write(axes, words, at=(float(place), float(_share(np.array([value]), coordinate)[0])))
    axes.set_xlim(-0.3, len(places) - 0.7)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xticks(places, [each.name for each in part.coordinates], rotation=90)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, words: str, *, at: tuple[float, float]) -> None:
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    axes.annotate(words, at, ha="center", va="center", size=style.FONT_SIZE - 2.5, zorder=4, bbox=box)


def _heights(coordinate: Coordinate) -> np.ndarray:
    return _share(coordinate.values, coordinate)


def _share(values: np.ndarray, coordinate: Coordinate) -> np.ndarray:
    """Return how far up values lie between the lowest and the highest tick, from 0 to 1."""
    edges = [value for value, _ in coordinate.ticks]
    low, high = min(edges), max(edges)
    return (values - low) / (high - low) if high > low else np.where(np.isfinite(values), 0.5, np.nan)
