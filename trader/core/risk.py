"""Risk: the operator's switch, the loss halt, and the guards that keep a run from deciding.

A rule answers with a verdict and a reason; it never raises for "no trade" and never sends anything.

    control run       the model decides
    control reduce    the model decides, but may only leave positions, not open or turn them
    control halt      flat, and suspended until a person resumes
    halted            the same, because the paper book lost too much since the last start or resume
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from trader.core.decision import Decision, Reason
from trader.core.klines import BoolArray, FloatArray


class ControlMode(StrEnum):
    """The operator's switch."""

    RUN = "run"
    REDUCE = "reduce"
    HALT = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the operator last said. `sequence` grows by one each time, so a run knows whether it has seen it."""

    mode: ControlMode = ControlMode.RUN
    why: str = ""
    who: str = ""
    at: datetime | None = None
    sequence: int = 0


class OnHalt(StrEnum):
    """What a reached loss limit does: live always stops; replay and backtest may mark or resume."""

    STOP = "stop"
    MARK = "mark"
    RESUME_AFTER = "resume-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits on the paper book since its last start or resume, as sums of hourly net returns (0.20 = 20 %).

    `max_loss` is on the sum, `max_drawdown` from its peak; 0 switches a limit off. A feature outside the training range
    by more than `range_margin` times that range's width keeps the run flat, as does a model older than `model_max_age`.
    """

    max_loss: float
    max_drawdown: float
    on_halt: OnHalt = OnHalt.STOP
    resume_after: timedelta | None = None
    range_margin: float
    model_max_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A reached limit: the kline whose return reached it, and in words which one."""

    at: datetime
    why: str


def check_limits(*, since_resume: float, peak: float, limits: RiskLimits) -> str | None:
    """Return why trading has to stop, or None. Both figures are sums of net returns since the last start or resume."""
    if limits.max_loss and since_resume <= -limits.max_loss:
        return f"net paper return {since_resume:+.4f} since start or resume is at or below -{limits.max_loss:g}"
    if limits.max_drawdown and peak - since_resume >= limits.max_drawdown:
        return f"drawdown {peak - since_resume:.4f} from the peak is at or above {limits.max_drawdown:g}"
    return None


def outside_range(rows: FloatArray, *, low: Sequence[float], high: Sequence[float], margin: float) -> BoolArray:
    """Tell for each row of features whether one lies further outside [low, high] than `margin` times that width."""
    bottom, top = np.asarray(low), np.asarray(high)
    slack = margin * (top - bottom)
    return np.asarray(((rows < bottom - slack) | (rows > top + slack)).any(axis=1), dtype=np.bool_)


def find_block(
    *,
    is_late: bool,
    is_filled: bool,
    is_warm: bool,
    is_outside: bool,
    model_last: datetime | None,
    open_time: datetime,
    limits: RiskLimits,
) -> Reason | None:
    """Return why this kline may not be decided on, or None. `model_last` is the newest kline the model has seen."""
    if is_filled:
        return Reason.FILLED_KLINE
    if is_late:
        return Reason.MISSED
    if not is_warm:
        return Reason.WARM_UP
    if model_last is None:
        return Reason.NO_MODEL
    if open_time - model_last > limits.model_max_age:
        return Reason.MODEL_EXPIRED
    return Reason.OUT_OF_RANGE if is_outside else None


def guard(*, control: Control, halt: Halt | None, held: float, blocked: Reason | None) -> Decision | None:
    """Return the decision that stands before the model is asked, or None when the model may decide.

    `blocked` is what the run found out about its own inputs. A filled or missed hour cannot trade, so it holds whatever
    is held; everything else that blocks goes flat, because nothing is watching the position.
    """
    if blocked in _HOLD:
        return Decision(target=held, reason=blocked)
    if control.mode is ControlMode.HALT:
        return Decision(target=0.0, reason=Reason.CONTROL_HALT)
    if halt is not None:
        return Decision(target=0.0, reason=Reason.HALTED)
    if blocked is not None:
        return Decision(target=0.0, reason=blocked)
    return None


_HOLD = (Reason.FILLED_KLINE, Reason.MISSED)


def reduce_only(decision: Decision, *, held: float) -> Decision:
    """Return the decision with everything cut off that would open, enlarge or turn a position."""
    allowed = decision.target if abs(decision.target) <= abs(held) else held
    if decision.target * held <= 0:
        allowed = 0.0
    return decision if allowed == decision.target else Decision(target=allowed, reason=Reason.REDUCE)
