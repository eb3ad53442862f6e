"""Labels: what a model is asked to predict. They look one kline ahead, so nothing that decides may import them."""

import numpy as np

from trader.core.klines import BoolArray, FloatArray, Klines


def next_returns(klines: Klines) -> FloatArray:
    """Return close[t+1] / close[t] - 1 for each kline t; NaN for the last one, whose next close is not known."""
    return moves(klines, horizon=1)


def moves(klines: Klines, *, horizon: int) -> FloatArray:
    """Return close[t+horizon] / close[t] - 1 for each kline t; NaN for the last `horizon`."""
    returns = np.full(len(klines), np.nan)
    if len(klines) > horizon:
        returns[:-horizon] = klines.close[horizon:] / klines.close[:-horizon] - 1.0
    return returns


def scorable(klines: Klines) -> BoolArray:
    """Tell for each kline whether it may be trained on or scored: it and the next one exist and are not filled."""
    rows = ~klines.filled
    rows[:-1] &= ~klines.filled[1:]
    rows[-1:] = False
    return rows


def directions(klines: Klines, *, horizon: int = 1) -> FloatArray:
    """Return 1.0 where the close `horizon` klines later is higher, 0.0 where it is not.

    NaN where that close is not known, or any kline from the row's own to that one is filled.
    """
    labels = (moves(klines, horizon=horizon) > 0).astype(np.float64)
    usable = ~klines.filled
    for ahead in range(1, horizon + 1):
        usable[:-ahead] &= ~klines.filled[ahead:]
    usable[max(0, len(klines) - horizon) :] = False
    labels[~usable] = np.nan
    return labels
