"""How often the gate promotes a challenger without skill: the settings' recipe against itself with another seed.

    .venv/bin/trader ingest --symbol BTCUSDT --start 2017-08 --end 2021-12
    .venv/bin/python scripts/promotion_rate.py --store trader-data/demo --when fired > fired.json

`fired`: at the hours at which the settings' trigger fires for a champion that is fitted anew every 30 days; `calendar`:
every 20 days. Nothing after 2021-12-31 is read. The JSON is a table of docs/results.md.
"""

import argparse
import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trader.adapters.local_storage import LocalStorage
from trader.bootstrap import recipe_of
from trader.config import Settings, load_settings
from trader.core.klines import from_ms
from trader.ml.gate import Terms
from trader.ml.history import History, build_history
from trader.ml.pool import ThreadPool
from trader.ml.promotion_rate import Gate, PromotionRate, no_skill_rates, rate_of
from trader.ml.recipe import Recipe
from trader.ml.trigger_rate import firings
from trader.ml.walkforward import first_row, make_folds, trade, walk_forward
from trader.store.klines import KlineStore

END = datetime(2022, 1, 1, tzinfo=UTC)
HOLD_OUTS, CONFIDENCES, MARGINS = (60, 90, 180), (0.90, 0.95), (0.0, 0.02, 0.05)
EVERY = timedelta(days=20)


def main() -> int:
    """Print the rates of a grid of gates as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder with ingested klines")
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--when", choices=("fired", "calendar"), default="fired")
    parser.add_argument(
        "--seeds",
        type=int,
        default=4,
        help="each is once the champion, and challenges all others (calendar: the first only)",
    )
    asked = parser.parse_args()
    settings = load_settings()
    klines = KlineStore(LocalStorage(asked.store)).load(asked.symbol, "1h", end=END)
    if not len(klines) or klines.first > datetime(2017, 9, 1, tzinfo=UTC) or klines.last < END - timedelta(hours=1):
        print(f"{asked.symbol} 1h from 2017-08 to 2021-12 is needed; run `trader ingest` first", file=sys.stderr)
        return 4
    recipe = recipe_of(settings)
    history = build_history(klines, names=recipe.features, horizon=recipe.horizon)
    command = f"python scripts/promotion_rate.py --store {shlex.quote(str(asked.store))} --when {asked.when}"
    rates = measure(history, recipe=recipe, settings=settings, when=asked.when, seeds=range(asked.seeds))
    print(json.dumps({"command": command, "rates": [asdict(rate) for rate in rates]}, indent=1))
    return 0


def measure(
    history: History, *, recipe: Recipe, settings: Settings, when: str, seeds: Sequence[int]
) -> list[PromotionRate]:
    """Return the rates over all champions.

    Their triggers fire in the same weeks, so there are only as many hours as the champion with the most of them has.
    """
    rules, gates = settings.rules(), list(_gates(settings))
    terms = Terms(rule=rules.decision, costs=rules.costs, range_margin=rules.risk.range_margin)
    promoted, contests, hours = Counter[Gate](), Counter[Gate](), Counter[Gate]()
    pool = ThreadPool(history, workers=os.cpu_count() or 1)
    for champion in seeds[:1] if when == "calendar" else seeds:
        others = [seed for seed in seeds if seed != champion]
        rows = _calendar(history) if when == "calendar" else _fired(history, recipe, champion, settings, pool)
        print(f"champion {champion}: {len(rows)} hours", file=sys.stderr, flush=True)
        for rate in no_skill_rates(
            history, recipe=recipe, rows=rows, seeds=(champion, *others), gates=gates, terms=terms, pool=pool
        ):
            promoted[rate.gate] += rate.promoted
            contests[rate.gate] += rate.contests
            hours[rate.gate] = max(hours[rate.gate], rate.hours)
    pool.close()
    return [rate_of(each, hours=hours[each], contests=contests[each], promoted=promoted[each]) for each in gates]


def _gates(settings: Settings) -> Iterator[Gate]:
    mine = settings.promotion.gate()
    for days in sorted({*HOLD_OUTS, settings.promotion.hold_out_days}):
        for confidence in sorted({*CONFIDENCES, mine.confidence}):
            for margin in sorted({*MARGINS, mine.margin}):
                yield Gate(hold_out_days=days, rules=replace(mine, confidence=confidence, margin=margin))


def _calendar(history: History) -> list[int]:
    return list(range(history.first_warm, len(history) - 1, EVERY // timedelta(hours=1)))


def _fired(history: History, recipe: Recipe, champion: int, settings: Settings, pool: ThreadPool[History]) -> list[int]:
    """Return the rows at whose run the trigger fires for a champion with this seed."""
    rules, own = settings.rules(), replace(recipe, seed=champion * recipe.ensemble.size)
    start = first_row(history, origin=0, look_back_days=recipe.look_back_days)
    folds = make_folds(start=start, stop=len(history), interval=history.interval)
    found = walk_forward(history, recipe=own, folds=folds, range_margin=rules.risk.range_margin, pool=pool)
    stream = trade(history, found, rule=recipe.decision or rules.decision, costs=rules.costs)
    policy = replace(rules.trigger, max_model_age=timedelta(0), max_idle=0)
    times = [from_ms(time) for time in stream.open_time]
    return [start + row for row in firings(stream.net.tolist(), times=times, step=timedelta(hours=1), policy=policy)]


if __name__ == "__main__":
    raise SystemExit(main())
