"""From a probability to a target exposure.

This file does not know whether it is in a backtest or live, how the probability was made, or what a kline is. It is
given what is known at the close of one kline and answers with a target and a reason.

Exposure is a real number in [-1, 1]: 1 is long for the whole notional, -1 short for it, 0 flat. The size is chosen when
the direction changes and kept until the direction changes again: a position is not rebalanced in between.

    signal     p(up) >= 0.5 + band: long      p(up) <= 0.5 - band: short      otherwise: none
    same       the signal, or none, keeps what is held, unless the exit rule says to leave it
    entry      opening or turning a position also has to pass the entry filters
"""

from dataclasses import dataclass
from enum import StrEnum


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
