"""Behavioural checks: what a model has to be like before anybody asks what it earns.

A model may score well and still be no model: constant, always on one side, fed with other columns than it was fitted
to, torn by the last digit of a price, changed by being saved, or knowing tomorrow's close. Each check gives a figure
and the bound that it is held to; none of them raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trader.core.decision import DecisionRule, decide
from trader.core.errors import BadData
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.klines import PRICE_COLUMNS, FloatArray, IntArray, Klines
from trader.ml.classifier import from_bytes
from trader.ml.promotion import CheckLimits
from trader.ml.training import TrainedModel

TICK_ROWS = 200
CUTS = 20
_SANE = {
    "ma": (0.2, 5.0),
    "rsi": (0.0, 100.0),
    "mfi": (0.0, 100.0),
    "volatility": (0.0, 1.0),
    "volume_ratio": (0.0, np.inf),
}
"""What values of each kind of indicator are possible, or believable: a close 5 times its own average is a bad price."""

Compute = Callable[[Klines, Sequence[str]], FloatArray]


class CheckName(StrEnum):
    """What is checked."""

    COLUMNS = "columns"
    RANGES = "ranges"
    NO_FUTURE = "no-future"
    DISTINCT = "distinct-probabilities"
    ONE_SIDED = "one-sided"
    TICK_SHIFT = "tick-shift"
    TICK_FLIPS = "tick-flips"
    SAVED = "saved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: the figure that was found, the bound it may not cross, and both in words."""

    name: CheckName
    passed: bool
    figure: float
    bound: float
    words: str


def check_model(
    model: TrainedModel, klines: Klines, *, rule: DecisionRule, tick: float, limits: CheckLimits
) -> tuple[Check, ...]:
    """Return every check of a model on the rows of gap-filled klines after their warm-up; `tick` is the price step.

    `rule` is for a model without one of its own. Raises BadData when no row is a real kline with a full warm-up.
    """
    rows = WARM_UP - 1 + np.flatnonzero(~klines.filled[WARM_UP - 1 :])
    if not len(rows):
        raise BadData(f"{len(klines)} klines are too few to check a model on; {WARM_UP} and more are needed")
    columns = check_columns(model)
    if not columns.passed:  # it cannot be asked anything
        return (columns,)
    features = compute_indicators(klines, model.card.features)[rows]
    p_up = model.classifier.probabilities(features)
    return (
        columns,
        check_ranges(model, features),
        check_no_future(klines, model.card.features, rows=_spread(rows, CUTS)),
        *check_probabilities(p_up, limits=limits),
        *check_ticks(model, klines, rows=rows[-TICK_ROWS:], rule=rule, tick=tick, limits=limits),
        check_saved(model, features),
    )


