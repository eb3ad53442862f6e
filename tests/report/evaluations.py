"""Evaluations for the tests of this folder, made of short streams."""

import numpy as np

from tests.core.evaluation.streams import COSTS, random_walk, stream_of
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.overfitting import backtest_overfitting
from trader.core.evaluation.report import evaluate_stream
from trader.ml.importance import ColumnImportance, Importance

IMPORTANCE = Importance(
    columns=(
        ColumnImportance(name="ma_5", gain=0.25, log_loss=-0.000004, net=-0.02),
        ColumnImportance(name="rsi_14", gain=0.7, log_loss=0.0123, net=0.5),
        ColumnImportance(name="mfi_7", gain=0.05, log_loss=None, net=0.0),
    ),
    folds=3,
    hours=2160,
)


def busy_stream(rows=2000, *, seed=1):
    """A strategy that changes its mind every few hours, with probabilities and labels."""
    rng = np.random.default_rng(seed)
    closes = random_walk(rows, seed=seed)
    held = np.repeat(rng.choice([-1.0, 0.0, 1.0], size=rows // 5), 5)
    labels = (closes[1:] > closes[:-1]).astype(float)
    return stream_of(held, closes=closes, p_up=rng.uniform(0.3, 0.7, rows), labels=labels)


def whole_evaluation():
    """Everything that an evaluation can have."""
    noise = np.random.default_rng(0).normal(0, 0.01, (320, 6))
    return evaluate_stream(
        busy_stream(),
        costs=COSTS,
        seed=0,
        trials=TrialsInfo(raw=40, effective=7.0, sharpe_variance=1 / 2000),
        overfitting=backtest_overfitting(noise),
        draws=100,
    )


def bare_evaluation():
    """Two flat hours: nearly everything is undefined."""
    return evaluate_stream(stream_of([0.0, 0.0], closes=[100.0, 101.0, 100.0]), costs=COSTS, seed=0, draws=20)
