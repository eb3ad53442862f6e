"""Walk-forward: fixed windows, no label from beyond the first decision, and the same models as a live training."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import HOUR, START, random_klines, without
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.errors import BadData
from trader.core.indicators import WARM_UP
from trader.core.klines import fill_gaps
from trader.ml.history import build_history
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Ensemble, EnsembleKind, Recipe, Weighting
from trader.ml.training import train_model
from trader.ml.walkforward import (
    Fold,
    FoldTask,
    first_row,
    fit_fold,
    make_folds,
    trade,
    training_rows,
    walk_forward,
)

NAMES = ("ma_5", "rsi_14", "mfi_7")
KLINES = fill_gaps(without(random_klines(2700, seed=5), 1300, 1301, 1302, 1500, 2222, 2223))
HISTORY = build_history(KLINES, names=NAMES)
RECIPE = Recipe(
    features=NAMES,
    look_back_days=20,
    rounds=8,
    params={"max_depth": 3, "subsample": 0.8, "colsample_bytree": 0.7, "learning_rate": 0.3},
    seed=3,
)
RULE = DecisionRule(
    band=0.0,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)
COSTS = Costs(fee_rate=0.001, slippage_rate=0.0)


def walked(history=HISTORY, *, recipe=RECIPE, start=1600, stop=2700, workers=2, margin=1.0):
    pool = ThreadPool(history, workers=workers)
    try:
        folds = make_folds(start=start, stop=stop, interval="1h")
        return walk_forward(history, recipe=recipe, folds=folds, range_margin=margin, pool=pool)
    finally:
        pool.close()


def test_folds_follow_each_other_in_steps_of_thirty_days_and_the_last_is_what_is_left():
    assert make_folds(start=1600, stop=3100, interval="1h") == [
        Fold(start=1600, stop=2320),
        Fold(start=2320, stop=3040),
        Fold(start=3040, stop=3100),
    ]
    assert make_folds(start=0, stop=200, interval="4h") == [Fold(start=0, stop=180), Fold(start=180, stop=200)]
    with pytest.raises(BadData, match="no hour to decide"):
        make_folds(start=5, stop=5, interval="1h")


def test_a_window_ends_with_the_row_whose_label_is_known_at_the_first_decision():
    rows = training_rows(HISTORY, 1600, RECIPE)
    assert (rows[0], rows[-1], len(rows)) == (1120, 1599, 480 - 4 - 2)  # two gaps: 3 + 1 filled, and the rows before
    far = build_history(KLINES, names=NAMES, horizon=6)
    rows = training_rows(far, 1600, replace(RECIPE, horizon=6))
    assert (rows[0], rows[-1]) == (1115, 1594)


def test_tutorial_spans_begin_when_a_look_back_is_full_common_ones_with_the_longest():
    assert first_row(HISTORY, origin=0, look_back_days=20) == WARM_UP - 1 + 480
    assert first_row(HISTORY, origin=1200, look_back_days=30) == 1200 + 720
    assert first_row(build_history(KLINES, names=NAMES, horizon=6), origin=1200, look_back_days=1) == 1200 + 24 + 5


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, horizon=5, weighting=Weighting.MOVE, max_bin=32),
        replace(RECIPE, ensemble=Ensemble(kind=EnsembleKind.SEEDS, size=3)),
        replace(RECIPE, ensemble=Ensemble(kind=EnsembleKind.LOOK_BACKS, size=2)),
    ],
)
def test_a_fold_decides_with_the_model_that_a_training_at_its_start_would_have_made(recipe):
    history = build_history(KLINES, names=NAMES, horizon=recipe.horizon)
    fold = Fold(start=1700, stop=1900)
    found = fit_fold(history, FoldTask(fold=fold, recipe=recipe, range_margin=0.0))
    model = train_model(KLINES[:1701], symbol="BTCUSDT", recipe=recipe, now=START, versions={})
    assert model.card.last == START + 1700 * HOUR
    rows = history.features[1700:1900]
    assert found.p_up.tobytes() == model.classifier.probabilities(rows).tobytes()
    low, high = np.array(model.card.feature_low), np.array(model.card.feature_high)
    assert found.outside.tolist() == ((rows < low) | (rows > high)).any(axis=1).tolist()
    assert 0 < found.outside.sum() < 200


def test_nothing_after_a_fold_and_nothing_it_decides_on_can_change_its_model():
    poisoned = replace(
        HISTORY, features=HISTORY.features.copy(), labels=HISTORY.labels.copy(), moves=HISTORY.moves.copy()
    )
    poisoned.features[1900:] = 77.0
    poisoned.labels[1600:] = 1.0 - poisoned.labels[1600:]
    poisoned.moves[1600:] = 9.0
    task = FoldTask(
        fold=Fold(start=1600, stop=1900), recipe=replace(RECIPE, weighting=Weighting.MOVE), range_margin=1.0
    )
    assert fit_fold(poisoned, task).p_up.tobytes() == fit_fold(HISTORY, task).p_up.tobytes()
    poisoned.labels[1599] = 1.0 - poisoned.labels[1599]  # the last row it may know
    assert fit_fold(poisoned, task).p_up.tobytes() != fit_fold(HISTORY, task).p_up.tobytes()


def test_the_number_of_workers_changes_nothing():
    alone = walked(workers=1)
    assert (alone.start, alone.stop) == (1600, 2700)
    for workers in (2, 3):
        assert walked(workers=workers).p_up.tobytes() == alone.p_up.tobytes()


def test_trading_earns_the_next_return_and_pays_for_every_change():
    found = walked()
    stream = trade(HISTORY, found, rule=RULE, costs=COSTS)
    assert len(stream) == 1099  # the last hour's next close is not known
    moves = KLINES.close[1601:2700] / KLINES.close[1600:2699] - 1
    assert stream.gross.tolist() == (stream.exposure * moves).tolist()
    changes = np.abs(np.diff(stream.exposure, prepend=0.0))
    assert stream.net.tolist() == (stream.gross - 0.001 * changes).tolist()
    assert set(stream.exposure.tolist()) <= {-1.0, 0.0, 1.0}
    assert changes.sum() > 50


def test_a_filled_hour_holds_and_an_hour_outside_the_training_range_is_flat():
    stream = trade(HISTORY, walked(margin=0.0), rule=RULE, costs=COSTS)
    assert KLINES.filled[2222]
    assert stream.exposure[622] == stream.exposure[621]
    assert np.isnan(stream.p_up[622])
    outside = walked(margin=0.0).outside[:-1] & ~KLINES.filled[1600:2699]
    assert outside.any()
    assert (stream.exposure[outside] == 0).all()


def test_a_recipe_for_another_horizon_than_the_history_is_refused():
    with pytest.raises(ValueError, match="horizon"):
        walked(recipe=replace(RECIPE, horizon=2))


def test_too_short_a_look_back_and_one_class_are_refused_in_words():
    with pytest.raises(BadData, match="only 24 rows"):
        walked(recipe=replace(RECIPE, look_back_days=1))
    rising = replace(HISTORY, labels=np.where(np.isnan(HISTORY.labels), np.nan, 1.0))
    with pytest.raises(BadData, match="nothing to learn from one class"):
        walked(rising)


def test_a_history_shorter_than_a_warm_up_is_refused():
    with pytest.raises(BadData, match="1000 are needed"):
        build_history(KLINES[:900], names=NAMES)
