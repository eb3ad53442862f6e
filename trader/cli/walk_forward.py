"""`trader backtest --walk-forward`: the settings' recipe, fitted anew every 30 days, judged from all sides."""

import textwrap
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from trader.bootstrap import open_pool, open_storage, recipe_of
from trader.cli.output import Bar, say, say_json, write_file
from trader.config import Settings
from trader.core.accounting import Costs
from trader.core.errors import BadConfig
from trader.core.klines import from_ms, interval_ms, to_ms
from trader.jobs.replay import write_table
from trader.jobs.walk_forward import WalkedForward, WalkForward, run_walk_forward
from trader.ml.walkforward import STEP_DAYS, Spans
from trader.report.evaluation import describe_evaluation
from trader.report.recipes import describe_recipe, describe_rule
from trader.report.stream_table import table_of
from trader.report.tables import WIDTH
from trader.store.klines import KlineStore

_FREE = Costs(fee_rate=0.0, slippage_rate=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says about a walk-forward; None where it says nothing."""

    symbol: str
    start: datetime
    end: datetime
    spans: str
    look_back_max_days: int | None
    gross: bool
    trials: int | None
    out: Path | None
    as_json: bool


def backtest_walk_forward(settings: Settings, asked: Asked) -> None:
    """Walk forward over stored klines, and print what there is to say."""
    test = _test_of(settings, asked)
    found = run_walk_forward(
        test,
        store=KlineStore(open_storage(settings)),
        open_pool=partial(open_pool, settings),
        progress=Bar(silent=asked.as_json),
    )
    if asked.out is not None:
        write_file(asked.out, write_table(table_of(found.stream), in_sample=False))
    if asked.as_json:
        say_json(_summary(test, found, out=asked.out))
        return
    say(*_headline(test, found), "", *describe_evaluation(found.evaluation, importance=found.importance))
    if asked.out is not None:
        say("", f"table  {asked.out}")


def _test_of(settings: Settings, asked: Asked) -> WalkForward:
    rules, interval = settings.rules(), settings.bot.interval
    step = interval_ms(interval)
    start, end = (from_ms(-(-to_ms(moment) // step) * step) for moment in (asked.start, asked.end))
    if end <= start:
        raise BadConfig(f"there is no {interval} kline from --start {start.isoformat()} to --end {end.isoformat()}")
    if asked.spans not in list(Spans):
        raise BadConfig(f"--spans {asked.spans!r} is not understood; use {' or '.join(Spans)}")
    return WalkForward(
        symbol=asked.symbol,
        interval=interval,
        start=start,
        end=end,
        spans=Spans(asked.spans),
        longest_look_back_days=asked.look_back_max_days,
        recipe=recipe_of(settings),
        rule=rules.decision,
        costs=_FREE if asked.gross else rules.costs,
        range_margin=rules.risk.range_margin,
        trials=asked.trials,
        seed=settings.train.seed,
    )


def _headline(test: WalkForward, found: WalkedForward) -> list[str]:
    """Return what was tested, in words, and what has to be known before a figure is read."""
    klines = f"{len(found.stream):,} klines decided by {found.folds} models"
    facts = {
        "recipe": describe_recipe(test.recipe),
        "rule": describe_rule(test.rule),
        "spans": f"{test.spans}, a new model every {STEP_DAYS} days, fitted to the days before; no limit halts it",
        "time": f"{found.seconds:.1f} s",
    }
    if test.costs == _FREE:
        facts["GROSS"] = "nothing is charged: nobody trades at these figures"
    if test.trials is None:
        facts["luck"] = "chosen on these klines, a recipe looks better than it is: --trials N says how many were tried"
    else:
        facts["luck"] = f"the DSR is for {test.trials:,} trials counted by hand, as if independent and without skill"
    return [
        f"WALK-FORWARD of {test.symbol} {test.interval}: {klines}",
        *(line for name, text in facts.items() for line in _wrapped(name, text)),
    ]


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"  {name:9}", subsequent_indent=" " * 11)


def _summary(test: WalkForward, found: WalkedForward, *, out: Path | None) -> dict[str, Any]:
    """Return everything for programs; returns are fractions, sums of hourly returns on a fixed notional."""
    return {
        "kind": "walk-forward",
        "test": replace(test, recipe=replace(test.recipe, params=dict(test.recipe.params))),
        "step_days": STEP_DAYS,
        "folds": found.folds,
        "seconds": found.seconds,
        "evaluation": found.evaluation,
        "importance": found.importance,
        **({} if out is None else {"table": str(out)}),
    }
