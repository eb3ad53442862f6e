"""How the default recipe and rule were chosen: a walk-forward over 2018-07..2021-12 alone, with what lies around them.

    .venv/bin/trader ingest --symbol BTCUSDT --start 2017-08 --end 2021-12
    .venv/bin/python scripts/in_sample.py --store trader-data/demo

Every 30 days a model is fitted to the look-back before them and decides in them only; nothing after 2021-12-31 is read.
Each line is the mean of five seeds, with the spread of their net sums; the interval is of the first seed's Sharpe
ratio. A line counts for something when its neighbours, the other years and another symbol (`--symbol`) agree with it;
what was tried before these lines were left over does not show here, and is in docs/results.md.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from trader.adapters.local_storage import LocalStorage
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.evaluation.bootstrap import uncertainty
from trader.core.evaluation.metrics import measure
from trader.core.evaluation.periods import Calendar, by_period
from trader.core.evaluation.stream import Stream
from trader.core.indicators import feature_names
from trader.core.klines import Klines, to_ms
from trader.ml.history import History, build_history
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Recipe, Weighting
from trader.ml.walkforward import Probabilities, make_folds, trade, walk_forward
from trader.store.klines import KlineStore

START, END = datetime(2018, 7, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
FIRST = datetime(2017, 9, 1, tzinfo=UTC)
SEEDS = 5
COSTS = Costs(fee_rate=0.001, slippage_rate=0.0)
RANGE_MARGIN = 1.0

PARAMS = {"max_depth": 3, "learning_rate": 0.04, "subsample": 0.8, "colsample_bytree": 0.8, "gamma": 5.0}
CHOSEN = Recipe(
    features=feature_names("ten"), look_back_days=365, rounds=90, params=PARAMS, seed=0, horizon=2, max_bin=64
)
FORMER = replace(
    CHOSEN, look_back_days=180, rounds=350, params={**PARAMS, "learning_rate": 0.01}, horizon=1, max_bin=256
)
RULE = DecisionRule(
    band=0.1,
    exit=Exit.NEUTRAL,
    allow_short=True,
    min_volatility=0.01,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.005,
)
HOLDING = replace(RULE, exit=Exit.OPPOSITE, min_volatility=0.0)

RULES = {
    "chosen": RULE,
    "band 0.08": replace(RULE, band=0.08),
    "band 0.09": replace(RULE, band=0.09),
    "band 0.11": replace(RULE, band=0.11),
    "band 0.12": replace(RULE, band=0.12),
    "volatility > 0.008": replace(RULE, min_volatility=0.008),
    "volatility > 0.012": replace(RULE, min_volatility=0.012),
    "no volatility filter": replace(RULE, min_volatility=0.0),
    "volume ratio > 1": replace(RULE, min_volume_ratio=1.0),
    "long only": replace(RULE, allow_short=False),
    "exit band": replace(RULE, exit=Exit.BAND),
    "exit opposite": replace(RULE, exit=Exit.OPPOSITE),
    "opposite, no filter": HOLDING,
}
FORMER_RULES = {"former, raw sign": replace(HOLDING, band=0.0), "former": HOLDING, "former, chosen rule": RULE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A recipe, and the rules it is scored with."""

    recipe: Recipe
    rules: Mapping[str, DecisionRule]


