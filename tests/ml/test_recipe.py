"""A recipe and its members, and what tells the models of two recipes apart."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import START, random_klines
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.indicators import WARM_UP
from trader.ml.classifier import from_bytes
from trader.ml.dataset import weights_of
from trader.ml.recipe import Ensemble, EnsembleKind, Recipe, Weighting
from trader.ml.training import train_model

KLINES = random_klines(1800, seed=2)
RECIPE = Recipe(
    features=("ma_5", "rsi_14"),
    look_back_days=20,
    rounds=6,
    params={"max_depth": 2, "subsample": 0.7},
    seed=4,
)
RULE = DecisionRule(
    band=0.1,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)


def trained(recipe=RECIPE, klines=KLINES):
    return train_model(klines, symbol="BTCUSDT", recipe=recipe, now=START, versions={})


def test_members_differ_in_their_seed_or_in_their_look_back():
    seeds = replace(RECIPE, ensemble=Ensemble(kind=EnsembleKind.SEEDS, size=3)).members()
    assert [member.seed for member in seeds] == [4, 5, 6]
    look_backs = replace(RECIPE, ensemble=Ensemble(kind=EnsembleKind.LOOK_BACKS, size=4)).members()
    assert [member.look_back_days for member in look_backs] == [20, 18, 15, 12]
    assert all(member.ensemble.size == 1 for member in (*seeds, *look_backs))
    assert RECIPE.members() == (RECIPE,)


@pytest.mark.parametrize("kind", EnsembleKind)
def test_an_ensemble_answers_with_the_mean_of_its_members_also_after_it_was_saved(kind):
    recipe = replace(RECIPE, ensemble=Ensemble(kind=kind, size=3))
    model = trained(recipe)
    rows = np.random.default_rng(1).normal(size=(50, 2))
    alone = [trained(member).classifier.probabilities(rows) for member in recipe.members()]
    assert model.classifier.probabilities(rows).tolist() == (((0 + alone[0]) + alone[1] + alone[2]) / 3).tolist()
    assert not np.array_equal(alone[0], alone[1])
    card = model.card
    assert sum(card.member_sizes) == len(model.classifier.to_bytes())
    assert len(card.member_sizes) == 3
    back = from_bytes(model.classifier.to_bytes(), sha256=card.model_sha256, name="x", sizes=card.member_sizes)
    assert back.probabilities(rows).tobytes() == model.classifier.probabilities(rows).tobytes()
    assert card.recipe == recipe
    assert card.rows == 480  # of the longest look-back


def test_the_gains_of_the_columns_sum_to_one_and_belong_to_those_that_were_split():
    gains = trained().classifier.gains()
    assert gains.shape == (2,)
    assert gains.sum() == pytest.approx(1.0)
    useless = trained(replace(RECIPE, params={"gamma": 1e9}))
    assert useless.classifier.gains().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("change", [{"horizon": 3}, {"weighting": Weighting.MOVE}, {"max_bin": 4}, {"decision": RULE}])
def test_whatever_a_recipe_changes_gives_another_model_id(change):
    assert trained(replace(RECIPE, **change)).card.model_id != trained().card.model_id


def test_two_decision_rules_of_the_same_trees_are_two_models():
    one, other = (trained(replace(RECIPE, decision=replace(RULE, band=band))) for band in (0.1, 0.2))
    assert one.card.model_sha256 == other.card.model_sha256
    assert one.card.model_id != other.card.model_id
    assert one.card.recipe.decision == RULE


def test_a_card_of_schema_1_tells_its_look_back_by_its_first_and_last_kline():
    card = replace(trained().card, look_back_days=0)
    assert card.recipe.look_back_days == 20
    assert (card.last - card.first).total_seconds() / 3600 == 480 + WARM_UP - 1


def test_weights_grow_with_the_size_of_the_return_up_to_a_bound_and_average_one():
    moves = np.concatenate([np.linspace(-0.01, 0.01, 1000), [0.9]])
    weights = weights_of(moves)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] == pytest.approx(weights[-1], rel=0.02)  # the outlier counts as much as the 99th percentile
    assert weights[500] < 0.01
    assert weights_of(np.zeros(5)).tolist() == [1.0] * 5
