"""The project's way to score a list of parameters: the same arrays, the same folds, one JSON document."""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import xgboost

from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.klines import interval_ms
from trader.ml.history import History
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Recipe
from trader.ml.walkforward import Fold, trade, walk_forward

RAW_SIGN = DecisionRule(
    band=0.0,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=1.0,
)
INSIDE = {"seconds": 0.0}
_LOCK = threading.Lock()


def count_training() -> None:
    """Add up the CPU time of the calls that nobody can do without: the matrix and `xgb.train`."""
    for name in ("train", "QuantileDMatrix"):
        setattr(xgboost, name, _counted(getattr(xgboost, name)))


def _counted(call: Any) -> Any:
    def counted(*arguments: Any, **named: Any) -> Any:
        before = time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            spent = time.thread_time() - before
            with _LOCK:
                INSIDE["seconds"] += spent

    return counted


def history_of(data: Any) -> History:
    """Return the arrays as a history."""
    count = len(data["labels"])
    return History(
        interval="1h",
        open_time=np.arange(count, dtype=np.int64) * interval_ms("1h"),
        close=np.cumprod(1.0 + np.concatenate([[0.0], data["returns"][:-1]])),
        names=tuple(map(str, data["names"])),
        features=data["features"],
        horizon=1,
        labels=data["labels"],
        moves=data["returns"],
        returns=data["returns"],
        volatility=np.ones(count),
        volume_ratio=np.ones(count),
        filled=np.zeros(count, dtype=bool),
        scorable=np.ones(count, dtype=bool),
        first_warm=0,
    )


def main() -> int:
    """Score every row of parameters and print scores and times."""
    data = np.load(sys.argv[1])
    rows, changes = json.loads(sys.argv[2]), json.loads(sys.argv[3])
    history = history_of(data)
    folds = [Fold(start=int(start), stop=int(stop)) for start, stop in data["folds"]]
    count_training()
    scores, net = [], []
    started, cpu = time.perf_counter(), time.process_time()
    pool = ThreadPool(history, workers=changes["workers"])
    for row in rows:
        params = dict(row)
        recipe = Recipe(
            features=history.names,
            look_back_days=params.pop("look_back_hours") // 24,
            rounds=max(1, round(params.pop("n_estimators") / changes["cheaper"])),
            max_bin=changes["max_bin"],
            seed=changes["seed"],
            params={**params, "learning_rate": params["learning_rate"] * changes["cheaper"]},
        )
        found = walk_forward(history, recipe=recipe, folds=folds, range_margin=float("inf"), pool=pool)
        stream = trade(history, found, rule=RAW_SIGN, costs=Costs(fee_rate=0.001, slippage_rate=0.0))
        scores.append(float(stream.gross.sum()))
        net.append(float(stream.net.sum()))
    pool.close()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(
        json.dumps(
            {"scores": scores, "net": net, "seconds": seconds, "cpu_seconds": cpu, "training": INSIDE["seconds"]}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
