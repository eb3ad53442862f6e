"""How much of a walk-forward is where its folds happen to begin, and the seed: the same hours, decided nine times.

Neither says anything about the market, and a bootstrap of one stream knows of neither.
"""

from dataclasses import replace
from datetime import datetime
from statistics import mean

from trader.bootstrap import recipe_of
from trader.config import Settings
from trader.jobs.replay import load_range
from trader.ml.history import build_history
from trader.ml.pool import ThreadPool
from trader.ml.walkforward import Fold, make_folds, trade, walk_forward
from trader.store.klines import KlineStore

SHIFTS = (0, 10, 20)
SEEDS = (0, 1, 2)


def nets(store: KlineStore, settings: Settings, *, symbol: str, start: datetime, end: datetime) -> list[float]:
    """Return the summed net return from `start` to `end` for each length of the first fold, and each seed."""
    recipe, rules = recipe_of(settings), settings.rules()
    rows = recipe.rows("1h") + recipe.horizon - 1
    klines = load_range(store, symbol=symbol, interval="1h", start=start, end=end, rows=rows)
    history = build_history(klines, names=recipe.features, horizon=recipe.horizon)
    found = []
    pool = ThreadPool(history, workers=2)
    try:
        for shift in SHIFTS:
            first, stop = klines.index_of(start), klines.index_of(end)
            folds = make_folds(start=first + 24 * shift, stop=stop, interval="1h")
            if shift:
                folds.insert(0, Fold(start=first, stop=folds[0].start))
            for seed in SEEDS:
                decided = walk_forward(
                    history,
                    recipe=replace(recipe, seed=seed),
                    folds=folds,
                    range_margin=rules.risk.range_margin,
                    pool=pool,
                )
                found.append(float(trade(history, decided, rule=rules.decision, costs=rules.costs).net.sum()))
    finally:
        pool.close()
    return found


def section(found: dict[str, list[float]]) -> list[str]:
    """Return the table, a row a period."""
    shifts, seeds = (", ".join(map(str, each)) for each in (SHIFTS, SEEDS))
    said = f"The default, its folds shifted by {shifts} days (the first one is shorter), with seeds {seeds}."
    lines = [
        "## The same hours, other folds and seeds",
        "",
        said,
        "",
        "| period | net, mean of nine | lowest | highest | as published |",
        "|---|---:|---:|---:|---:|",
    ]
    for title, each in found.items():
        lines.append(f"| {title} | {mean(each):+.2%} | {min(each):+.2%} | {max(each):+.2%} | {each[0]:+.2%} |")
    return [line.replace("%", " %") if line.startswith("| ") else line for line in lines]
