"""Recipes and decision rules in one line for people."""

from trader.core.decision import DecisionRule, Exit, Sizing
from trader.ml.recipe import Recipe, Weighting

_EXITS = {
    Exit.OPPOSITE: "left on the opposite signal",
    Exit.NEUTRAL: "left when p(up) crosses 0.5",
    Exit.BAND: "left inside the band",
}


def describe_recipe(recipe: Recipe) -> str:
    """Return what a model is made of."""
    params = ", ".join(f"{name} {value:.4g}" for name, value in recipe.params.items())
    parts = [f"{recipe.look_back_days} days, {len(recipe.features)} columns, {recipe.rounds} trees, {params}"]
    if recipe.horizon > 1:
        parts.append(f"label {recipe.horizon} klines ahead")
    if recipe.weighting is not Weighting.EQUAL:
        parts.append(f"rows weighted by {recipe.weighting}")
    parts.append(f"{recipe.max_bin} bins")
    if recipe.ensemble.size > 1:
        parts.append(f"mean of {recipe.ensemble.size} {recipe.ensemble.kind}")
    return ", ".join(parts)


def describe_rule(rule: DecisionRule) -> str:
    """Return how p(up) becomes a position."""
    entry = "the sign of p(up) - 0.5" if not rule.band else f"p(up) beyond 0.5 +- {rule.band:g}"
    parts = [entry, _EXITS[rule.exit], "long and short" if rule.allow_short else "long only"]
    if rule.min_volatility:
        parts.append(f"volatility from {rule.min_volatility:g}")
    if rule.min_volume_ratio:
        parts.append(f"volume ratio from {rule.min_volume_ratio:g}")
    if rule.sizing is Sizing.VOLATILITY:
        parts.append(f"sized for a volatility of {rule.target_volatility:g}")
    return ", ".join(parts)
