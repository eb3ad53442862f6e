"""Importance: the column that carries the signal has it, a column of noise has none, and seeds decide nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from tests.ml.contests import COSTS, RULE, SKILLED, returning_klines
from trader.core.errors import BadConfig, BadData
from trader.ml.classifier import Classifier
from trader.ml.history import build_history
from trader.ml.importance import ScrambleTask, measure_importance, scramble_fold
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Ensemble
from trader.ml.walkforward import Fold, FoldTask, fit_before, fit_fold, trade

RECIPE = replace(SKILLED, features=("ma_5", "volume_ratio_24"))
HISTORY = build_history(returning_klines(2400, seed=9), names=RECIPE.features)
FOLDS = [Fold(start=start, stop=start + 200) for start in range(1700, 2300, 200)]


def measured(history=HISTORY, *, recipe=RECIPE, folds=FOLDS, rule=RULE, seed=0, workers=1, **more):
    pool = ThreadPool(history, workers=workers)
    try:
        return measure_importance(
            history, recipe=recipe, folds=folds, rule=rule, costs=COSTS, range_margin=1.0, seed=seed, pool=pool, **more
        )
    finally:
        pool.close()


def test_the_column_that_carries_the_signal_matters_and_noise_does_not():
    found = measured()
    signal, noise = found.columns
    assert (signal.name, noise.name) == RECIPE.features
    assert signal.gain > 0.7
    assert signal.gain + noise.gain == pytest.approx(1.0)
    assert signal.log_loss > 0.1 > noise.log_loss
    assert signal.net > 1.0
    assert abs(noise.net) < signal.net / 5
    assert (found.folds, found.hours) == (3, 600)


def test_the_figures_are_those_of_the_fold_made_by_hand():
    fold = FOLDS[0]
    task = ScrambleTask(fold=FoldTask(fold=fold, recipe=RECIPE, range_margin=1.0), seed=5)
    found = scramble_fold(HISTORY, task)
    assert found.honest.p_up.tobytes() == fit_fold(HISTORY, task.fold).p_up.tobytes()
    model = fit_before(HISTORY, fold.start, recipe=RECIPE)
    rows = HISTORY.features[fold.start : fold.stop].copy()
    rows[:, 1] = np.random.default_rng(6).permutation(rows[:, 1])
    assert found.without[1].p_up.tobytes() == model.probabilities(rows).tobytes()
    labels = HISTORY.labels[fold.start : fold.stop]

    def loss(p_up):
        return -np.mean(labels * np.log(p_up) + (1 - labels) * np.log(1 - p_up))

    one = measured(folds=[fold], seed=5).columns[1]
    assert one.log_loss == pytest.approx(loss(found.without[1].p_up) - loss(found.honest.p_up))
    nets = [trade(HISTORY, each, rule=RULE, costs=COSTS).net.sum() for each in (found.honest, found.without[1])]
    assert one.net == pytest.approx(nets[0] - nets[1])
    assert one.gain == Classifier.mean_of([model]).gains()[1]


def test_scrambling_changes_no_other_column_and_leaves_filled_hours_alone():
    filled = HISTORY.filled.copy()
    filled[1710:1720] = True
    features = HISTORY.features.copy()
    features[1710:1720] = 0.5
    task = ScrambleTask(fold=FoldTask(fold=FOLDS[0], recipe=RECIPE, range_margin=1.0), seed=0)
    found = scramble_fold(replace(HISTORY, filled=filled, features=features), task)
    for each in found.without:
        assert np.array_equal(each.p_up[10:20], found.honest.p_up[10:20])
        assert np.array_equal(each.outside, found.honest.outside)
        assert not np.array_equal(each.p_up, found.honest.p_up)


def test_neither_workers_nor_repetition_change_it_but_the_seed_does():
    assert measured(workers=2) == measured()
    assert measured(seed=1) != measured()


def test_a_recipes_own_rule_is_the_one_that_is_traded():
    never = replace(RECIPE, decision=replace(RULE, band=0.49))
    assert [column.net for column in measured(recipe=never).columns] == [0.0, 0.0]


def test_an_ensemble_is_scrambled_as_one_model():
    assert measured(recipe=replace(RECIPE, ensemble=Ensemble(size=2)), folds=FOLDS[:1]).columns[0].log_loss > 0.1


def test_no_more_folds_are_fitted_than_asked_for_the_first_and_the_last_among_them():
    assert measured(most=2) == measured(folds=[FOLDS[0], FOLDS[2]])
    assert measured(most=1).folds == 1


def test_without_labels_the_log_loss_is_not_known():
    labels = HISTORY.labels.copy()
    labels[1700:] = np.nan
    found = measured(replace(HISTORY, labels=labels), folds=FOLDS[:1])
    assert [column.log_loss for column in found.columns] == [None, None]


def test_no_folds_and_folds_that_cannot_be_fitted_are_refused():
    with pytest.raises(BadConfig, match="none were given"):
        measured(folds=[])
    with pytest.raises(BadData, match="only 24 rows"):
        measured(recipe=replace(RECIPE, look_back_days=1))
