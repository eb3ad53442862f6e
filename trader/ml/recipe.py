"""Recipes: how a strategy is made, from the columns of its model to the rule that turns p(up) into a position.

A recipe is what a search looks for, what promotion compares, and what is fitted anew on newer klines; a model is what
comes out of it once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from trader.core.decision import DecisionRule
from trader.core.klines import interval_ms


class Weighting(StrEnum):
    """What a training row counts for."""

    EQUAL = "equal"
    """all the same"""
    MOVE = "move"
    """in proportion to the size of the return it is about: large moves pay the costs"""


class EnsembleKind(StrEnum):
    """What the members of an ensemble differ in."""

    SEEDS = "seeds"
    LOOK_BACKS = "look-backs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Several models of one recipe whose probabilities are averaged; one of them alone is mostly noise."""

    kind: EnsembleKind = EnsembleKind.SEEDS
    size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made: columns, days of klines, trees, their parameters, seed of the sampling; and how it trades.

    The label is the sign of the return over the next `horizon` klines. Without a `decision` the settings' rule is
    followed. `max_bin` is the number of histogram bins of a feature.
    """

    features: tuple[str, ...]
    look_back_days: int
    rounds: int
    params: Mapping[str, float]
    seed: int
    horizon: int = 1
    weighting: Weighting = Weighting.EQUAL
    max_bin: int = 256
    ensemble: Ensemble = field(default_factory=Ensemble)
    decision: DecisionRule | None = None

    def rows(self, interval: str) -> int:
        """Return how many klines the look-back holds."""
        return self.look_back_days * 86_400_000 // interval_ms(interval)

    def members(self) -> tuple["Recipe", ...]:
        """Return a recipe for each model of the ensemble, the longest look-back first.

        Look-backs are spread evenly from the whole down to, not including, half of it.
        """
        size = self.ensemble.size
        if size == 1:
            return (self,)
        alone = replace(self, ensemble=Ensemble())
        if self.ensemble.kind is EnsembleKind.SEEDS:
            return tuple(replace(alone, seed=self.seed + number) for number in range(size))
        days = [max(1, round(self.look_back_days * (1 - number / (2 * size)))) for number in range(size)]
        return tuple(replace(alone, look_back_days=each) for each in days)
