"""The walk-forward test of a recipe: a model every 30 days, each deciding only klines after those it was fitted to.

It tests the recipe with its rule, as a bot that is trained anew every month would have traded it; `trader backtest
--model` tests one frozen model. Limits and the operator's switch are not applied: they would hide what follows a loss.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trader.core.accounting import Costs
from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.report import Evaluation, evaluate_stream
from trader.core.evaluation.stream import Stream
from trader.core.klines import Klines, to_ms
from trader.jobs.replay import load_range
from trader.ml.history import History, build_history
from trader.ml.importance import FOLDS as IMPORTANCE_FOLDS
from trader.ml.importance import Importance, measure_importance
from trader.ml.pool import Pool
from trader.ml.recipe import Recipe
from trader.ml.walkforward import Fold, Spans, first_row, make_folds, trade, walk_forward
from trader.ports import Progress
from trader.store.klines import KlineStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """What is tested: a recipe on the klines with start <= open time < end, by `rule` unless it has one of its own.

    With common spans `start` is the first kline that is decided on, and the look-back lies before it; with
    `longest_look_back_days` nothing before `start` is trained on, and every recipe that looks back no further decides
    the same klines after that. Tutorial spans train on nothing before `start` and begin when the look-back is full.
    `trials` is how many recipes and rules were tried before this one was chosen, None when nobody counted.
    """

    symbol: str
    interval: str
    start: datetime
    end: datetime
    spans: Spans = Spans.COMMON
    longest_look_back_days: int | None = None
    recipe: Recipe
    rule: DecisionRule
    costs: Costs
    range_margin: float
    trials: int | None = None
    seed: int = 0

    @property
    def days_before_first(self) -> int | None:
        """How many days after `start` the first decision is made; None: at `start` itself."""
        days = self.recipe.look_back_days
        if self.spans is Spans.TUTORIAL:
            if self.longest_look_back_days is not None:
                raise BadConfig("a longest look-back makes spans common; leave it out with tutorial spans")
            return days
        longest = self.longest_look_back_days
        if longest is not None and longest < days:
            raise BadConfig(f"the recipe looks back {days} days, further than the longest look-back of {longest}")
        return longest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WalkedForward:
    """What came of it: the decided klines, their evaluation, what each column is worth, and how many models it took."""

    stream: Stream
    evaluation: Evaluation
    importance: Importance
    folds: int
    seconds: float


OpenPool = Callable[[History], Pool[History]]


def run_walk_forward(test: WalkForward, *, store: KlineStore, open_pool: OpenPool, progress: Progress) -> WalkedForward:
    """Return the walk-forward over stored klines.

    Raises BadData when they do not reach as far or leave nothing to decide, BadConfig for spans that cannot be meant.
    """
    began = time.perf_counter()
    wait = test.days_before_first
    history = build_history(_load(test, store), names=test.recipe.features, horizon=test.recipe.horizon)
    folds = _folds(test, history, wait=wait)
    with closing(_Watched(open_pool(history), progress)) as pool:
        progress.start(f"fitting {test.symbol}", len(folds) + min(IMPORTANCE_FOLDS, len(folds)))
        try:
            stream, columns = _walk(test, history, folds=folds, pool=pool)
        finally:
            progress.finish()
    return WalkedForward(
        stream=stream,
        evaluation=evaluate_stream(stream, costs=test.costs, seed=test.seed, trials=by_hand(test.trials, stream)),
        importance=columns,
        folds=len(folds),
        seconds=time.perf_counter() - began,
    )


def _load(test: WalkForward, store: KlineStore) -> Klines:
    recipe = test.recipe
    rows = recipe.rows(test.interval) + recipe.horizon - 1 if test.days_before_first is None else 0
    return load_range(store, symbol=test.symbol, interval=test.interval, start=test.start, end=test.end, rows=rows)


def _folds(test: WalkForward, history: History, *, wait: int | None) -> list[Fold]:
    start = int(history.open_time.searchsorted(to_ms(test.start)))
    first = start if wait is None else first_row(history, origin=start, look_back_days=wait)
    return make_folds(start=first, stop=len(history), interval=test.interval)


def _walk(test: WalkForward, history: History, *, folds: list[Fold], pool: Pool[History]) -> tuple[Stream, Importance]:
    recipe, margin = test.recipe, test.range_margin
    found = walk_forward(history, recipe=recipe, folds=folds, range_margin=margin, pool=pool)
    rule = recipe.decision or test.rule
    columns = measure_importance(
        history,
        recipe=recipe,
        folds=folds,
        rule=rule,
        costs=test.costs,
        range_margin=margin,
        seed=test.seed,
        pool=pool,
        most=IMPORTANCE_FOLDS,
    )
    return trade(history, found, rule=rule, costs=test.costs), columns


class _Watched:
    """A pool whose finished tasks are shown."""

    def __init__(self, pool: Pool[History], progress: Progress) -> None:
        self._pool, self._progress = pool, progress
        self.workers = pool.workers

    def submit(self, work: Callable[[History, Any], Any], task: Any) -> Future[Any]:
        future = self._pool.submit(work, task)
        future.add_done_callback(lambda _: self._progress.step())
        return future

    def close(self) -> None:
        self._pool.close()


def by_hand(trials: int | None, stream: Stream) -> TrialsInfo | None:
    """Return trials that nobody has kept the returns of, as so many independent ones without any skill.

    The Sharpe ratio per kline of a worthless strategy has a variance of about 1 / (klines - 1), which is what its
    estimate over so many independent returns is off by (Lo 2002). Raises BadConfig for fewer than one trial.
    """
    if trials is None:
        return None
    if trials < 1:
        raise BadConfig(f"{trials} trials cannot be: the one that is tested is one")
    return TrialsInfo(raw=trials, effective=float(trials), sharpe_variance=1.0 / max(1, len(stream) - 1))
