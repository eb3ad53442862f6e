"""What no skill at all would have earned on the same hours, at the same costs.

Everything but `hold` is in the measure of the stream, sums of hourly returns on a fixed notional. Each baseline starts
flat and pays for every change of exposure. A strategy that does not beat its coins has shown no skill in timing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from trader.core.accounting import Costs, net_return
from trader.core.evaluation.stream import Stream
from trader.core.klines import FloatArray
from trader.core.performance import baselines

COINS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Coins:
    """The net returns of `count` strategies that toss coins where the stream had a view.

    `low` and `high` are the 5 and 95 % quantiles; `at_least_as_good` is the share whose net return reached the
    strategy's: near 0 the timing looks like skill, near 1 the strategy is worse than chance.
    """

    count: int
    mean: float
    low: float
    high: float
    at_least_as_good: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSkill:
    """Net returns of strategies that know nothing.

    `hold` buys once and keeps the quantity, `always_long` and `always_short` keep the notional (sums of hourly
    returns); all three pay for entering once. `last_sign` goes with the last hour's return, before and after costs; an
    unchanged or unknown close keeps its position. `coins` hold as long as the stream, at other hours (`toss`); `sides`
    are in the market at its very hours, on random sides (`toss_sides`).
    """

    flat: float
    hold: float
    always_long: float
    always_short: float
    last_sign_gross: float
    last_sign: float
    coins: Coins
    sides: Coins


def no_skill(stream: Stream, *, costs: Costs, seed: int, count: int = COINS) -> NoSkill:
    """Return all baselines over a stream's hours."""
    moves = stream.moves
    # Joined stretches are taken as one market: what happened between them is nobody's return.
    path = np.concatenate([[1.0], np.cumprod(1.0 + moves)])
    market = baselines(path, costs=costs)
    momentum = last_sign(stream)
    return NoSkill(
        flat=0.0,
        hold=market.hold - costs.rate * (len(stream) > 0),
        always_long=market.always_long,
        always_short=market.always_short,
        last_sign_gross=float((momentum * moves).sum()),
        last_sign=net_of(momentum, moves=moves, costs=costs),
        coins=toss(stream, costs=costs, seed=seed, count=count),
        sides=toss_sides(stream, costs=costs, seed=seed, count=count),
    )


def net_of(exposure: FloatArray, *, moves: FloatArray, costs: Costs) -> float:
    """Return the summed net return of exposures that start from flat."""
    change = np.abs(np.diff(exposure, prepend=0.0))
    return float(net_return(gross=exposure * moves, change=change, costs=costs).sum())


def last_sign(stream: Stream) -> FloatArray:
    """Return the exposure that goes with the last hour's return; flat until there is one."""
    known = np.zeros(len(stream))
    known[1:] = np.where(stream.adjacent, np.sign(stream.moves[:-1]), 0.0)
    latest = np.maximum.accumulate(np.where(known != 0, np.arange(len(stream)), 0))
    return known[latest]


def toss(stream: Stream, *, costs: Costs, seed: int, count: int = COINS) -> Coins:
    """Return how coins did that share the stream's holding periods, exposure share and turnover."""
    rng, moves = default_rng(seed), stream.moves
    nets = [net_of(shuffled(stream.exposure, rng), moves=moves, costs=costs) for _ in range(count)]
    return _coins(np.array(nets), stream=stream)


def toss_sides(stream: Stream, *, costs: Costs, seed: int, count: int = COINS) -> Coins:
    """Return how coins did that held the stream's own positions, hour by hour, each on a random side.

    They pay what the stream pays, so only its sides are put to the test: a strategy that waits for wild hours is
    compared in those. Of one that takes one side only they show the market's drift in its hours, too.
    """
    sign = np.sign(stream.exposure)
    position = np.cumsum(np.diff(sign, prepend=0.0) != 0)
    earned = np.bincount(position, weights=np.abs(stream.exposure) * stream.moves, minlength=1)
    paid = costs.rate * float(np.abs(np.diff(stream.exposure, prepend=0.0)).sum())
    sides = default_rng(seed).choice([-1.0, 1.0], size=(count, len(earned)))
    return _coins((sides * earned).sum(axis=1) - paid, stream=stream)


def _coins(nets: FloatArray, *, stream: Stream) -> Coins:
    # The same sum, added in another order, is as good.
    reached = nets >= stream.net.sum() - 1e-12
    low, high = np.quantile(nets, [0.05, 0.95])
    return Coins(
        count=len(nets),
        mean=float(nets.mean()),
        low=float(low),
        high=float(high),
        at_least_as_good=float(reached.mean()),
    )


def shuffled(exposure: FloatArray, rng: Generator) -> FloatArray:
    """Return the exposure with its stretches in another order and on random sides.

    A stretch lasts while the sign does. Held stretches change places with held ones and flat with flat ones, so a flip
    stays a flip and nothing that is paid for changes (a last stretch still open of another size apart). The side after
    each flat stretch is random, and flips alternate; a strategy that takes one side only is left on it, because the
    drift of the market is not timing.
    """
    if not len(exposure):
        return exposure
    sign = np.sign(exposure)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sign)) + 1])
    lengths = np.diff(np.append(starts, len(exposure)))
    sides = sign[starts]
    order = np.arange(len(starts))
    for kind in (sides != 0, sides == 0):
        order[kind] = rng.permutation(order[kind])
    if {-1.0, 1.0} <= set(sides):
        # One coin an unbroken chain of flips: it turns the chain over or leaves it.
        sides = sides * rng.choice([-1.0, 1.0], size=len(sides))[np.cumsum(sides == 0)]
    taken = lengths[order]
    begins = np.cumsum(taken) - taken
    source = np.arange(len(exposure)) - np.repeat(begins - starts[order], taken)
    return np.asarray(np.repeat(sides, taken) * np.abs(exposure)[source])
