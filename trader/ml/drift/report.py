"""The report of one look for drift: figures, their limits, and what is beyond them. Values only."""

from dataclasses import dataclass, field
from datetime import datetime

SCHEMA = 1
SKEW = "skew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One figure; `limit` is None where none is set (yet), and then there is no alarm. `what` says it in words.

    `relation` and `performance` alarm below their limit, everything else above it. `value` is None where there is too
    little to tell.
    """

    name: str
    value: float | None
    limit: float | None = None
    alarm: bool = False
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDrift:
    """One column of the model: both distances between the served window and the training sample, with their limits."""

    name: str
    psi: float
    ks: float
    limit_psi: float
    limit_ks: float
    alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What one look found in the `rows` that were served in the last `window_days` before `checked_at` (market time).

    `alarms` names everything beyond its limit. `note` says why there is less than there might be: too few rows, or no
    klines of the training any more. `figures` never alarm. `false_alarms_per_year` is for all alarms together but
    `skew`, which is none by chance.
    """

    schema: int = SCHEMA
    checked_at: datetime
    model_id: str | None
    rows: int
    window_days: int
    false_alarms_per_year: float
    features: tuple[FeatureDrift, ...] = ()
    prediction: Finding | None = None
    label_rate: Finding | None = None
    relation: Finding | None = None
    performance: Finding | None = None
    importance: Finding | None = None
    skew: Finding | None = None
    figures: tuple[Finding, ...] = ()
    alarms: tuple[str, ...] = ()
    too_early: bool = False
    note: str = field(default="")

    @property
    def wants_training(self) -> bool:
        """Tell whether the market looks another one; a training mends that, and no difference between two codes."""
        return any(name != SKEW for name in self.alarms)


def alarms_of(features: tuple[FeatureDrift, ...], *findings: Finding | None) -> tuple[str, ...]:
    """Return the names of what is beyond its limit, features first."""
    named = [f"feature {each.name}" for each in features if each.alarm]
    return (*named, *(each.name for each in findings if each is not None and each.alarm))
