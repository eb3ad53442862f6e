"""What a training is configured with, and which hours it uses for what.

    |-- warm-up --|---- longest look-back ----|------ searched span ------|-- hold-out --| now
                                               trials are scored here      the gate judges here

The hold-out is read by the gate and by what comes after it, by nothing before.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from trader.core.errors import BadData
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, interval_ms
from trader.ml.history import History
from trader.ml.pool import Pool
from trader.ml.promotion import CheckLimits, GateRules, PromotionPolicy
from trader.ml.pruning import PruningRule
from trader.ml.recipe import Recipe
from trader.ml.space import Space, space_of
from trader.ml.study import Objective
from trader.ports import Progress

SHORTEST_LOOK_BACK_DAYS = 30


class SearchProgress(Progress, Protocol):
    """Shows how far a search has come, and what it has found so far."""

    def note(self, text: str) -> None:
        """Show a few words beside the progress, instead of the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingSetup:
    """Settings of a training. Days are of klines; `seconds` bounds the search (None: trials alone do).

    `trees` are the fewest and the most that a searched recipe has; a champion's model that has seen nothing for
    `renew_after` is old; of rejected models the trees of the newest `keep` are kept.
    """

    recipe: Recipe
    objective: Objective
    trials: int
    seconds: float | None
    seed: int
    startup_trials: int
    pruning: PruningRule
    searches_rule: bool
    trees: tuple[int, int]
    evaluation_days: int
    longest_look_back_days: int
    min_round_trips: int
    hold_out_days: int
    gate: GateRules
    checks: CheckLimits
    policy: PromotionPolicy
    renew_after: timedelta
    keep: int
    open_pool: Callable[[History], Pool[History]]
    progress: SearchProgress

    def klines(self, interval: str, *, champion: Recipe) -> int:
        """Return how many klines a training wants: everything above, for the champion's look-back, too."""
        longest = max(self.longest_look_back_days, self.recipe.look_back_days, champion.look_back_days)
        days = longest + self.evaluation_days + self.hold_out_days
        return WARM_UP + max(self.recipe.horizon, champion.horizon) + rows_of(days, interval)

    def space(self, *, longest_look_back_days: int) -> Space:
        """Return what is searched, within the settings' bounds, for a history that allows look-backs of so long."""
        bounds = {"n_estimators": self.trees, "look_back_days": (SHORTEST_LOOK_BACK_DAYS, longest_look_back_days)}
        return tuple(
            replace(each, low=bounds[each.name][0], high=bounds[each.name][1]) if each.name in bounds else each
            for each in space_of(with_decision=self.searches_rule)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Rows of the klines: the searched span is [search, hold_out), the hold-out [hold_out, end).

    `longest_look_back_days` is what is left of the history before the searched span, at most what was asked for.
    """

    search: int
    hold_out: int
    end: int
    longest_look_back_days: int


def rows_of(days: float, interval: str) -> int:
    """Return how many klines so many days have."""
    return int(days * 86_400_000 // interval_ms(interval))


def spans_of(klines: Klines, *, setup: TrainingSetup) -> Spans:
    """Return which rows are for what; the searched span and the hold-out are not shortened, the look-back is.

    Raises BadData when there is too little history for the shortest look-back.
    """
    interval = klines.interval
    hold_out = len(klines) - 1 - rows_of(setup.hold_out_days, interval)  # the newest kline's return is not known
    search = hold_out - rows_of(setup.evaluation_days, interval)
    left = (search - (WARM_UP - 1) - setup.recipe.horizon + 1) * interval_ms(interval) / 86_400_000
    longest = min(setup.longest_look_back_days, int(left))
    if longest < SHORTEST_LOOK_BACK_DAYS:
        days = SHORTEST_LOOK_BACK_DAYS + setup.evaluation_days + setup.hold_out_days
        wanted = WARM_UP + setup.recipe.horizon - 1 + rows_of(days, interval)
        raise BadData(
            f"{len(klines)} klines are too few to search a recipe: {wanted} are needed (a warm-up of {WARM_UP},"
            f" {SHORTEST_LOOK_BACK_DAYS} days of look-back, {setup.evaluation_days} to score trials on and"
            f" {setup.hold_out_days} held out); ingest more history, or shorten search.span_days or"
            " promotion.hold_out_days"
        )
    return Spans(search=search, hold_out=hold_out, end=len(klines) - 1, longest_look_back_days=longest)
