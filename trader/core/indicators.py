"""Indicators: one table of what can be computed from klines, and the presets a model may be trained on.

Every value is float64 and rounded to 6 decimals before anything reads it. TA-Lib's money flow index and moving averages
are running sums: the same hour differs by about 1e-12 with the place where the window began, a true zero comes out as
4e-14 or as 8e-14, and trees split there. Rounded, a 1000-kline window and the full history give the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import talib

from trader.core.errors import BadConfig, BadData
from trader.core.klines import FloatArray, Klines

WARM_UP = 1000
"""Klines a decision is made from. The relative strength index never forgets: 400 klines bring it within 1e-11 of the
full history, and 1000 is one request to Binance."""

DECIMALS = 6
_OFF_THE_TIE = 1e-4
"""Added before rounding, in units of the last decimal. Prices are whole cents, so an average over a close is often
exactly half-way (40000.02 / 40000 = 1.0000005), where the 1e-14 of the running sum would choose the last decimal."""

Compute = Callable[[Klines], FloatArray]


def moving_average(klines: Klines, *, period: int) -> FloatArray:
    """Return the simple moving average of the close, divided by the close (1.0 = at the average)."""
    average: FloatArray = talib.SMA(klines.close, timeperiod=period)
    return np.divide(average, klines.close, out=average)


def relative_strength(klines: Klines, *, period: int) -> FloatArray:
    """Return Wilder's relative strength index of the close, 0 to 100 (0 also for a constant price)."""
    index: FloatArray = talib.RSI(klines.close, timeperiod=period)
    return index


def money_flow(klines: Klines, *, period: int) -> FloatArray:
    """Return the money flow index, 0 to 100: the relative strength of typical price times volume."""
    index: FloatArray = talib.MFI(klines.high, klines.low, klines.close, klines.volume, timeperiod=period)
    return index


def volatility(klines: Klines, *, period: int) -> FloatArray:
    """Return the population standard deviation of the last `period` close-to-close returns, a fraction per interval."""
    returns = np.zeros(len(klines))
    returns[1:] = klines.close[1:] / klines.close[:-1] - 1.0
    deviation: FloatArray = talib.STDDEV(returns, timeperiod=period)
    return deviation


def volume_ratio(klines: Klines, *, period: int) -> FloatArray:
    """Return volume divided by its own moving average (1.0 = as usual, 0.0 when nothing traded at all)."""
    average: FloatArray = talib.SMA(klines.volume, timeperiod=period)
    return np.divide(klines.volume, average, out=np.where(np.isnan(average), np.nan, 0.0), where=klines.volume > 0)


def _periods(name: str, compute: Callable[..., FloatArray], periods: Sequence[int]) -> dict[str, Compute]:
    return {f"{name}_{period}": partial(compute, period=period) for period in periods}


INDICATORS: Mapping[str, Compute] = {
    **_periods("ma", moving_average, (5, 10, 15, 20)),
    **_periods("rsi", relative_strength, (7, 14, 21)),
    **_periods("mfi", money_flow, (7, 14, 21)),
    **_periods("volatility", volatility, (24,)),
    **_periods("volume_ratio", volume_ratio, (24,)),
}

_TUTORIAL_TEN = ("ma_5", "ma_10", "ma_15", "ma_20", "rsi_7", "mfi_7", "rsi_14", "mfi_14", "rsi_21", "mfi_21")
FEATURE_PRESETS: Mapping[str, tuple[str, ...]] = {
    "ten": _TUTORIAL_TEN,
    "nine": tuple(name for name in _TUTORIAL_TEN if name != "ma_15"),
}
"""`ten` are the tutorial's columns in the tutorial's order (the order matters to column sampling); `nine` are the ones
its text lists."""

FILTER_INDICATORS = ("volatility_24", "volume_ratio_24")
"""What the entry filters and volatility sizing read."""


def feature_names(preset: str) -> tuple[str, ...]:
    """Return the columns of a preset. Raises BadConfig for an unknown one."""
    if preset not in FEATURE_PRESETS:
        raise BadConfig(f"feature preset {preset!r} is unknown; use one of {', '.join(FEATURE_PRESETS)}")
    return FEATURE_PRESETS[preset]


def compute_indicators(klines: Klines, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return a matrix (len(klines), len(names)) of indicators, each known at the close of its row's kline.

    Leading rows are NaN until an indicator has enough klines. Raises BadData when an input value is missing (TA-Lib
    would answer with zeros for ever after) and BadConfig for an unknown name.
    """
    unknown = [name for name in names if name not in INDICATORS]
    if unknown:
        raise BadConfig(f"indicator {unknown[0]!r} is unknown; the table in core/indicators.py has {list(INDICATORS)}")
    columns = np.empty((len(names), len(klines)), dtype=np.float64)
    if not len(klines):
        return columns.T
    for name, column in klines.columns():
        if not np.isfinite(column.sum()):
            raise BadData(f"klines: {name} has a missing or infinite value; indicators over it would be wrong")
    for row, name in zip(columns, names, strict=True):
        row[:] = INDICATORS[name](klines)
    scale = 10.0**DECIMALS
    columns *= scale
    columns += _OFF_THE_TIE
    np.rint(columns, out=columns)
    columns /= scale
    columns += 0.0  # turns -0.0 into 0.0, so that equal rows are equal byte for byte
    return columns.T
