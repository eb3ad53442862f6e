"""Hourly klines turned into those of another interval: joined to longer ones, or split into quarters."""

import numpy as np

from trader.core.klines import INTERVALS, FloatArray, Klines, checked, interval_ms

_QUARTERS = 4


def join(klines: Klines, interval: str) -> Klines:
    """Return the klines of a longer interval: first open, last close, extremes, and the sum of volumes.

    A long kline of which some short ones are missing is made of the others; one without any is missing too.
    """
    if not len(klines):
        raise ValueError("there is nothing to join")
    opens = klines.open_time - klines.open_time % interval_ms(interval)
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], len(klines)) - 1
    return checked(
        interval=interval,
        open_time=opens[first],
        open=klines.open[first],
        high=np.maximum.reduceat(klines.high, first),
        low=np.minimum.reduceat(klines.low, first),
        close=klines.close[last],
        volume=np.add.reduceat(klines.volume, first),
        source=f"klines joined to {interval}",
    )


def split_hours(klines: Klines, *, seed: tuple[int, ...], decimals: int) -> Klines:
    """Return four klines of 15 minutes for each hour; joined again they give its prices.

    They wander from its open to its close without leaving its range, and one quarter each touches its high and its low.
    Volumes add up but for their rounding to `decimals`, as prices are.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    count = len(klines)
    share = np.arange(1, _QUARTERS) / _QUARTERS
    path = klines.open[:, None] + (klines.close - klines.open)[:, None] * share
    path += 0.25 * (klines.high - klines.low)[:, None] * random.standard_normal((count, _QUARTERS - 1))
    path = np.clip(np.round(path, decimals), klines.low[:, None], klines.high[:, None])
    close = np.column_stack([path, klines.close])
    open_ = np.column_stack([klines.open, path])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    hours = np.arange(count)
    high[hours, random.integers(_QUARTERS, size=count)] = klines.high
    low[hours, random.integers(_QUARTERS, size=count)] = klines.low
    parts = random.dirichlet(np.full(_QUARTERS, 5.0), count)
    return checked(
        interval="15m",
        open_time=(klines.open_time[:, None] + INTERVALS["15m"] * np.arange(_QUARTERS)).ravel(),
        open=_flat(open_),
        high=_flat(high),
        low=_flat(low),
        close=_flat(close),
        volume=_flat(np.round(klines.volume[:, None] * parts, decimals)),
        source="hours split into quarters",
    )


def _flat(rows: FloatArray) -> FloatArray:
    return rows.ravel()
