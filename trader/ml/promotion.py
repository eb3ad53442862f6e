"""What a challenger has to show before it decides: the limits of the gate and of the behavioural checks.

Values only. The gate is in `gate.py`, the checks are in `checks.py`; settings name these without loading either.
"""

from dataclasses import dataclass
from enum import StrEnum


class PromotionPolicy(StrEnum):
    """Who has the last word on a challenger that passed checks and gate."""

    AUTO = "auto"
    """nobody: it becomes the champion"""
    MANUAL = "manual"
    """a person, after reading the report: `trader models promote`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """When a challenger's recipe has won the hold-out.

    With one-sided `confidence` the sum of its hourly net returns must exceed the champion's by more than `margin` (a
    fraction of the notional), after at least `min_round_trips` completed round trips and with a position for at least
    the share `min_exposure` of the time. The bound comes from `draws` bootstrap resamples in blocks of `block` klines
    on average; None lets the returns choose (`core/evaluation/bootstrap.block_length`).
    """

    confidence: float
    margin: float
    min_round_trips: int
    min_exposure: float
    draws: int
    block: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """How a model may behave on recent klines.

    Neither side of 0.5 may have more than `max_one_sided` of the probabilities, of which at least `min_distinct` must
    differ. When the last close moves by one tick, at most the share `max_tick_flips` of decisions may change, and at
    most the same share of probabilities by more than `max_tick_shift`.
    """

    max_one_sided: float
    min_distinct: int
    max_tick_flips: float
    max_tick_shift: float
