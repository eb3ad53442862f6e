"""When to train again: performance decides, and the clock only where performance cannot speak.

    return   the cumulative net return of the paper book over the last N runs falls below a threshold
    age      the model that decides has seen nothing for too long: before it expires, and long after
    idle     no position for M runs in which the model could have taken one: a bot that never trades loses nothing

Once due, training stays due until one finishes, also one that promotes nothing; the cooldown counts from that finish
and holds for all three.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Due(StrEnum):
    """What made a training due."""

    RETURN = "return"
    AGE = "age"
    IDLE = "idle"


class Method(StrEnum):
    """What a training does."""

    SEARCH = "search"
    """search a recipe, which has to win against the champion's"""
    REFIT = "refit"
    """fit the settings' recipe to newer klines; it decides without having to win anything"""


class Timing(StrEnum):
    """Who does a training that is due."""

    AFTER_ORDER = "after-order"  # the run that finds it due, once it has committed
    EXTERNAL = "external"  # `trader train --if-due`


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPolicy:
    """N runs, the threshold on their summed net return, how many runs there must be, and the pause after training.

    `max_model_age` is from the newest kline that the model has seen, `max_idle` in runs; 0 switches either off.
    """

    window: int
    threshold: float
    min_runs: int
    cooldown: timedelta
    max_model_age: timedelta = timedelta(0)
    max_idle: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The outcome in one run: `cumulative` is the sum over the last `runs` hours, `due_since` None when not due.

    `due_to` means something only while it is due.
    """

    cumulative: float
    runs: int
    due_since: datetime | None
    why: str
    due_to: Due = Due.RETURN


def evaluate_trigger(
    *,
    window: Sequence[float],
    due_since: datetime | None,
    trained_at: datetime | None,
    at: datetime,
    policy: TriggerPolicy,
    due_to: Due = Due.RETURN,
    model_last: datetime | None = None,
    idle: int = 0,
) -> Trigger:
    """Return whether training is due after the hours in `window` (net returns, oldest first, at most N of them).

    `model_last` is the newest kline that the deciding model has seen, None without a model; `idle` how many runs in a
    row it could have taken a position and had none.
    """
    total, runs = math.fsum(window), len(window)
    cools_until = None if trained_at is None else trained_at + policy.cooldown
    is_cooling = cools_until is not None and at < cools_until
    if due_since is not None:
        named = "" if due_to is Due.RETURN else f" ({due_to})"
        why = f"due since {due_since:%Y-%m-%d %H:%M} UTC{named}, no training has finished since"
    elif not is_cooling and runs >= policy.min_runs and total < policy.threshold:
        due_since, due_to = at, Due.RETURN
        why = f"net return {total:+.4f} over the last {runs} runs is below {policy.threshold:+.4f}"
    elif not is_cooling and policy.max_model_age and model_last and at - model_last > policy.max_model_age:
        due_since, due_to = at, Due.AGE
        why = f"the model has seen nothing after {model_last:%Y-%m-%d %H:%M} UTC, {(at - model_last).days} days ago"
    elif not is_cooling and policy.max_idle and idle >= policy.max_idle:
        due_since, due_to = at, Due.IDLE
        why = f"no position for {idle} runs in which the model could have taken one"
    else:
        due_to = Due.RETURN
        why = _why_not(total, runs=runs, until=cools_until if is_cooling else None, policy=policy)
    return Trigger(cumulative=total, runs=runs, due_since=due_since, why=why, due_to=due_to)


def _why_not(total: float, *, runs: int, until: datetime | None, policy: TriggerPolicy) -> str:
    if runs < policy.min_runs:
        return f"{runs} of at least {policy.min_runs} runs"
    if until is not None:
        return f"cooling down until {until:%Y-%m-%d %H:%M} UTC"
    return f"net return {total:+.4f} over the last {runs} runs is not below {policy.threshold:+.4f}"
