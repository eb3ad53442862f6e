"""How the default recipe and band were chosen: a walk-forward over 2018-2021 alone, for every band and exit rule.

    .venv/bin/trader ingest --symbol BTCUSDT --start 2017-08 --end 2021-12
    .venv/bin/python scripts/in_sample.py --store trader-data/demo

Each model is fitted to the look-back before a window of 30 days and decides in that window only. Nothing after
2021-12-31 is read. It is the obvious loop, and no substitute for a search: a handful of recipes, one seed.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from trader.adapters.local_storage import LocalStorage
from trader.bootstrap import recipe_of
from trader.config import load_settings
from trader.core.accounting import Costs, gross_return, net_return
from trader.core.decision import DecisionRule, Exit, decide
from trader.core.indicators import FILTER_INDICATORS, compute_indicators
from trader.core.klines import FloatArray, Klines
from trader.core.performance import Performance, evaluate
from trader.ml.training import Recipe, train_model
from trader.store.klines import KlineStore

START, END = datetime(2018, 6, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)
BANDS = (0.0, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15)


def main() -> int:
    """Print a line for each recipe, band and exit rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder with ingested klines of BTCUSDT")
    store = KlineStore(LocalStorage(parser.parse_args().store))
    klines = store.load("BTCUSDT", "1h", end=END)
    if not len(klines) or klines.first > START - timedelta(days=230):
        print("BTCUSDT 1h from 2017-08 is needed; run `trader ingest` first", file=sys.stderr)
        return 4
    settings = load_settings()
    default, rules = recipe_of(settings), settings.rules()
    recipes = {
        "default": default,
        "deeper": replace(default, rounds=400, params={**default.params, "max_depth": 4, "learning_rate": 0.03}),
        "few splits": replace(default, params={**default.params, "max_depth": 5, "learning_rate": 0.03, "gamma": 20.0}),
    }
    for name, recipe in recipes.items():
        p_up = walk_forward(klines, recipe)
        for band in BANDS:
            for way in Exit:
                rule = replace(rules.decision, band=band, exit=way)
                found = score(klines, p_up, rule=rule, costs=rules.costs)
                print(
                    f"{name:<11} band {band:<5} exit {way:<9} net {found.net:+7.2f} gross {found.gross:+7.2f}"
                    f" round trips {found.round_trips:>5} ({rules.costs})"
                )
    return 0


def walk_forward(klines: Klines, recipe: Recipe) -> FloatArray:
    """Return p(up) for every kline from START on, by the model of its window."""
    p_up = np.full(len(klines), np.nan)
    features = compute_indicators(klines, recipe.features)

    def fill(start: datetime) -> None:
        first, stop = klines.index_of(start), klines.index_of(start + WINDOW)
        model = train_model(klines[:first], symbol="BTCUSDT", recipe=recipe, now=start, versions={})
        p_up[first:stop] = model.classifier.probabilities(features[first:stop])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, [START + WINDOW * number for number in range((END - START) // WINDOW + 1)]))
    return p_up


def score(klines: Klines, p_up: FloatArray, *, rule: DecisionRule, costs: Costs) -> Performance:
    """Return the figures of a decision rule on given probabilities; filled hours hold."""
    filters = compute_indicators(klines, FILTER_INDICATORS)
    first, held = klines.index_of(START), 0.0
    exposure = np.zeros(len(klines) - first)
    for row, position in enumerate(range(first, len(klines))):
        if not klines.filled[position]:
            volatility, ratio = (float(value) for value in filters[position])
            held = decide(
                p_up=float(p_up[position]), held=held, volatility=volatility, volume_ratio=ratio, rule=rule
            ).target
        exposure[row] = held
    close, settled = klines.close[first:], exposure[:-1]
    gross = gross_return(exposure=settled, close=close[:-1], next_close=close[1:])
    net = net_return(gross=gross, change=np.abs(np.diff(settled, prepend=0.0)), costs=costs)
    return evaluate(exposure=exposure, gross=gross, net=net, interval=klines.interval)


if __name__ == "__main__":
    sys.exit(main())
