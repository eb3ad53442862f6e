"""Probabilities of rows that a fit has not seen: on noise they know nothing, where the fit itself thinks it does."""

from dataclasses import replace

import numpy as np

from tests.desks import RECIPE
from trader.ml.drift.unseen import STRETCHES, unseen_probabilities
from trader.ml.training import fit_rows


def correlation(p_up, labels):
    return float(np.corrcoef(p_up, labels)[0, 1])


def test_noise_is_learnt_by_heart_and_not_foreseen():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(1200, 10)), (rng.random(1200) < 0.5).astype(float)
    moves = labels - 0.5
    known = fit_rows(features, labels=labels, moves=moves, recipe=RECIPE).probabilities(features)
    unseen = unseen_probabilities(features, labels=labels, moves=moves, recipe=RECIPE, interval="1h")
    assert correlation(known, labels) > 0.4
    assert abs(correlation(unseen, labels)) < 0.12


def test_each_stretch_is_foretold_by_a_fit_to_the_others_but_for_what_overlaps():
    rng = np.random.default_rng(3)
    count, horizon = 800, 3
    features, labels = rng.normal(size=(count, 10)), (rng.random(count) < 0.5).astype(float)
    recipe = replace(RECIPE, horizon=horizon)
    unseen = unseen_probabilities(features, labels=labels, moves=labels - 0.5, recipe=recipe, interval="1h")
    size = count // STRETCHES
    for begin in (2 * size, 3 * size):
        others = np.ones(count, dtype=bool)
        others[begin - horizon : begin + size + horizon] = False
        others[: max(0, count - recipe.rows("1h"))] = False
        model = fit_rows(features[others], labels=labels[others], moves=labels[others] - 0.5, recipe=recipe)
        stretch = slice(begin, begin + size)
        assert np.array_equal(unseen[stretch], model.probabilities(features[stretch]))
