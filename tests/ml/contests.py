"""Klines with something to learn, a recipe that learns it, and one that cannot."""

import numpy as np

from tests.builders import klines_of, random_klines
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.klines import Klines
from trader.ml.recipe import Recipe

COSTS = Costs(fee_rate=0.001, slippage_rate=0.0)
RULE = DecisionRule(
    band=0.02,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)
SKILLED = Recipe(
    features=("ma_5", "ma_10"),
    look_back_days=25,
    rounds=20,
    params={"max_depth": 3, "learning_rate": 0.2},
    seed=1,
)
BLIND = Recipe(
    features=("volume_ratio_24",),
    look_back_days=20,
    rounds=15,
    params={"max_depth": 3, "learning_rate": 0.2, "subsample": 0.7},
    seed=2,
)
"""Its only column has nothing to do with prices."""


def returning_klines(count, *, seed=0) -> Klines:
    """Each hour takes back most of the last one's move, which is far more than the fees; volumes are noise."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.01, count)
    for hour in range(1, count):
        moves[hour] -= 0.8 * moves[hour - 1]
    klines = klines_of(100 * np.exp(np.cumsum(moves)))
    columns = dict(klines.columns()) | {"volume": random_klines(count, seed=seed).volume}
    return Klines(interval=klines.interval, **columns)
