"""The search space: what a search may change about a recipe, as one table, and recipes as points in it and back.

Everything else comes from the base recipe: columns, horizon, weighting, bins, ensemble, other parameters of the trees,
and of the decision rule whether it goes short and how it sizes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from trader.core.decision import DecisionRule, Exit
from trader.core.errors import BadData
from trader.ml.recipe import Recipe

Value = int | float | str
Point = Mapping[str, Value]
"""A value for each dimension of a space, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One thing that is searched, by its setting's name: one of `choices`, or a number from `low` to `high`.

    Numbers lie on the grid of `step` from `low` on, anywhere when it is 0; whole ones are ints.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    is_whole: bool = False
    choices: tuple[str, ...] = ()

    def nearest(self, value: Value) -> Value:
        """Return the value of this dimension that is nearest to `value`; the first choice for an unknown one."""
        if self.choices:
            return value if value in self.choices else self.choices[0]
        number = min(max(float(value), self.low), self.high)
        if self.step:
            # A sum of steps is not the decimal a person writes: 3 * 0.1 > 0.3.
            number = round(self.low + self.step * round((number - self.low) / self.step), 10)
        return int(number) if self.is_whole else number

    def __str__(self) -> str:
        if self.choices:
            return "|".join(self.choices)
        return f"{self.low:g}..{self.high:g}" + (f" in steps of {self.step:g}" if self.step and self.step != 1 else "")


Space = tuple[Dimension, ...]


def _whole(name: str, *, low: int, high: int) -> Dimension:
    return Dimension(name=name, low=low, high=high, step=1, is_whole=True)


MODEL: Space = (
    _whole("n_estimators", low=350, high=1000),
    _whole("max_depth", low=3, high=10),
    Dimension(name="learning_rate", low=0.01, high=0.10),
    Dimension(name="subsample", low=0.50, high=0.90),
    Dimension(name="colsample_bytree", low=0.50, high=0.90),
    _whole("gamma", low=0, high=20),
    _whole("look_back_days", low=30, high=180),
)
"""The tutorial's space."""

DECISION: Space = (
    Dimension(name="band", low=0.04, high=0.16, step=0.005),
    Dimension(name="exit", choices=(Exit.NEUTRAL.value, Exit.BAND.value)),
    Dimension(name="min_volatility", low=0.0, high=0.012, step=0.001),
    Dimension(name="min_volume_ratio", low=0.0, high=1.0, step=0.25),
)
"""The decision rule, around what did not lose to its costs on BTCUSDT and ETHUSDT 2018-2021. A narrower band trades too
often; holding until the opposite signal earns more there, but as a share of the market's rise, not by being right. The
filters have a grid so that 0, which is off, is tried at all."""

_TREE_DEFAULTS = {"max_depth": 6.0, "learning_rate": 0.3, "subsample": 1.0, "colsample_bytree": 1.0, "gamma": 0.0}
"""XGBoost's own, for a recipe that does not say."""


def space_of(*, with_decision: bool, longest_look_back: int = 180) -> Space:
    """Return the space for a history in which look-backs may have up to so many days.

    Raises BadData when the shortest look-back is longer.
    """
    dimensions = MODEL + DECISION if with_decision else MODEL
    return tuple(_shortened(each, longest_look_back) if each.name == "look_back_days" else each for each in dimensions)


def _shortened(dimension: Dimension, longest: int) -> Dimension:
    if longest < dimension.low:
        raise BadData(
            f"the klines allow look-backs of {max(0, longest)} days, a search needs {dimension.low:g};"
            " ingest more history"
        )
    return replace(dimension, high=min(dimension.high, longest))


def longest_look_back(space: Space, *, base: Recipe) -> int:
    """Return the longest look-back in days that a recipe from this space has."""
    return next((int(each.high) for each in space if each.name == "look_back_days"), base.look_back_days)


def point_of(recipe: Recipe, space: Space, *, rule: DecisionRule) -> Point:
    """Return what a recipe says about each dimension, also outside the space; `rule` is that of one without its own."""
    known: dict[str, Value] = {**_TREE_DEFAULTS, **recipe.params}
    known |= {"n_estimators": recipe.rounds, "look_back_days": recipe.look_back_days}
    rule = recipe.decision or rule
    known |= {"band": rule.band, "exit": rule.exit.value}
    known |= {"min_volatility": rule.min_volatility, "min_volume_ratio": rule.min_volume_ratio}
    return {each.name: known[each.name] for each in space}


def recipe_at(point: Point, *, base: Recipe, rule: DecisionRule) -> Recipe:
    """Return the base recipe with the values of a point.

    It has a decision rule of its own if that is searched, made of the base's, or of `rule` if the base has none.
    """
    trees = {name: float(value) for name, value in point.items() if name in _TREE_DEFAULTS}
    if "max_depth" in trees:
        trees["max_depth"] = int(trees["max_depth"])  # XGBoost refuses 3.0
    decision = base.decision
    searched = {each.name for each in DECISION} & point.keys()
    if searched:
        values: dict[str, Any] = {
            name: Exit(str(point[name])) if name == "exit" else float(point[name]) for name in searched
        }
        decision = replace(base.decision or rule, **values)
    return replace(
        base,
        rounds=int(point.get("n_estimators", base.rounds)),
        look_back_days=int(point.get("look_back_days", base.look_back_days)),
        params={**base.params, **trees},
        decision=decision,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """A point that is tried before the sampler is asked, and what had to be changed to have it in the space."""

    point: Point
    notes: tuple[str, ...] = ()


def enqueued(recipe: Recipe, *, space: Space, base: Recipe, rule: DecisionRule) -> Enqueued:
    """Return the point of the space that is nearest to a recipe; `rule` is that of recipes without their own.

    What is not searched comes from the base. Notes say where that, or the edge of the space, makes it another recipe.
    """
    found = point_of(recipe, space, rule=rule)
    point = {each.name: each.nearest(found[each.name]) for each in space}
    notes = [
        f"{each.name} {found[each.name]} is outside {each}: {point[each.name]}"
        for each in space
        if found[each.name] != point[each.name]
    ]
    tried = recipe_at(point, base=base, rule=rule)
    return Enqueued(point=point, notes=(*notes, *_replaced(recipe, tried, searched=set(point), rule=rule)))


def _replaced(recipe: Recipe, tried: Recipe, *, searched: set[str], rule: DecisionRule) -> list[str]:
    """Return a note for each part of a recipe that is not searched and that the one tried has otherwise."""
    own, its = (_parts(each, rule=rule) for each in (recipe, tried))
    return [
        f"{name} {own.get(name)} is not searched: {its.get(name)}"
        for name in {**own, **its}
        if name not in searched and own.get(name) != its.get(name)
    ]


def _parts(recipe: Recipe, *, rule: DecisionRule) -> dict[str, object]:
    """Return everything that a recipe consists of, by the names of the settings."""
    parts: dict[str, object] = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    parts["n_estimators"] = parts.pop("rounds")
    del parts["params"], parts["decision"]
    return parts | _TREE_DEFAULTS | dict(recipe.params) | asdict(recipe.decision or rule)
