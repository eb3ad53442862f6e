"""Labels: what a model is asked to predict. They look one kline ahead, so nothing that decides may import them."""

import numpy as np

from trader.core.klines import BoolArray, FloatArray, Klines


def next_returns(klines: Klines) -> FloatArray:
    """Return close[t+1] / close[t] - 1 for each kline t; NaN for the last one, whose next close is not known."""
    returns = np.full(len(klines), np.nan)
    if len(klines) > 1:
        returns[:-1] = klines.close[1:] / klines.close[:-1] - 1.0
    return returns


def scorable(klines: Klines) -> BoolArray:
    """Tell for each kline whether it may be trained on or scored: it and the next one exist and are not filled."""
    rows = ~klines.filled
    rows[:-1] &= ~klines.filled[1:]
    rows[-1:] = False
    return rows


def directions(klines: Klines) -> FloatArray:
    """Return 1.0 where the next close is higher, 0.0 where it is not, NaN where the row is not scorable."""
    labels = (next_returns(klines) > 0).astype(np.float64)
    labels[~scorable(klines)] = np.nan
    return labels
