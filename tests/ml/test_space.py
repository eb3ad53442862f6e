"""The search space: recipes as points and back, and what a champion from outside becomes."""

from dataclasses import replace

import pytest

from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.errors import BadData
from trader.ml.recipe import Ensemble, EnsembleKind, Recipe, Weighting
from trader.ml.space import MODEL, Dimension, enqueued, longest_look_back, point_of, recipe_at, space_of

RULE = DecisionRule(
    band=0.1,
    exit=Exit.NEUTRAL,
    allow_short=False,
    min_volatility=0.002,
    min_volume_ratio=0.5,
    sizing=Sizing.VOLATILITY,
    target_volatility=0.004,
)
BASE = Recipe(
    features=("ma_5",),
    look_back_days=90,
    rounds=400,
    params={
        "max_depth": 4,
        "learning_rate": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "gamma": 3.0,
        "lambda": 2.0,
    },
    seed=7,
    horizon=2,
    weighting=Weighting.MOVE,
    max_bin=64,
    ensemble=Ensemble(kind=EnsembleKind.SEEDS, size=2),
)
WHOLE = space_of(with_decision=True)


def test_the_space_is_the_tutorials_and_the_decision_rule():
    assert {each.name: (each.low, each.high) for each in MODEL} == {
        "n_estimators": (350, 1000),
        "max_depth": (3, 10),
        "learning_rate": (0.01, 0.1),
        "subsample": (0.5, 0.9),
        "colsample_bytree": (0.5, 0.9),
        "gamma": (0, 20),
        "look_back_days": (30, 180),
    }
    assert [each.name for each in WHOLE[7:]] == ["band", "exit", "min_volatility", "min_volume_ratio"]
    assert space_of(with_decision=False) == MODEL


def test_a_recipe_is_found_again_at_its_point():
    own = replace(BASE, decision=RULE)
    assert recipe_at(point_of(own, WHOLE, rule=RULE), base=own, rule=RULE) == own
    elsewhere = replace(BASE, rounds=1, look_back_days=1, params={"lambda": 2.0}, decision=replace(RULE, band=0.2))
    assert recipe_at(point_of(own, WHOLE, rule=RULE), base=elsewhere, rule=RULE) == own


def test_what_is_not_searched_comes_from_the_base():
    point = {**point_of(BASE, WHOLE, rule=RULE), "max_depth": 9, "band": 0.2, "exit": "band", "look_back_days": 33}
    found = recipe_at(point, base=BASE, rule=RULE)
    assert found == replace(
        BASE,
        look_back_days=33,
        params={**BASE.params, "max_depth": 9},
        decision=replace(RULE, band=0.2, exit=Exit.BAND),
    )
    assert found.decision.allow_short is False
    assert recipe_at({"gamma": 4}, base=BASE, rule=RULE).decision is None


def test_a_depth_that_was_stored_as_a_decimal_is_a_whole_number_again():
    found = recipe_at({"max_depth": 3.0, "n_estimators": 350.0}, base=BASE, rule=RULE)
    assert type(found.params["max_depth"]) is int
    assert type(found.rounds) is int


def test_a_champion_within_the_space_is_tried_as_it_is():
    found = enqueued(BASE, space=WHOLE, base=BASE, rule=RULE)
    assert found.notes == ()
    assert found.point == {
        "n_estimators": 400,
        "max_depth": 4,
        "learning_rate": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "gamma": 3,
        "look_back_days": 90,
        "band": 0.1,
        "exit": "neutral",
        "min_volatility": 0.002,
        "min_volume_ratio": 0.5,
    }
    assert type(found.point["gamma"]) is int


def test_a_champion_outside_the_space_is_moved_to_its_edge_or_grid_with_a_note_for_each():
    champion = replace(BASE, rounds=30, look_back_days=365, decision=replace(RULE, band=0.0567, min_volatility=0.5))
    found = enqueued(champion, space=WHOLE, base=BASE, rule=RULE)
    assert [found.point[name] for name in ("n_estimators", "look_back_days", "band", "min_volatility")] == [
        350,
        180,
        0.055,
        0.012,
    ]
    assert found.notes == (
        "n_estimators 30 is outside 350..1000: 350",
        "look_back_days 365 is outside 30..180: 180",
        "band 0.0567 is outside 0.04..0.16 in steps of 0.005: 0.055",
        "min_volatility 0.5 is outside 0..0.012 in steps of 0.001: 0.012",
    )


def test_a_champion_that_differs_in_what_is_not_searched_is_tried_with_the_bases_and_says_so():
    champion = replace(BASE, horizon=1, params={**BASE.params, "lambda": 9.0}, decision=replace(RULE, allow_short=True))
    found = enqueued(champion, space=WHOLE, base=BASE, rule=RULE)
    assert found.notes == (
        "horizon 1 is not searched: 2",
        "lambda 9.0 is not searched: 2.0",
        "allow_short True is not searched: False",
    )


def test_a_recipe_that_says_nothing_about_its_trees_has_the_defaults_of_xgboost():
    assert point_of(replace(BASE, params={}), MODEL, rule=RULE) == {
        "n_estimators": 400,
        "max_depth": 6,
        "learning_rate": 0.3,
        "subsample": 1,
        "colsample_bytree": 1,
        "gamma": 0,
        "look_back_days": 90,
    }


@pytest.mark.parametrize(("value", "nearest"), [(0.31, 0.3), (-1, 0.0), (9, 1.5), (0.3000000004, 0.3)])
def test_a_value_on_a_grid_is_the_decimal_a_person_would_write(value, nearest):
    dimension = Dimension(name="x", low=0.0, high=1.5, step=0.1)
    assert dimension.nearest(value) == nearest


def test_the_look_back_ends_where_the_klines_begin():
    space = space_of(with_decision=False, longest_look_back=75)
    assert longest_look_back(space, base=BASE) == 75
    assert longest_look_back(space_of(with_decision=False, longest_look_back=900), base=BASE) == 180
    assert longest_look_back((), base=BASE) == 90
    with pytest.raises(BadData, match="allow look-backs of 20 days, a search needs 30"):
        space_of(with_decision=False, longest_look_back=20)
