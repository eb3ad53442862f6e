"""The published scores of 2022, made again: BTCUSDT 2018-2021, spans that shrink as the look-back grows, no costs.

The tutorial forward-fills missing hours, volume included, and rounds nothing. The scores are those of XGBoost 3.2; the
library of 2022 gave others (2.6365, 4.8220, 0.3581, 3.7107, 5.2103, 2.8180), whose decimals belong to it.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import talib

from tests.ml.test_walkforward import COSTS, RULE
from tests.real import real_klines
from trader.core.indicators import FEATURE_PRESETS
from trader.ml.history import History
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Recipe
from trader.ml.walkforward import first_row, make_folds, trade, walk_forward

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
NAMES = ("n_estimators", "max_depth", "learning_rate", "subsample", "colsample_bytree", "gamma", "look_back_days")
TABLE = {
    3.351: (567, 7, 0.01138743644743088, 0.5910529620609777, 0.7448515469428725, 6, 89),
    5.779: (434, 4, 0.04010298642816986, 0.8381669456266398, 0.7620025386515892, 12, 51),
    1.709: (607, 9, 0.06237880682856147, 0.5343209978550263, 0.5614263804274081, 2, 32),
    2.840: (500, 3, 0.04975497382022411, 0.5580244739234987, 0.8436880420421129, 11, 105),
    4.657: (355, 5, 0.0317123218374243, 0.786879421330084, 0.886074463728819, 20, 59),
    2.825: (980, 10, 0.08398434810756214, 0.6257976551480288, 0.818063325161848, 0, 55),
}


@pytest.fixture(scope="module")
def history(real_data):
    """The tutorial's table of features: 35 064 hours, and one more that only gives the last one its return."""
    klines = real_klines(real_data, "BTCUSDT", end=END + timedelta(hours=1))
    filled = klines.filled
    last_real = np.maximum.accumulate(np.where(filled, 0, np.arange(len(klines))))
    high, low, close, volume = (column[last_real] for column in (klines.high, klines.low, klines.close, klines.volume))
    columns = {f"ma_{period}": talib.SMA(close, period) / close for period in (5, 10, 15, 20)}
    columns |= {f"rsi_{period}": talib.RSI(close, period) for period in (7, 14, 21)}
    columns |= {f"mfi_{period}": talib.MFI(high, low, close, volume, period) for period in (7, 14, 21)}
    returns = np.append(close[1:] / close[:-1] - 1.0, np.nan)
    rows = slice(klines.index_of(START), None)
    returns, count = returns[rows], len(klines) - klines.index_of(START)
    return History(
        interval="1h",
        open_time=klines.open_time[rows],
        close=close[rows],
        names=FEATURE_PRESETS["ten"],
        features=np.column_stack([columns[name] for name in FEATURE_PRESETS["ten"]])[rows],
        horizon=1,
        labels=np.where(np.isnan(returns), np.nan, (returns > 0).astype(float)),
        moves=returns,
        returns=returns,
        volatility=np.ones(count),
        volume_ratio=np.ones(count),
        filled=np.zeros(count, dtype=bool),
        scorable=np.ones(count, dtype=bool),
        first_warm=0,
    )


def test_the_first_row_is_the_published_one(history):
    assert len(history) == 35_064 + 1
    assert history.close[0] == 13529.01
    assert history.features[0, :4].round(6).tolist() == [1.019717, 1.014913, 0.999011, 0.982319]


@pytest.mark.parametrize("score", TABLE)
def test_a_published_row_has_its_score(history, score):
    row = dict(zip(NAMES, TABLE[score], strict=True))
    look_back, rounds = row.pop("look_back_days"), row.pop("n_estimators")
    recipe = Recipe(features=history.names, look_back_days=look_back, rounds=rounds, params=row, seed=0)
    start = first_row(history, origin=0, look_back_days=look_back)
    folds = make_folds(start=start, stop=len(history) - 1, interval="1h")
    pool = ThreadPool(history, workers=2)
    try:
        found = walk_forward(history, recipe=recipe, folds=folds, range_margin=float("inf"), pool=pool)
    finally:
        pool.close()
    stream = trade(history, found, rule=RULE, costs=COSTS)
    assert len(stream) == 35_064 - look_back * 24
    assert stream.gross.sum() == pytest.approx(score, abs=1e-3)
