"""The reference of a model: everything a look for drift compares with, made once from the klines it was trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from trader.core.indicators import WARM_UP, compute_indicators
from trader.core.klines import FloatArray, Klines, digest, interval_ms
from trader.core.labels import directions, moves, next_returns
from trader.ml.card import ModelCard
from trader.ml.drift.distance import Counts, count_days, edges_of
from trader.ml.drift.limits import (
    Budget,
    Limits,
    OutcomeLimits,
    feature_limits,
    outcome_limits,
    prediction_limits,
)
from trader.ml.drift.sample import DAY_MS, Rows
from trader.ml.drift.unseen import unseen_probabilities

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What came before the model decided: the champion before it with its gains, and its net return an hour held out.

    Empty and None where there was none, or nothing is known of it.
    """

    model_id: str = ""
    gains: Mapping[str, float] | None = None
    hold_out: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Columns as they were in training: the inner edges of the bins, how many rows were in a bin or a lower one."""

    edges: tuple[tuple[float, ...], ...]
    counts: tuple[tuple[int, ...], ...]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What one model's training sample looked like, and the limits for windows of `window_days` at a stated rate.

    `prediction` is of one column, p(up) from models that have not seen the row (`unseen.py`), and `brier` the mean
    squared error of those; `gains` is each column's share of the loss reduction in training. `is_exact` tells whether
    the stored klines are still those it was trained on, to the last bit.
    """

    schema: int = SCHEMA
    model_id: str = ""
    is_exact: bool = True
    window_days: int
    false_alarms_per_year: float
    horizon: int
    slots: int
    rows: int
    names: tuple[str, ...]
    features: Counted
    prediction: Counted
    outcomes: OutcomeLimits
    label_rate: float
    brier: float
    gains: Mapping[str, float] = field(default_factory=dict)
    before: Before = field(default_factory=Before)

    def is_for(self, budget: Budget) -> bool:
        """Tell whether its limits are those of a budget; settings change."""
        return (self.window_days, self.false_alarms_per_year) == (budget.window, budget.false_alarms_per_year)


def make_reference(
    klines: Klines, *, card: ModelCard, gains: Mapping[str, float], budget: Budget, before: Before
) -> Reference:
    """Return the reference of a model from the klines of its training; its seed is the model's own.

    Raises BadData when they are too few, or a fit is not possible.
    """
    rows, market = training_rows(klines, card=card)
    made = reference_of_rows(
        rows,
        market=market,
        names=card.features,
        horizon=card.horizon,
        slots=DAY_MS // interval_ms(klines.interval),
        budget=budget,
        seed=card.seed,
    )
    return replace(
        made,
        model_id=card.model_id,
        is_exact=digest(klines) == card.klines_digest,
        gains=gains,
        before=before,
    )


def reference_of_rows(
    rows: Rows,
    *,
    market: FloatArray,
    names: Sequence[str],
    horizon: int,
    slots: int,
    budget: Budget,
    seed: int,
) -> Reference:
    """Return the reference that a training sample makes; `market` has the return over the next kline of each row."""
    common: dict[str, Any] = {"budget": budget, "slots": slots, "seed": seed}
    return Reference(
        window_days=budget.window,
        false_alarms_per_year=budget.false_alarms_per_year,
        horizon=horizon,
        slots=slots,
        rows=len(rows),
        names=tuple(names),
        features=_counted(rows, rows.features, limits=partial(feature_limits, **common)),
        prediction=_counted(rows, rows.p_up[:, np.newaxis], limits=partial(prediction_limits, **common)),
        outcomes=outcome_limits(rows, moves=market, horizon=horizon, **common),
        label_rate=float(rows.labels.mean()),
        brier=float(np.mean((rows.p_up - rows.labels) ** 2)),
    )


def training_rows(klines: Klines, *, card: ModelCard) -> tuple[Rows, FloatArray]:
    """Return the rows a model was trained on, p(up) from fits that have not seen them; and the next returns."""
    labels = directions(klines, horizon=card.horizon)
    usable = np.flatnonzero(~np.isnan(labels[WARM_UP - 1 :])) + WARM_UP - 1
    features = np.ascontiguousarray(compute_indicators(klines, card.features)[usable])
    ahead = moves(klines, horizon=card.horizon)[usable]
    p_up = unseen_probabilities(
        features, labels=labels[usable], moves=ahead, recipe=card.recipe, interval=klines.interval
    )
    nothing = np.zeros(len(usable))
    rows = Rows(
        open_time=klines.open_time[usable],
        features=features,
        p_up=p_up,
        labels=labels[usable],
        gross=nothing,
        net=nothing,
    )
    return rows, next_returns(klines)[usable]


def _counted(rows: Rows, columns: FloatArray, *, limits: Callable[[Counts], Limits]) -> Counted:
    edges = edges_of(columns)
    counts = count_days(columns, edges=edges, days=rows.day, number=rows.days)
    return Counted(
        edges=tuple(map(tuple, edges.tolist())),
        counts=tuple(tuple(map(int, column)) for column in counts.sum(axis=0)),
        limits=limits(counts),
    )
