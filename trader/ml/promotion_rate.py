"""How often the gate lets a challenger through that is no better than the champion: the same recipe, another seed.

A training begins because the champion has just lost, so its losses lie in the very hold-out that it is compared on:
whoever is wrong at other hours looks better. That is why the rate is measured at the hours at which a trigger fires,
beside the rate at hours chosen by the calendar.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from trader.core.errors import BadConfig, BadData
from trader.core.evaluation.calibration import wilson as score_interval
from trader.core.evaluation.stream import Stream
from trader.core.klines import interval_ms
from trader.ml.gate import Terms, judge
from trader.ml.history import History
from trader.ml.pool import Pool, in_order
from trader.ml.promotion import GateRules
from trader.ml.recipe import Recipe
from trader.ml.walkforward import Fold, FoldTask, fit_fold, trade

LEVEL = 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate of a table: the days of its hold-out, and its rules."""

    hold_out_days: int
    rules: GateRules


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRate:
    """Of `contests` between seeds at `hours` different hours, how many ended with a promotion.

    `low` and `high` are Wilson's interval at 90 % for as many contests as there are hours: several at one hour share
    their market, and count as one.
    """

    gate: Gate
    hours: int
    contests: int
    promoted: int
    rate: float
    low: float
    high: float


def no_skill_rates(
    history: History,
    *,
    recipe: Recipe,
    rows: Sequence[int],
    seeds: Sequence[int],
    gates: Sequence[Gate],
    terms: Terms,
    pool: Pool[History],
) -> list[PromotionRate]:
    """Return a rate for each gate, from trainings in the runs of these rows: a hold-out ends with the row's close.

    The first seed is the champion's, whose losses the rows may have been chosen by; all others challenge it. Raises
    BadConfig for fewer than two seeds, BadData when no row has a hold-out and a look-back before it.
    """
    if len(set(seeds)) < 2:  # noqa: PLR2004 - a contest has two sides
        raise BadConfig("a champion and a challenger need two different seeds")
    counts = dict.fromkeys(range(len(gates)), 0)
    hours = dict.fromkeys(range(len(gates)), 0)
    for days in sorted({gate.hold_out_days for gate in gates}):
        asked = [number for number, gate in enumerate(gates) if gate.hold_out_days == days]
        for champion, *challengers in hold_outs(
            history, recipe=recipe, rows=rows, seeds=seeds, days=days, terms=terms, pool=pool
        ):
            for number in asked:
                hours[number] += 1
                counts[number] += sum(
                    judge(champion, each, rules=gates[number].rules, seed=recipe.seed).promoted for each in challengers
                )
    return [
        rate_of(gate, hours=hours[number], contests=hours[number] * (len(seeds) - 1), promoted=counts[number])
        for number, gate in enumerate(gates)
    ]


def hold_outs(
    history: History,
    *,
    recipe: Recipe,
    rows: Sequence[int],
    seeds: Sequence[int],
    days: int,
    terms: Terms,
    pool: Pool[History],
) -> Iterator[list[Stream]]:
    """Yield, for each row that has enough before it, the streams of all seeds over the hold-out that ends there."""
    length = days * 86_400_000 // interval_ms(history.interval)
    earliest = history.first_warm + recipe.rows(history.interval) + history.horizon - 1 + length
    folds = [Fold(start=row - length, stop=row) for row in rows if row >= earliest]
    if not folds:
        raise BadData(f"no hour has a hold-out of {days} days and {recipe.look_back_days} days of look-back before it")
    members = [_with_seed(recipe, seed) for seed in seeds]
    tasks = [
        FoldTask(fold=fold, recipe=member, range_margin=terms.range_margin) for fold in folds for member in members
    ]
    streams: list[Stream] = []
    for found in in_order(pool, fit_fold, tasks):
        streams.append(trade(history, found, rule=recipe.decision or terms.rule, costs=terms.costs))
        if len(streams) == len(seeds):
            yield streams
            streams = []


def rate_of(gate: Gate, *, hours: int, contests: int, promoted: int) -> PromotionRate:
    """Return a rate with its interval from the counts."""
    rate = promoted / contests if contests else 0.0
    low, high = wilson(rate * hours, of=hours)
    return PromotionRate(gate=gate, hours=hours, contests=contests, promoted=promoted, rate=rate, low=low, high=high)


def wilson(count: float, *, of: float, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's score interval (1927) for a share; (0, 1) of nothing."""
    if of <= 0:
        return 0.0, 1.0
    return score_interval(count, of, z=NormalDist().inv_cdf((1 + level) / 2))


def _with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe with another seed; those of an ensemble's members do not overlap with its neighbour's."""
    return replace(recipe, seed=seed * recipe.ensemble.size)
