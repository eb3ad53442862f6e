"""When to train again: performance decides, not the clock.

The trigger fires when the cumulative net return of the paper book over the last N runs falls below a threshold. Once
fired it stays due until a training finishes; the cooldown counts from that finish.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPolicy:
    """N runs, the threshold on their summed net return, how many runs there must be, and the pause after training."""

    window: int
    threshold: float
    min_runs: int
    cooldown: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The outcome in one run: `cumulative` is the sum over the last `runs` hours, `due_since` None when not due."""

    cumulative: float
    runs: int
    due_since: datetime | None
    why: str


def evaluate_trigger(
    *,
    window: Sequence[float],
    due_since: datetime | None,
    trained_at: datetime | None,
    at: datetime,
    policy: TriggerPolicy,
) -> Trigger:
    """Return whether training is due after the hours in `window` (net returns, oldest first, at most N of them)."""
    total = math.fsum(window)
    runs = len(window)
    if due_since is not None:
        why = f"due since {due_since:%Y-%m-%d %H:%M} UTC, no training has finished since"
    elif runs < policy.min_runs:
        why = f"{runs} of at least {policy.min_runs} runs"
    elif trained_at is not None and at - trained_at < policy.cooldown:
        why = f"cooling down until {trained_at + policy.cooldown:%Y-%m-%d %H:%M} UTC"
    elif total < policy.threshold:
        why = f"net return {total:+.4f} over the last {runs} runs is below {policy.threshold:+.4f}"
        due_since = at
    else:
        why = f"net return {total:+.4f} over the last {runs} runs is not below {policy.threshold:+.4f}"
    return Trigger(cumulative=total, runs=runs, due_since=due_since, why=why)
