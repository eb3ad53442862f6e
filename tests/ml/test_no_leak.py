"""No leak: what is not known yet earns nothing, and what peeks is caught.

The klines take back most of every move, so that an honest model has an edge to lose.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.builders import klines_of, random_klines, without
from tests.ml.contests import COSTS, RULE, SKILLED, returning_klines
from tests.real import real_klines
from trader.core.evaluation.bootstrap import uncertainty
from trader.core.indicators import FEATURE_PRESETS, FILTER_INDICATORS, INDICATORS, WARM_UP, compute_indicators
from trader.core.klines import fill_gaps
from trader.ml.checks import check_no_future
from trader.ml.history import build_history
from trader.ml.pool import ThreadPool
from trader.ml.walkforward import Fold, FoldTask, fit_before, fit_fold, make_folds, trade, training_rows, walk_forward

KLINES = returning_klines(2600, seed=4)
HISTORY = build_history(KLINES, names=SKILLED.features)
ALWAYS = replace(RULE, band=0.0)
FREE = replace(COSTS, fee_rate=0.0)


def walked(history, *, recipe=SKILLED, start=1700):
    pool = ThreadPool(history, workers=1)
    try:
        folds = make_folds(start=start, stop=len(history), interval=history.interval)
        found = walk_forward(history, recipe=recipe, folds=folds, range_margin=1.0, pool=pool)
        return trade(history, found, rule=ALWAYS, costs=FREE)
    finally:
        pool.close()


def interval_of(stream):
    return uncertainty(stream.gross, interval=stream.interval, seed=1, draws=400, level=0.99).net


def shuffled(history, *, seed):
    """The history with what came of each hour, label and return, dealt out anew among the hours that have both."""
    known = np.flatnonzero(~np.isnan(history.labels))
    dealt = np.random.default_rng(seed).permutation(known)
    columns = {name: getattr(history, name).copy() for name in ("labels", "moves", "returns")}
    for column in columns.values():
        column[known] = column[dealt]
    return replace(history, **columns)


def test_shuffled_labels_give_no_edge_where_honest_ones_do():
    """Of 150 shuffles 6 lay outside their 99 % interval (it is short for 900 hours), 3 on either side."""
    assert interval_of(walked(HISTORY)).low > 0.5
    streams = [walked(shuffled(HISTORY, seed=seed)) for seed in range(8)]
    intervals = [interval_of(stream) for stream in streams]
    assert sum(not interval.low < 0 < interval.high for interval in intervals) <= 1
    scores = [stream.gross.sum() / np.sqrt(np.square(stream.gross).sum()) for stream in streams]
    assert abs(np.mean(scores)) < 3 / np.sqrt(len(scores))


def test_shuffled_labels_would_give_an_edge_to_a_model_that_has_seen_the_hours_it_decides():
    history = shuffled(HISTORY, seed=0)
    task = FoldTask(fold=Fold(start=2400, stop=2599), recipe=replace(SKILLED, rounds=80), range_margin=1.0)
    seen = fit_fold(history, task)
    p_up = fit_before(history, 2600, recipe=task.recipe).probabilities(history.features[2400:2599])
    assert interval_of(trade(history, replace(seen, p_up=p_up), rule=ALWAYS, costs=FREE)).low > 0
    interval = interval_of(trade(history, seen, rule=ALWAYS, costs=FREE))
    assert interval.low < 0 < interval.high


def peeking(klines, names):
    """The indicators, the first of which is an hour early."""
    columns = compute_indicators(klines, names).copy()
    columns[:-1, 0] = columns[1:, 0]
    return columns


def test_a_column_that_peeks_one_hour_ahead_earns_a_fortune_on_noise_and_is_caught():
    noise = random_klines(2600, seed=6)
    names, rows = SKILLED.features, np.arange(1500, 2600, 100)
    history = build_history(noise, names=names)
    early = replace(history, features=peeking(noise, names))
    assert interval_of(walked(early)).low > 1.0 > interval_of(walked(history)).low
    caught = check_no_future(noise, names, rows=rows, compute=peeking)
    assert not caught.passed
    assert caught.figure == len(rows)
    assert check_no_future(noise, names, rows=rows).passed


def test_a_peek_in_the_indicators_own_table_is_caught_in_every_training(monkeypatch):
    monkeypatch.setitem(INDICATORS, "ma_5", lambda klines: np.append(klines.close[1:], 0.0) / klines.close)
    rows = np.arange(1500, 2600, 100)
    assert check_no_future(KLINES, ("rsi_7", "ma_5"), rows=rows).figure == len(rows)
    assert check_no_future(KLINES, ("rsi_7",), rows=rows).passed


def test_a_column_scaled_by_the_whole_history_is_caught():
    def scaled(klines, names):
        columns = compute_indicators(klines, names)
        return columns / np.nanmax(columns, axis=0)

    assert not check_no_future(KLINES, ("volume_ratio_24",), rows=np.array([1100, 1500]), compute=scaled).passed


def test_no_indicator_knows_the_future_not_even_beside_gaps():
    klines = fill_gaps(without(random_klines(1800, seed=2), 1200, 1201, 1500))
    rows = np.array([1100, 1198, 1199, 1200, 1201, 1202, 1203, 1499, 1500, 1501, 1700])
    assert check_no_future(klines, tuple(INDICATORS), rows=rows).passed
    flat = klines_of([100.0] * 1200)
    assert check_no_future(flat, FEATURE_PRESETS["ten"], rows=np.array([1000, 1199])).passed


@pytest.mark.parametrize("horizon", [1, 2, 12])
def test_the_last_training_row_is_the_last_whose_label_is_known_when_the_fold_begins(horizon):
    recipe = replace(SKILLED, horizon=horizon)
    history = build_history(KLINES, names=recipe.features, horizon=horizon)
    start = 2000
    last = int(training_rows(history, start, recipe)[-1])
    assert last + horizon == start
    assert history.labels[last] == float(KLINES.close[start] > KLINES.close[last])
    task = FoldTask(fold=Fold(start=start, stop=start + 50), recipe=recipe, range_margin=1.0)
    honest = fit_fold(history, task).p_up
    for first, reaches in ((last + 1, False), (last, True)):
        labels = history.labels.copy()
        labels[first:] = 1.0 - labels[first:]
        moved = replace(history, labels=labels)
        assert np.array_equal(fit_fold(moved, task).p_up, honest) is not reaches


@pytest.mark.slow
@pytest.mark.real_data
def test_shuffled_labels_give_no_edge_on_real_klines(real_data):
    klines = real_klines(real_data, "BTCUSDT", end=datetime(2019, 1, 1, tzinfo=UTC))
    names = FEATURE_PRESETS["ten"]
    history = build_history(klines, names=names)
    assert check_no_future(klines, (*names, *FILTER_INDICATORS), rows=np.arange(WARM_UP, len(klines), 499)).passed
    recipe = replace(SKILLED, features=names, look_back_days=90)
    for seed in range(3):
        interval = interval_of(walked(shuffled(history, seed=seed), recipe=recipe, start=4000))
        assert interval.low < 0 < interval.high
