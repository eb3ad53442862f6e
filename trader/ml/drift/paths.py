"""A stationary market to set limits in: the training sample's own days, dealt out anew in blocks, and looked at daily.

Blocks of whole days (Künsch 1989, wrapped around the end as Politis and Romano 1992 do) keep what makes hourly values
alike from one hour to the next; what lasts longer than a block is lost, which `limits.py` makes up for. A path is
looked at as a bot is: once a day, over the last `window` days, fewer in the beginning.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator

from trader.core.klines import FloatArray, IntArray

LOOKS = 365
"""Daily looks a path: every path is one year."""

FEWEST_DAYS = 7
"""With fewer days of rows nobody looks."""

BLOCK_DAYS = 7


def block_days(days: int) -> int:
    """Return how many days a block has in a sample of so many."""
    return max(1, min(BLOCK_DAYS, days // 4))


def draw_days(*, days: int, paths: int, length: int, rng: Generator) -> IntArray:
    """Return the days of the sample that paths are made of, (paths, length)."""
    block = block_days(days)
    starts = rng.integers(0, days, size=(paths, -(-length // block)))
    placed = (starts[..., np.newaxis] + np.arange(block)) % days
    return placed.reshape(paths, -1)[:, :length]


def path_length() -> int:
    """Return how many days a path takes for a year of looks."""
    return LOOKS + FEWEST_DAYS - 1


def windows(daily: FloatArray, *, window: int) -> FloatArray:
    """Return the last `window` days at each look, oldest first, zeros before the beginning.

    (paths, length, ...) -> (paths, looks, window, ...)
    """
    before = np.zeros((len(daily), window - 1, *daily.shape[2:]), dtype=daily.dtype)
    padded = np.concatenate([before, daily], axis=1)
    seen = np.moveaxis(sliding_window_view(padded, window, axis=1), -1, 2)
    return seen[:, FEWEST_DAYS - 1 :]


def episodes_a_year(levels: FloatArray, *, limit: float) -> float:
    """Return how many stretches of looks above the limit there are a year: (paths, looks), `LOOKS` of them a year."""
    above = levels > limit
    begins = above.copy()
    begins[:, 1:] &= ~above[:, :-1]
    return float(begins.sum()) / (levels.size / LOOKS)


def limit_for(levels: FloatArray, *, rate: float) -> float:
    """Return the lowest limit at and above which no more than `rate` episodes a year begin: (paths, looks).

    Episodes are what is counted because looks overlap: what is above today is mostly above tomorrow.
    """
    # Of the highest looks every one begins an episode at most, so no limit lies lower than this.
    highest = np.sort(levels, axis=None)[::-1]
    low, high = 0, len(highest) - 1
    tried = np.unique(np.linspace(low, np.sqrt(high), 400).astype(np.int64) ** 2)
    found = float(highest[0])
    for place in tried:
        limit = float(highest[place])
        if episodes_a_year(levels, limit=limit) > rate:
            return found
        found = limit
    return found
