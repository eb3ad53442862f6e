"""How often the retraining trigger fires for a model without skill, and how soon for one that loses.

A trigger that fires on noise trains for nothing, and each needless training is a chance to promote by luck; one that
never fires is no trigger. Coins with the strategy's habits (how long it holds, how much of the time) are traded on real
klines with costs, and every firing is `core/policy.evaluate_trigger`'s own. Trainings change nothing here, so
the next firing waits for the cooldown alone. Age and idleness are left out: they say nothing about skill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator, default_rng

from trader.core.accounting import Costs, gross_return, net_return
from trader.core.errors import BadConfig, BadData
from trader.core.klines import FloatArray, IntArray, Klines, from_ms, interval_ms
from trader.core.performance import YEAR_MS
from trader.core.policy import TriggerPolicy, evaluate_trigger

_STARTS = timedelta(days=30)
"""How far apart the hours lie at which a losing model is first let loose."""

_DEADLINE = timedelta(days=14)
_TRAINING = timedelta(minutes=1)
_SLACK = 1e-9
"""Running sums are off by rounding; what they let through is judged by the trigger itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a coin has in common with the strategy: klines a position is held on average, and the share of time.

    `hit` is how often a losing model takes the direction that will have paid when its position is left, before costs.
    """

    holding: float
    exposed: float
    hit: float

    def __post_init__(self) -> None:
        if self.holding < 1 or not 0 < self.exposed <= 1 or not 0 <= self.hit <= 1:
            raise BadConfig("a position is held for 1 kline or more, a share of time in (0, 1], and hit is in [0, 1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRate:
    """One trigger: its firings a year over the coins (mean, 5 and 95 %), and how soon it catches a losing model.

    `caught` is the share of losing models for which it has fired within two weeks of their first hour, `days` the
    median number of days until it fires (None when more than half were never caught).
    """

    window: int
    threshold: float
    a_year: float
    low: float
    high: float
    caught: float
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRates:
    """The rates of a grid of triggers, and what the models traded: net returns a week, of coins and of losing ones."""

    klines: int
    coins: int
    coin_week: float
    losing_week: float
    rates: tuple[TriggerRate, ...]


def trigger_rates(
    klines: Klines, *, habits: Habits, costs: Costs, policies: Sequence[TriggerPolicy], coins: int, seed: int
) -> TriggerRates:
    """Return the rates of each policy on gap-filled klines. Raises BadData for less than eight weeks of them."""
    step = timedelta(milliseconds=interval_ms(klines.interval))
    if len(klines) * step < 4 * _DEADLINE:
        raise BadData(f"{len(klines)} klines are too few to tell how often a trigger fires; ingest at least 8 weeks")
    rng = default_rng(seed)
    fair = [_net(klines, toss(len(klines), habits=habits, rng=rng), costs=costs) for _ in range(coins)]
    losing = [_net(klines, lose(klines, habits=habits, rng=rng), costs=costs) for _ in range(coins)]
    times, week = [from_ms(time) for time in klines.open_time], timedelta(days=7) / step
    return TriggerRates(
        klines=len(klines),
        coins=coins,
        coin_week=float(np.mean(fair)) * week,
        losing_week=float(np.mean(losing)) * week,
        rates=tuple(_rate(fair, losing, times=times, step=step, policy=policy) for policy in policies),
    )


def toss(rows: int, *, habits: Habits, rng: Generator) -> FloatArray:
    """Return a coin's exposures: positions of random length and side, with random stretches of nothing between.

    Lengths are geometric. A position that follows on another one is of the other side: that is what ends the first.
    """
    exposure = np.zeros(rows)
    for first, stop, side in _positions(rows, habits=habits, rng=rng):
        exposure[first:stop] = side
    return exposure


def lose(klines: Klines, *, habits: Habits, rng: Generator) -> FloatArray:
    """Return the exposures of a model that loses: each position is on the side that pays with probability `hit`.

    It peeks, to be wrong; so two positions that touch may be on the same side, and hold for longer.
    """
    exposure = np.zeros(len(klines))
    for first, stop, _ in _positions(len(klines), habits=habits, rng=rng):
        pays = np.sign(klines.close[min(stop, len(klines) - 1)] - klines.close[first]) or 1.0
        exposure[first:stop] = pays if rng.random() < habits.hit else -pays
    return exposure


def firings(net: Sequence[float], *, times: Sequence[datetime], step: timedelta, policy: TriggerPolicy) -> list[int]:
    """Return the rows at whose run the trigger fires, given what each decision earned until the next close.

    The run of row i knows the returns of the rows before it. Its training ends a minute after that kline's close.
    """
    returns = list(net)
    candidates = _candidates(np.asarray(net), policy=policy)
    found: list[int] = []
    trained_at: datetime | None = None
    position = 0
    while position < len(candidates):
        row = int(candidates[position])
        trigger = evaluate_trigger(
            window=returns[max(0, row - policy.window) : row],
            due_since=None,
            trained_at=trained_at,
            at=times[row],
            policy=policy,
        )
        position += 1
        if trigger.due_since is not None:
            found.append(row)
            trained_at = times[row] + step + _TRAINING
            free = row - (times[row] - trained_at - policy.cooldown) // step
            position = int(np.searchsorted(candidates, free))
    return found


def _positions(rows: int, *, habits: Habits, rng: Generator) -> list[tuple[int, int, float]]:
    """Return positions as (first row, row after the last, side), beginning somewhere in the middle of things."""
    between = habits.holding * (1.0 - habits.exposed) / habits.exposed
    count = int(2 * rows / (habits.holding + between)) + 100
    held = rng.geometric(1.0 / habits.holding, count)
    flat = rng.geometric(1.0 / (1.0 + between), count) - 1
    turns = np.where(flat == 0, -1.0, rng.choice((-1.0, 1.0), count))
    sides = np.cumprod(turns)
    stops = np.cumsum(held + flat) - int(rng.integers(0, int(held[0] + flat[0])))
    firsts = np.maximum(stops - held, 0)
    return [
        (int(first), min(int(stop), rows), float(side))
        for first, stop, side in zip(firsts, stops, sides, strict=True)
        if first < rows
    ]


def _net(klines: Klines, exposure: FloatArray, *, costs: Costs) -> FloatArray:
    gross = gross_return(exposure=exposure[:-1], close=klines.close[:-1], next_close=klines.close[1:])
    return np.asarray(net_return(gross=gross, change=np.abs(np.diff(exposure[:-1], prepend=0.0)), costs=costs))


def _candidates(net: FloatArray, *, policy: TriggerPolicy) -> IntArray:
    """Return the rows at which the sum of the window may be below the threshold."""
    summed = np.concatenate([[0.0], np.cumsum(net)])
    rows = np.arange(policy.min_runs, len(summed))
    totals = summed[rows] - summed[np.maximum(rows - policy.window, 0)]
    return np.asarray(rows[totals < policy.threshold + _SLACK], dtype=np.int64)


def _rate(
    fair: Sequence[FloatArray],
    losing: Sequence[FloatArray],
    *,
    times: Sequence[datetime],
    step: timedelta,
    policy: TriggerPolicy,
) -> TriggerRate:
    policy = replace(policy, max_model_age=timedelta(0), max_idle=0)
    years = (len(times) * step) / timedelta(milliseconds=YEAR_MS)
    counts = [len(firings(net.tolist(), times=times, step=step, policy=policy)) / years for net in fair]
    low, high = np.quantile(counts, (0.05, 0.95))
    waits = [wait for net in losing for wait in _waits(net.tolist(), times=times, step=step, policy=policy)]
    median = float(np.median(waits))
    return TriggerRate(
        window=policy.window,
        threshold=policy.threshold,
        a_year=float(np.mean(counts)),
        low=float(low),
        high=float(high),
        caught=float(np.mean([wait <= _DEADLINE / step for wait in waits])),
        days=None if np.isinf(median) else median * (step / timedelta(days=1)),
    )


def _waits(net: Sequence[float], *, times: Sequence[datetime], step: timedelta, policy: TriggerPolicy) -> list[float]:
    """Return after how many runs it first fires, from several first hours on; infinite where not in eight weeks."""
    horizon, apart = int(4 * _DEADLINE / step), int(_STARTS / step)
    fired = [
        firings(net[first : first + horizon], times=times, step=step, policy=policy)
        for first in range(0, len(net) - horizon + 1, apart)
    ]
    return [float(rows[0]) if rows else float("inf") for rows in fired]