def main() -> int:
    """Print a line for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder with ingested klines")
    parser.add_argument("--symbol", default="BTCUSDT", help="which symbol; BTCUSDT is what was chosen on")
    arguments = parser.parse_args()
    klines = KlineStore(LocalStorage(arguments.store)).load(arguments.symbol, "1h", end=END)
    if not len(klines) or klines.first > FIRST or klines.last < END - timedelta(hours=1):
        print(f"{arguments.symbol} 1h from 2017-08 to 2021-12 is needed; run `trader ingest` first", file=sys.stderr)
        return 4
    print(f"{arguments.symbol} 1h, decided {START:%Y-%m-%d} .. {klines.last:%Y-%m-%d %H:%M}, {SEEDS} seeds, {COSTS}")
    print(_HEADER)
    for candidate in candidates():
        found = probabilities(klines, candidate.recipe)
        for name, rule in candidate.rules.items():
            print(line(name, [trade(history, each, rule=rule, costs=COSTS) for history, each in found]), flush=True)
    return 0


def candidates() -> Iterator[Candidate]:
    """Yield what was there before, what was chosen, and its neighbours one step away."""
    yield Candidate(recipe=FORMER, rules=FORMER_RULES)
    yield Candidate(recipe=CHOSEN, rules=RULES)
    for days in (180, 270, 540):
        yield _alike(f"look-back {days}", replace(CHOSEN, look_back_days=days))
    for horizon in (1, 3, 4):
        yield _alike(f"horizon {horizon}", replace(CHOSEN, horizon=horizon))
    for depth in (2, 4):
        yield _alike(f"depth {depth}", replace(CHOSEN, params={**PARAMS, "max_depth": depth}))
    for rounds, rate in ((45, 0.08), (350, 0.01)):
        yield _alike(
            f"{rounds} rounds of {rate}", replace(CHOSEN, rounds=rounds, params={**PARAMS, "learning_rate": rate})
        )
    for gamma in (0.0, 10.0):
        yield _alike(f"gamma {gamma:g}", replace(CHOSEN, params={**PARAMS, "gamma": gamma}))
    yield _alike("256 bins", replace(CHOSEN, max_bin=256))
    yield _alike("weighted by move", replace(CHOSEN, weighting=Weighting.MOVE))


def _alike(name: str, recipe: Recipe) -> Candidate:
    return Candidate(recipe=recipe, rules={name: RULE})


def probabilities(klines: Klines, recipe: Recipe) -> list[tuple[History, Probabilities]]:
    """Return the walk-forward probabilities of each seed, with the history they are about."""
    history = build_history(klines, names=recipe.features, horizon=recipe.horizon)
    folds = make_folds(start=int(np.searchsorted(history.open_time, to_ms(START))), stop=len(history), interval="1h")
    with closing(ThreadPool(history, workers=2)) as pool:
        seeds = [replace(recipe, seed=seed) for seed in range(SEEDS)]
        return [
            (history, walk_forward(history, recipe=each, folds=folds, range_margin=RANGE_MARGIN, pool=pool))
            for each in seeds
        ]


_HEADER = (
    f"{'':<22}{'net':>7} {'+-':>5} {'gross':>7} {'Sharpe':>7} {'90 % of one seed':>17} {'fall':>6} {'trips':>6}"
    f" {'exposed':>8}   2018H2   2019   2020   2021"
)


def line(name: str, streams: Sequence[Stream]) -> str:
    """Return the figures of one strategy: means over the seeds' streams, and the spread of their net sums."""
    found = [measure(stream) for stream in streams]
    nets = [each.net for each in found]
    spread = uncertainty(streams[0].net, interval="1h", seed=0).sharpe
    interval = f"{spread.low:+.2f} .. {spread.high:+.2f}" if spread else "never traded"
    years = np.mean([[year.net for year in by_period(stream, Calendar.YEAR)] for stream in streams], axis=0)
    return (
        f"{name:<22}{np.mean(nets):+7.2f} {np.std(nets, ddof=1):5.2f} {np.mean([each.gross for each in found]):+7.2f}"
        f" {np.mean([each.sharpe or 0.0 for each in found]):+7.2f} {interval:>17}"
        f" {np.mean([each.drawdown.depth for each in found]):6.2f}"
        f" {np.mean([each.round_trips for each in found]):6.0f} {np.mean([each.exposed for each in found]):8.1%}"
        f"  {' '.join(f'{year:+6.2f}' for year in years)}"
    )


if __name__ == "__main__":
    sys.exit(main())
