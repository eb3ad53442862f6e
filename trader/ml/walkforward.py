"""Walk-forward evaluation: fit on a window of fixed size, decide the 30 days after it, slide on.

    |---- look-back ----|-- 30 days --|
                  |---- look-back ----|-- 30 days --|

A window's last label is about the close at which the first decision after it is made (the horizon is purged), exactly
as when a model is trained live. With *common* spans every recipe decides the same hours, whatever its look-back;
*tutorial* spans begin as soon as a look-back is full, so that a longer one is scored on fewer, later hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trader.core.accounting import Costs, net_return
from trader.core.decision import DecisionRule, exposures
from trader.core.errors import BadData
from trader.core.evaluation.stream import Stream
from trader.core.klines import BoolArray, FloatArray, IntArray, interval_ms
from trader.core.risk import outside_range
from trader.ml.classifier import Classifier
from trader.ml.dataset import check_labels
from trader.ml.history import History
from trader.ml.pool import Pool, in_order
from trader.ml.recipe import Recipe
from trader.ml.training import fit_rows

STEP_DAYS = 30


class Spans(StrEnum):
    """Which hours a recipe is scored on."""

    COMMON = "common"
    TUTORIAL = "tutorial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Rows decided by one model: from `start` to `stop`; it is fitted to rows whose label is known at `start`."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTask:
    """One fold of one recipe: all that a worker has to be told. For `range_margin` see `core/risk.RiskLimits`."""

    fold: Fold
    recipe: Recipe
    range_margin: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probabilities:
    """p(up) of consecutive rows from `start` on, and whether a row lies too far outside what its model has seen."""

    start: int
    p_up: FloatArray
    outside: BoolArray

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.start + len(self.p_up)


def make_folds(*, start: int, stop: int, interval: str) -> list[Fold]:
    """Return folds of 30 days that cover the rows from `start` to `stop`; the last one may be shorter.

    Raises BadData when there is no row.
    """
    if start >= stop:
        raise BadData("there is no hour to decide after the first look-back; ingest more history or shorten it")
    step = STEP_DAYS * 86_400_000 // interval_ms(interval)
    return [Fold(start=first, stop=min(first + step, stop)) for first in range(start, stop, step)]


def first_row(history: History, *, origin: int, look_back_days: int) -> int:
    """Return the first row that a model with this look-back may decide, when training rows begin at `origin`."""
    rows = look_back_days * 86_400_000 // interval_ms(history.interval)
    return max(origin, history.first_warm) + rows + history.horizon - 1


def fit_fold(history: History, task: FoldTask) -> Probabilities:
    """Return the probabilities of a fold's rows, by a model fitted to the look-back before it.

    Raises BadData when the look-back has too few usable rows, or one class only.
    """
    fold, recipe = task.fold, task.recipe
    members = [fit_before(history, fold.start, recipe=member) for member in recipe.members()]
    rows, seen = history.features[fold.start : fold.stop], history.features[training_rows(history, fold.start, recipe)]
    return Probabilities(
        start=fold.start,
        p_up=Classifier.mean_of(members).probabilities(rows),
        outside=outside_range(rows, low=seen.min(axis=0), high=seen.max(axis=0), margin=task.range_margin),
    )


def fit_before(history: History, start: int, *, recipe: Recipe) -> Classifier:
    """Return one model (no ensemble) fitted to what is known at the close of row `start`."""
    usable = training_rows(history, start, recipe)
    labels = history.labels[usable]
    check_labels(labels)
    return fit_rows(history.features[usable], labels=labels, moves=history.moves[usable], recipe=recipe)


def training_rows(history: History, start: int, recipe: Recipe) -> IntArray:
    """Return the positions of the usable rows of a look-back whose labels are known at the close of row `start`."""
    stop = start - history.horizon + 1
    first = max(history.first_warm, stop - recipe.rows(history.interval))
    return first + np.flatnonzero(~np.isnan(history.labels[first:stop]))


def walk_forward(
    history: History, *, recipe: Recipe, folds: Sequence[Fold], range_margin: float, pool: Pool[History]
) -> Probabilities:
    """Return the probabilities of all folds' rows; the folds must follow each other."""
    if recipe.horizon != history.horizon:
        raise ValueError("the history was made for another horizon than the recipe")
    tasks = [FoldTask(fold=fold, recipe=recipe, range_margin=range_margin) for fold in folds]
    return join(list(in_order(pool, fit_fold, tasks)))


def join(parts: Sequence[Probabilities]) -> Probabilities:
    """Return consecutive parts as one."""
    return Probabilities(
        start=parts[0].start,
        p_up=np.concatenate([part.p_up for part in parts]),
        outside=np.concatenate([part.outside for part in parts]),
    )


def trade(history: History, probabilities: Probabilities, *, rule: DecisionRule, costs: Costs) -> Stream:
    """Return what a decision rule makes of probabilities, from flat, hour by hour as `core/strategy.advance` would.

    Filled hours hold, hours outside the training range are flat. Limits and the operator's switch are not applied. An
    hour whose next close is not known has no return and is left out.
    """
    stop = probabilities.stop - int(np.isnan(history.returns[probabilities.stop - 1]))
    rows = slice(probabilities.start, stop)
    count = stop - probabilities.start
    filled = history.filled[rows]
    exposure = exposures(
        p_up=probabilities.p_up[:count],
        volatility=history.volatility[rows],
        volume_ratio=history.volume_ratio[rows],
        hold=filled,
        flat=probabilities.outside[:count],
        rule=rule,
    )
    gross = exposure * history.returns[rows]
    change = np.abs(np.diff(exposure, prepend=0.0))
    return Stream(
        interval=history.interval,
        open_time=history.open_time[rows],
        close=history.close[rows],
        exposure=exposure,
        gross=gross,
        net=net_return(gross=gross, change=change, costs=costs),
        scorable=history.scorable[rows],
        next_close=history.close[probabilities.start + 1 : stop + 1],
        p_up=np.where(filled, np.nan, probabilities.p_up[:count]),
        labels=history.labels[rows],
    )
