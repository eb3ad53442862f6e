"""Walk-forward equals live: what whole arrays give at once is what `advance` gives hour by hour, bit for bit.

The live side has nothing in common with it but the rules: models made by a training on klines that end with the first
decided hour, indicators of the last 1000 klines, one observation after the other.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START, random_klines, ticked, without
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Reason, Sizing
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.klines import fill_gaps, from_ms
from trader.core.policy import TriggerPolicy
from trader.core.risk import Control, OnHalt, RiskLimits, find_block, outside_range
from trader.core.strategy import Observation, PaperBook, Rules, advance
from trader.ml.history import build_history
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Ensemble, EnsembleKind, Recipe, Weighting
from trader.ml.training import train_model
from trader.ml.walkforward import Fold, trade, walk_forward

NAMES = ("ma_5", "rsi_14", "mfi_7")
GAPS = (1350, 1351, 1352, 1499, 1500, 1535, 1580, 1581, 1640)
"""In the look-backs, on both sides of a fold's edge, in the middle of a fold, and near the end."""
KLINES = fill_gaps(without(ticked(random_klines(1660, seed=11)), *GAPS))
FOLDS = [Fold(start=1500, stop=1580), Fold(start=1580, stop=1660)]
RECIPE = Recipe(
    features=NAMES,
    look_back_days=15,
    rounds=10,
    params={"max_depth": 3, "subsample": 0.8, "learning_rate": 0.3},
    seed=1,
)
RULE = DecisionRule(
    band=0.05,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.004,
)
COSTS = Costs(fee_rate=0.001, slippage_rate=0.0002)


def rules_of(rule, *, margin):
    return Rules(
        decision=rule,
        costs=COSTS,
        risk=RiskLimits(
            max_loss=0.002,  # reached again and again, and only marked
            max_drawdown=0.0,
            on_halt=OnHalt.MARK,
            range_margin=margin,
            model_max_age=timedelta(days=365),
        ),
        trigger=TriggerPolicy(window=24, threshold=-0.05, min_runs=24, cooldown=timedelta(hours=24)),
    )


def live(recipe, *, rules):
    """Exposures, gross and net returns, reasons and marks of `advance`, hour by hour, a new model at each fold."""
    book, steps = PaperBook(), []
    for fold in FOLDS:
        model = train_model(KLINES[: fold.start + 1], symbol="BTCUSDT", recipe=recipe, now=START, versions={})
        for position in range(fold.start, fold.stop):
            now = observe(KLINES[: position + 1][-WARM_UP:], model=model, rules=rules)
            step = advance(book, closes=((now.open_time, now.close),), now=now, rules=rules)
            book = step.book
            steps.append(step)
    settled = [hour for step in steps for hour in step.settled]
    return steps, settled


def observe(window, *, model, rules):
    is_filled, open_time = bool(window.filled[-1]), from_ms(window.open_time[-1])
    row = compute_indicators(window, model.card.features)[-1:]
    volatility, volume_ratio = map(float, compute_indicators(window, FILTER_INDICATORS)[-1])
    outside = outside_range(
        row, low=model.card.feature_low, high=model.card.feature_high, margin=rules.risk.range_margin
    )
    blocked = find_block(
        is_late=False,
        is_filled=is_filled,
        is_warm=len(window) == WARM_UP,
        is_outside=not is_filled and bool(outside[0]),
        model_last=model.card.last,
        open_time=open_time,
        limits=rules.risk,
    )
    return Observation(
        open_time=open_time,
        close=float(window.close[-1]),
        p_up=None if is_filled else float(model.classifier.probabilities(row)[0]),
        volatility=volatility,
        volume_ratio=volume_ratio,
        blocked=blocked,
        control=Control(),
        model_id=model.card.model_id,
        model_last=model.card.last,
    )


@pytest.mark.parametrize(
    ("recipe", "rule", "margin"),
    [
        (RECIPE, RULE, 1.0),
        (RECIPE, replace(RULE, band=0.0), 0.0),
        (replace(RECIPE, horizon=4, weighting=Weighting.MOVE), replace(RULE, exit=Exit.NEUTRAL), 0.0),
        pytest.param(
            replace(RECIPE, ensemble=Ensemble(kind=EnsembleKind.LOOK_BACKS, size=2), max_bin=32),
            replace(RULE, exit=Exit.BAND, min_volatility=0.005, min_volume_ratio=0.7, sizing=Sizing.VOLATILITY),
            1.0,
            marks=pytest.mark.slow,
        ),
        pytest.param(RECIPE, replace(RULE, allow_short=False, exit=Exit.BAND), 1.0, marks=pytest.mark.slow),
    ],
)
def test_walk_forward_is_what_a_bot_that_is_trained_at_each_fold_lives_through(recipe, rule, margin):
    history = build_history(KLINES, names=recipe.features, horizon=recipe.horizon)
    pool = ThreadPool(history, workers=2)
    found = walk_forward(history, recipe=recipe, folds=FOLDS, range_margin=margin, pool=pool)
    pool.close()
    stream = trade(history, found, rule=rule, costs=COSTS)

    steps, settled = live(recipe, rules=rules_of(rule, margin=margin))
    assert stream.exposure.tolist() == [step.book.exposure for step in steps][:-1]
    assert stream.gross.tolist() == [hour.gross for hour in settled]
    assert stream.net.tolist() == [hour.net for hour in settled]

    reasons = [step.decision.reason for step in steps]
    assert reasons.count(Reason.FILLED_KLINE) == sum(gap >= FOLDS[0].start for gap in GAPS)
    assert (Reason.OUT_OF_RANGE in reasons) == (margin == 0.0)
    assert len(np.unique(stream.exposure)) >= 2
    assert any(step.marks for step in steps), "a limit was reached and stopped nothing"