def failed(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks that did not pass."""
    return tuple(check for check in checks if not check.passed)


def check_columns(model: TrainedModel) -> Check:
    """Check that card and trees name the same columns in the same order."""
    ours, theirs = model.card.features, model.classifier.features
    wrong = sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    return _at_most(
        CheckName.COLUMNS, wrong, 0, f"{wrong} of {len(ours)} columns differ between the card and the trees"
    )


def check_ranges(model: TrainedModel, features: FloatArray) -> Check:
    """Check that features are finite and believable: those of the training rows, and those of `features`."""
    low = np.minimum(np.array(model.card.feature_low), features.min(axis=0))
    high = np.maximum(np.array(model.card.feature_high), features.max(axis=0))
    sane = [_SANE[name.rsplit("_", 1)[0]] for name in model.card.features]
    bad = [
        f"{name} lies in {below:g}..{above:g}"
        for name, below, above, (least, most) in zip(model.card.features, low, high, sane, strict=True)
        if not (least <= below <= above <= most and np.isfinite(above))
    ]
    return _at_most(CheckName.RANGES, len(bad), 0, "; ".join(bad) or f"{len(sane)} columns are where they can be")


def check_no_future(
    klines: Klines, names: Sequence[str], *, rows: IntArray, compute: Compute = compute_indicators
) -> Check:
    """Check that a row's features are the same, bit for bit, when the klines end with it: nothing looks ahead."""
    whole = compute(klines, names)
    early = [row for row in rows.tolist() if not np.array_equal(whole[row], compute(klines[: row + 1], names)[-1])]
    words = f"{len(early)} of {len(rows)} rows have other features when later klines are not known"
    return _at_most(CheckName.NO_FUTURE, len(early), 0, words)


def check_probabilities(p_up: FloatArray, *, limits: CheckLimits) -> tuple[Check, Check]:
    """Check that probabilities differ from each other, and are not nearly all on one side of 0.5."""
    distinct = len(np.unique(p_up))
    share = max(float((p_up > 0.5).mean()), float((p_up < 0.5).mean()))  # noqa: PLR2004 - no information
    return (
        Check(
            name=CheckName.DISTINCT,
            passed=distinct >= limits.min_distinct,
            figure=float(distinct),
            bound=float(limits.min_distinct),
            words=f"{distinct} different probabilities in {len(p_up)} rows; at least {limits.min_distinct}",
        ),
        _at_most(
            CheckName.ONE_SIDED,
            share,
            limits.max_one_sided,
            f"{share:.1%} of {len(p_up)} probabilities are on one side of 0.5; at most {limits.max_one_sided:.1%}",
        ),
    )


def check_ticks(
    model: TrainedModel, klines: Klines, *, rows: IntArray, rule: DecisionRule, tick: float, limits: CheckLimits
) -> tuple[Check, Check]:
    """Check that one tick up or down in a row's close hardly moves its probability, and hardly ever its signal."""
    rule = model.card.decision or rule
    names = (*model.card.features, *FILTER_INDICATORS)
    before, after = (
        np.concatenate([compute_indicators(window, names)[-1:] for window in windows])
        for windows in (
            [_window(klines, row) for row in rows for _ in (1, -1)],
            [_moved(_window(klines, row), by=side * tick) for row in rows for side in (1, -1)],
        )
    )
    count = len(model.card.features)
    was, now = (model.classifier.probabilities(each[:, :count]) for each in (before, after))
    shift = float((np.abs(now - was) > limits.max_tick_shift).mean())
    flips = float((_signals(was, before[:, count:], rule) != _signals(now, after[:, count:], rule)).mean())
    most = limits.max_tick_flips
    return (
        _at_most(
            CheckName.TICK_SHIFT,
            shift,
            most,
            f"a tick of {tick:g} moves {shift:.1%} of probabilities by more than {limits.max_tick_shift:g};"
            f" at most {most:.1%}",
        ),
        _at_most(CheckName.TICK_FLIPS, flips, most, f"it changes {flips:.1%} of decisions; at most {most:.1%}"),
    )


def check_saved(model: TrainedModel, features: FloatArray) -> Check:
    """Check that the model answers the same, bit for bit, after it was saved and read again."""
    name = f"model {model.card.model_id}"
    try:
        back = from_bytes(
            model.classifier.to_bytes(), sha256=model.card.model_sha256, name=name, sizes=model.card.member_sizes
        )
    except BadData as error:
        return Check(name=CheckName.SAVED, passed=False, figure=float(len(features)), bound=0.0, words=str(error))
    apart = int((back.probabilities(features) != model.classifier.probabilities(features)).sum())
    words = f"{apart} of {len(features)} probabilities differ after saving and reading"
    return _at_most(CheckName.SAVED, apart, 0, words)


def tick_of(klines: Klines) -> float:
    """Return the price step that klines show: the smallest difference between two closes (1e-8 at least)."""
    steps = np.diff(np.unique(np.round(klines.close, 8)))
    return max(float(steps.min()) if len(steps) else 0.0, 1e-8)


def _at_most(name: CheckName, figure: float, bound: float, words: str) -> Check:
    return Check(name=name, passed=figure <= bound, figure=float(figure), bound=float(bound), words=words)


def _spread(rows: IntArray, count: int) -> IntArray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(np.int64))]


def _window(klines: Klines, row: int) -> Klines:
    return klines[max(0, row + 1 - WARM_UP) : row + 1]


def _moved(window: Klines, *, by: float) -> Klines:
    """Return the klines with another last close, inside a high and low that are widened where they must be."""
    columns = dict(window.columns())
    for name in PRICE_COLUMNS[1:]:
        columns[name] = columns[name].copy()
    close = columns["close"][-1] + by
    columns["close"][-1] = close
    columns["high"][-1] = max(columns["high"][-1], close)
    columns["low"][-1] = min(columns["low"][-1], close)
    return Klines(interval=window.interval, **columns)


def _signals(p_up: FloatArray, filters: FloatArray, rule: DecisionRule) -> FloatArray:
    """Return the side that would be taken from flat: -1, 0 or 1."""
    rows = zip(p_up.tolist(), *filters.T.tolist(), strict=True)
    return np.array(
        [
            np.sign(decide(p_up=p, held=0.0, volatility=volatility, volume_ratio=ratio, rule=rule).target)
            for p, volatility, ratio in rows
        ]
    )
