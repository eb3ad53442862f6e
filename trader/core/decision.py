"""From a probability to a target exposure.

This file does not know whether it is in a backtest or live, how the probability was made, or what a kline is. It is
given what is known at the close of one kline and answers with a target and a reason.

Exposure is a real number in [-1, 1]: 1 is long for the whole notional, -1 short for it, 0 flat. The size is chosen when
the direction changes and kept until the direction changes again: a position is not rebalanced in between.

    signal     p(up) >= 0.5 + band: long      p(up) <= 0.5 - band: short      otherwise: none
    same       the signal, or none, keeps what is held, unless the exit rule says to leave it
    entry      opening or turning a position also has to pass the entry filters
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

import numpy as np

from trader.core.klines import BoolArray, FloatArray, IntArray


class Exit(StrEnum):
    """How a held position is left when the opposite signal has not come."""

    OPPOSITE = "opposite"
    """never: it is held until the opposite signal"""
    NEUTRAL = "neutral"
    """when p(up) crosses 0.5 against it"""
    BAND = "band"
    """as soon as p(up) is back inside the band"""


class Sizing(StrEnum):
    """How large a new position is."""

    FIXED = "fixed"
    """the whole notional"""
    VOLATILITY = "volatility"
    """target volatility / current volatility, at most the whole notional"""


class Reason(StrEnum):
    """Why the target exposure is what it is; every run records one."""

    LONG = "long-signal"
    SHORT = "short-signal"
    HELD = "inside-band"
    EXIT = "exit-rule"
    FILTERED = "entry-filtered"
    SHORT_FORBIDDEN = "short-forbidden"
    REDUCE = "control-reduce"
    CONTROL_HALT = "control-halt"
    HALTED = "halted"
    FILLED_KLINE = "filled-kline"
    MISSED = "missed"
    WARM_UP = "warm-up"
    NO_MODEL = "no-model"
    MODEL_EXPIRED = "model-expired"
    OUT_OF_RANGE = "feature-out-of-range"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """What turns p(up) into a position; part of the strategy that is scored.

    `band` is the half-width around 0.5; `min_volatility` (a fraction per interval) and `min_volume_ratio` are the entry
    filters, 0 for off; `target_volatility` (a fraction per interval) is read by volatility sizing only.
    """

    band: float
    exit: Exit
    allow_short: bool
    min_volatility: float
    min_volume_ratio: float
    sizing: Sizing
    target_volatility: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The exposure to hold from this kline's close on, and why."""

    target: float
    reason: Reason


def decide(*, p_up: float, held: float, volatility: float, volume_ratio: float, rule: DecisionRule) -> Decision:
    """Return the target exposure for a probability of a rise, given the exposure held now.

    `volatility` and `volume_ratio` are the current values of the filter indicators.
    """
    signal = _signal(p_up, rule.band)
    if signal == 0 or signal * held > 0:
        if held and _should_leave(p_up, held=held, signal=signal, rule=rule):
            return Decision(target=0.0, reason=Reason.EXIT)
        return Decision(target=held, reason=_SIGNAL_REASONS[signal])
    if signal < 0 and not rule.allow_short:
        return Decision(target=0.0, reason=Reason.SHORT_FORBIDDEN)
    if volatility < rule.min_volatility or volume_ratio < rule.min_volume_ratio:
        return Decision(target=0.0, reason=Reason.FILTERED)
    return Decision(target=signal * _size(volatility, rule), reason=_SIGNAL_REASONS[signal])


def exposures(
    *,
    p_up: FloatArray,
    volatility: FloatArray,
    volume_ratio: FloatArray,
    hold: BoolArray,
    flat: BoolArray,
    rule: DecisionRule,
) -> FloatArray:
    """Return the exposure held after each of many klines, from flat: `decide` on every one of them, in one pass.

    Rows with `hold` keep what is held, rows with `flat` leave it, and neither is asked for its probability. There is no
    second rule here: rows are sorted into kinds, and `decide` itself says what follows from each kind and position.
    """
    kinds = _kinds(p_up, volatility=volatility, volume_ratio=volume_ratio, rule=rule)
    kinds[flat], kinds[hold] = _FLAT, _HOLD
    sizes = [_size(each, rule) for each in volatility.tolist()] if rule.sizing is not Sizing.FIXED else None
    follows = _what_follows(rule)
    held, sign = np.empty(len(p_up)), 0
    target = 0.0
    for row, kind in enumerate(kinds.tolist()):
        after = follows[kind][sign]
        if after is not None:
            sign = after
            target = float(after) if sizes is None else after * sizes[row]
        held[row] = target
    return held


_FLAT, _HOLD = 10, 11
_PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How many of the two thresholds and 0.5 itself a probability lies on the far side of, as an example of its kind."""


def _kinds(p_up: FloatArray, *, volatility: FloatArray, volume_ratio: FloatArray, rule: DecisionRule) -> IntArray:
    """Return for each row which of the five kinds of probability it has, plus 5 if it passes the entry filters."""
    low = p_up <= 0.5 - rule.band if rule.band else p_up < 0.5  # noqa: PLR2004 - no information
    high = p_up >= 0.5 + rule.band if rule.band else p_up > 0.5  # noqa: PLR2004
    kinds = np.select([high, low, p_up < 0.5, p_up > 0.5], [4, 0, 1, 3], default=2)  # noqa: PLR2004
    passes = ~((volatility < rule.min_volatility) | (volume_ratio < rule.min_volume_ratio))
    return np.asarray(kinds + 5 * passes, dtype=np.int64)


def _what_follows(rule: DecisionRule) -> list[dict[int, int | None]]:
    """Return, for each kind of row, by the sign held, the sign of a newly chosen position; None where it is kept."""
    example = replace(rule, band=0.4, min_volatility=1.0, min_volume_ratio=1.0, sizing=Sizing.FIXED)
    if not rule.band:
        example = replace(example, band=0.0)
    table: list[dict[int, int | None]] = []
    for passes, p_up in product((False, True), _PROBABILITIES):
        row: dict[int, int | None] = {}
        for sign in (-1, 0, 1):
            held = sign / 2  # a size that no new position has, so that keeping can be told from choosing anew
            indicator = 2.0 if passes else 0.0
            target = decide(p_up=p_up, held=held, volatility=indicator, volume_ratio=indicator, rule=example).target
            row[sign] = None if target == held else int(target)
        table.append(row)
    return [*table, {-1: 0, 0: 0, 1: 0}, {-1: None, 0: None, 1: None}]


_SIGNAL_REASONS = {1: Reason.LONG, -1: Reason.SHORT, 0: Reason.HELD}


def _signal(p_up: float, band: float) -> int:
    if band == 0.0:
        return 1 if p_up > 0.5 else -1 if p_up < 0.5 else 0  # noqa: PLR2004 - no information is no signal
    if p_up >= 0.5 + band:
        return 1
    return -1 if p_up <= 0.5 - band else 0


def _should_leave(p_up: float, *, held: float, signal: int, rule: DecisionRule) -> bool:
    if rule.exit is Exit.BAND:
        return signal == 0
    return rule.exit is Exit.NEUTRAL and (p_up - 0.5) * held < 0


def _size(volatility: float, rule: DecisionRule) -> float:
    if rule.sizing is Sizing.FIXED or volatility <= 0:
        return 1.0
    return min(1.0, rule.target_volatility / volatility)
