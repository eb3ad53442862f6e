"""Made-up hourly klines with a planted edge: what the demo trades when there is no network.

**The edge is planted.** The price swings around its own short average, and a hidden regime (trend up, trend down,
range) pushes it a little each hour, in hours that carry more volume in its direction. Averages of price and volume see
some of that. A model that earns on this market shows that the machinery works; it proves nothing about real markets.

The price is a sum of hourly log returns

    return = push of the regime - pull * distance from the short average - anchor + shock

where shocks come in clusters of volatility (GARCH(1, 1)) and the anchor leads a price far from `CENTER` back, so that
it neither dies nor explodes. Each calendar month draws from a random stream of its own and hands its last state to the
next: an hour depends on the seed only, never on what was asked for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt

import numpy as np

from trader.core.klines import INTERVALS, BoolArray, FloatArray, IntArray, Klines, checked, to_ms

GENESIS = datetime(2024, 1, 1, tzinfo=UTC)
"""The first hour there is."""

CENTER = 100.0
"""The price that the anchor leads back to, in quote units."""

TICK_DECIMALS = 2
"""Prices lie on a tick of 0.01, volumes on a step of 0.01."""

_HOUR_MS = INTERVALS["1h"]

# All of these are per hour and in log returns. They were chosen for an hourly volatility of 0.55 % and an edge of the
# size that a gradient-boosted classifier on moving averages, RSI and MFI turns into an AUC of about 0.555.
_VOLATILITY = 0.0055
_GARCH_SHOCK, _GARCH_MEMORY = 0.10, 0.88
_PUSH = (0.0006, -0.0006, 0.0)
_MEAN_STAY = (90.0, 90.0, 120.0)
_PULL = 0.19
_AVERAGE_WEIGHT = 2.0 / 6.0
_ANCHOR = 0.0004
_REGIMES = len(_PUSH)
_RANGE = 2

_BASE_VOLUME = 2000.0
_LEAN = 0.5
"""How much more volume an hour has that moves with the regime (and less one that moves against it)."""

_GAPS_A_MONTH = 1.0
_LONGEST_GAP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What one month hands to the next.

    `level` is the log of price over CENTER and `average` its short average, both before rounding to the tick;
    `variance` is that of the next shock, `close` the last close that was shown.
    """

    level: float = 0.0
    average: float = 0.0
    regime: int = _RANGE
    variance: float = _VOLATILITY**2
    close: float = CENTER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """The hidden path of a month, one entry an hour, and where it ends."""

    level: FloatArray
    push: FloatArray
    volatility: FloatArray
    end: State


def month_of(moment: datetime) -> int:
    """Return the number of a moment's calendar month, counted from GENESIS; negative before it."""
    return (moment.year - GENESIS.year) * 12 + moment.month - GENESIS.month


def month_start(month: int) -> datetime:
    """Return the first hour of a month counted from GENESIS."""
    years, months = divmod(month, 12)
    return GENESIS.replace(year=GENESIS.year + years, month=1 + months)


def generate_month(*, seed: int, month: int, before: State) -> tuple[Klines, State]:
    """Return the hourly klines of a month that follows on the state `before`, and the state at its end.

    The same arguments give the same klines bit for bit with the same numpy; missing hours are left out.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, month]))
    times = np.arange(to_ms(month_start(month)), to_ms(month_start(month + 1)), _HOUR_MS, dtype=np.int64)
    walk = _walk(random, count=len(times), before=before)
    close = _to_tick(CENTER * np.exp(walk.level))
    open_ = np.concatenate([[before.close], close[:-1]])
    high, low = _extremes(random, open=open_, close=close, volatility=walk.volatility)
    volume = _volumes(random, times=times, move=close / open_ - 1.0, walk=walk)
    published = _published(random, count=len(times))
    klines = checked(
        interval="1h",
        open_time=times,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        source=f"synthetic month {month} of seed {seed}",
    )
    end = State(
        level=walk.end.level,
        average=walk.end.average,
        regime=walk.end.regime,
        variance=walk.end.variance,
        close=float(close[-1]),
    )
    return klines[published], end


def _walk(random: np.random.Generator, *, count: int, before: State) -> _Walk:
    """Live through the hours one by one: each depends on where the last one led."""
    shocks = random.standard_normal(count).tolist()
    leaves = random.random(count).tolist()
    turns = random.integers(1, _REGIMES, count).tolist()
    level, average, regime, variance = before.level, before.average, before.regime, before.variance
    base_variance = _VOLATILITY**2 * (1.0 - _GARCH_SHOCK - _GARCH_MEMORY)
    levels, pushes, variances = [], [], []
    for shock, leave, turn in zip(shocks, leaves, turns, strict=True):
        if leave * _MEAN_STAY[regime] < 1.0:
            regime = (regime + turn) % _REGIMES
        step = sqrt(variance) * shock
        push = _PUSH[regime]
        anchor = _ANCHOR * level * (1.0 + 4.0 * level * level)
        variances.append(variance)
        pushes.append(push)
        level += push - _PULL * (level - average) - anchor + step
        average += _AVERAGE_WEIGHT * (level - average)
        variance = base_variance + _GARCH_MEMORY * variance + _GARCH_SHOCK * step * step
        levels.append(level)
    return _Walk(
        level=np.array(levels),
        push=np.array(pushes),
        volatility=np.sqrt(np.array(variances)),
        end=State(level=level, average=average, regime=regime, variance=variance),
    )


def _extremes(
    random: np.random.Generator, *, open: FloatArray, close: FloatArray, volatility: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return highs and lows that contain open and close, reaching further the more volatile the hour is."""
    reach = 0.5 * volatility * np.abs(random.standard_normal((2, len(close))))
    highest, lowest = np.maximum(open, close), np.minimum(open, close)
    return (
        np.maximum(_to_tick(highest * (1.0 + reach[0])), highest),
        np.minimum(_to_tick(lowest * (1.0 - reach[1])), lowest),
    )


def _volumes(random: np.random.Generator, *, times: IntArray, move: FloatArray, walk: _Walk) -> FloatArray:
    """Return volumes: busy afternoons (UTC), large moves and volatile times; never zero."""
    hour = times // _HOUR_MS % 24
    day = 1.0 + 0.5 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)
    chance = np.exp(0.4 * random.standard_normal(len(times)))
    size = 0.6 + 0.5 * np.abs(move) / _VOLATILITY
    lean = 1.0 + _LEAN * np.sign(walk.push) * np.sign(move)
    volume = np.round(_BASE_VOLUME * day * chance * size * lean * walk.volatility / _VOLATILITY, TICK_DECIMALS)
    traded: FloatArray = np.maximum(volume, 10.0**-TICK_DECIMALS)
    return traded


def _published(random: np.random.Generator, *, count: int) -> BoolArray:
    """Tell which hours are there: now and then the exchange was down for some. The price went on meanwhile."""
    published = np.ones(count, dtype=np.bool_)
    for _ in range(int(random.poisson(_GAPS_A_MONTH))):
        start = int(random.integers(count))
        published[start : start + int(random.integers(1, _LONGEST_GAP + 1))] = False
    return published


def _to_tick(price: FloatArray) -> FloatArray:
    rounded: FloatArray = np.round(price, TICK_DECIMALS)
    return rounded
