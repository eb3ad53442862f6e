"""What a model goes by: the gain that columns brought in training, and what is lost when one of them is scrambled.

Gain says what the trees used, right or wrong. Permutation importance (Breiman 2001) is measured on hours that the
models have not seen: a column whose values are dealt out anew among a fold's hours keeps its distribution and loses its
meaning. Columns that say nearly the same stand in for each other, so each of them looks dispensable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng

from trader.core.accounting import Costs
from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig
from trader.core.klines import FloatArray
from trader.core.risk import outside_range
from trader.ml.classifier import Classifier
from trader.ml.history import History
from trader.ml.pool import Pool, in_order
from trader.ml.recipe import Recipe
from trader.ml.walkforward import Fold, FoldTask, Probabilities, fit_before, trade, training_rows

FOLDS = 12
_CERTAIN = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnImportance:
    """One column. `gain`: its share of the loss reduction in training, all columns together 1.

    `log_loss`: by how much the log loss (nats an hour) rises on unseen hours without the column, None without a single
    labelled hour; `net`: how much net return is lost, as a sum over the folds. Both are negative where the models did
    better without it.
    """

    name: str
    gain: float
    log_loss: float | None
    net: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """All columns in the recipe's order, over so many folds and hours; gain and log loss are means over the folds."""

    columns: tuple[ColumnImportance, ...]
    folds: int
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrambleTask:
    """One fold, and the seed that its columns are scrambled with."""

    fold: FoldTask
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scrambled:
    """A fold's probabilities as they are, and with each column scrambled; `gains` has an element a column."""

    honest: Probabilities
    without: tuple[Probabilities, ...]
    gains: FloatArray


def measure_importance(
    history: History,
    *,
    recipe: Recipe,
    folds: Sequence[Fold],
    rule: DecisionRule,
    costs: Costs,
    seed: int,
    pool: Pool[History],
    range_margin: float,
    most: int = FOLDS,
) -> Importance:
    """Return the importance of every column over at most `most` folds, spread over all of them.

    Each fold is fitted anew and traded from flat, by `rule` if the recipe has none of its own. Raises BadData when a
    fold cannot be fitted, BadConfig without a fold.
    """
    if not folds or most < 1:
        raise BadConfig("importance is measured on folds; none were given")
    chosen = [folds[at] for at in np.unique(np.linspace(0, len(folds) - 1, most).round().astype(int))]
    tasks = [
        ScrambleTask(
            fold=FoldTask(fold=fold, recipe=recipe, range_margin=range_margin),
            seed=seed + number * len(recipe.features),
        )
        for number, fold in enumerate(chosen)
    ]
    own, gains, losses, nets = recipe.decision or rule, [], [], []
    for found in in_order(pool, scramble_fold, tasks):
        variants = [found.honest, *found.without]
        loss = np.array([_log_loss(history, each) for each in variants])
        net = np.array([float(trade(history, each, rule=own, costs=costs).net.sum()) for each in variants])
        gains.append(found.gains)
        losses.append(loss[1:] - loss[0])
        nets.append(net[0] - net[1:])
    known = [each for each in losses if not np.isnan(each).any()]
    loss_of = np.mean(known, axis=0).tolist() if known else [None] * len(recipe.features)
    columns = zip(recipe.features, np.mean(gains, axis=0).tolist(), loss_of, np.sum(nets, axis=0).tolist(), strict=True)
    return Importance(
        columns=tuple(
            ColumnImportance(name=name, gain=gain, log_loss=loss, net=net) for name, gain, loss, net in columns
        ),
        folds=len(chosen),
        hours=sum(fold.stop - fold.start for fold in chosen),
    )


def scramble_fold(history: History, task: ScrambleTask) -> Scrambled:
    """Return a fold's probabilities with and without the meaning of each column, by one and the same model.

    Only real hours trade values with each other. Whether an hour lies outside the training range stays as it was.
    """
    fold, recipe = task.fold.fold, task.fold.recipe
    model = Classifier.mean_of([fit_before(history, fold.start, recipe=member) for member in recipe.members()])
    rows, seen = history.features[fold.start : fold.stop], history.features[training_rows(history, fold.start, recipe)]
    outside = outside_range(rows, low=seen.min(axis=0), high=seen.max(axis=0), margin=task.fold.range_margin)
    honest = Probabilities(start=fold.start, p_up=model.probabilities(rows), outside=outside)
    real = np.flatnonzero(~history.filled[fold.start : fold.stop])
    without = []
    for column in range(rows.shape[1]):
        dealt = rows.copy()
        dealt[real, column] = rows[default_rng(task.seed + column).permutation(real), column]
        without.append(Probabilities(start=fold.start, p_up=model.probabilities(dealt), outside=outside))
    return Scrambled(honest=honest, without=tuple(without), gains=model.gains())


def _log_loss(history: History, found: Probabilities) -> float:
    """Return the mean log loss over the rows that have a label, NaN without any."""
    labels = history.labels[found.start : found.stop]
    known = ~np.isnan(labels)
    p_up = np.clip(found.p_up[known], _CERTAIN, 1 - _CERTAIN)
    losses = -np.where(labels[known] == 1.0, np.log(p_up), np.log(1 - p_up))
    return float(losses.mean()) if len(losses) else float("nan")
