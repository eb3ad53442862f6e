"""Recipes and rules in a line."""

from dataclasses import replace

from tests.ml.test_walkforward import RECIPE, RULE
from trader.core.decision import Exit, Sizing
from trader.ml.recipe import Ensemble, EnsembleKind, Weighting
from trader.report.recipes import describe_recipe, describe_rule


def test_a_recipe_tells_what_is_out_of_the_ordinary():
    assert describe_recipe(RECIPE) == (
        "20 days, 3 columns, 8 trees, max_depth 3, subsample 0.8, colsample_bytree 0.7, learning_rate 0.3, 256 bins"
    )
    other = replace(
        RECIPE, horizon=6, weighting=Weighting.MOVE, ensemble=Ensemble(kind=EnsembleKind.LOOK_BACKS, size=3), max_bin=64
    )
    assert describe_recipe(other).endswith("label 6 klines ahead, rows weighted by move, 64 bins, mean of 3 look-backs")


def test_a_rule_tells_when_a_position_is_opened_and_left():
    assert describe_rule(RULE) == "the sign of p(up) - 0.5, left on the opposite signal, long and short"
    other = replace(
        RULE,
        band=0.05,
        exit=Exit.NEUTRAL,
        allow_short=False,
        min_volatility=0.004,
        min_volume_ratio=1.5,
        sizing=Sizing.VOLATILITY,
    )
    assert describe_rule(other) == (
        "p(up) beyond 0.5 +- 0.05, left when p(up) crosses 0.5, long only, volatility from 0.004,"
        " volume ratio from 1.5, sized for a volatility of 0.01"
    )
