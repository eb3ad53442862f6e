"""What a search has tried: trials, and the study that they make up. Everything here is kept as JSON; nothing is NaN."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

SCHEMA = 1


class Objective(StrEnum):
    """What a search maximises: the sum of hourly returns after costs, or before."""

    NET = "net"
    GROSS = "gross"


class TrialState(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class WhyStopped(StrEnum):
    """Why a study ended."""

    TRIALS = "all trials are done"
    SECONDS = "the time was up"
    ASKED = "it was asked to stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One recipe, scored over the span of its study, or as far as it came.

    `score` is `net` or `gross`, as the objective says: sums over the hours decided. `sharpe` is per kline, not annual,
    of the net returns; None when they are constant. `fold_scores` has an element a fold done, `daily` the net return of
    each UTC day, the first and the last one maybe in part. A failed trial has no figures, and `why`; of a recipe that
    was put into the queue `why` says what was changed about it. `is_evidence`: complete, with enough round trips to
    win. `seconds` are the machine's and no part of what was found.
    """

    schema: int = SCHEMA
    number: int
    state: TrialState
    parameters: Mapping[str, int | float | str]
    score: float | None = None
    gross: float | None = None
    net: float | None = None
    round_trips: int = 0
    is_evidence: bool = False
    sharpe: float | None = None
    folds: int = 0
    fold_scores: tuple[float, ...] = ()
    daily: tuple[float, ...] = ()
    why: str = ""
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All trials of a search in their order, and why there are no more.

    `first` and `last` are the open times of the first and last kline decided on, `folds` how many a complete trial has;
    `digest` is over everything that determines the trials.
    """

    schema: int = SCHEMA
    digest: str
    first: datetime
    last: datetime
    folds: int
    trials: tuple[Trial, ...]
    why_stopped: WhyStopped
    seconds: float = field(default=0.0, compare=False)

    @property
    def best(self) -> Trial | None:
        """The trial with the highest score among those that are evidence, of equal ones the first; None without any."""
        return max((trial for trial in self.trials if trial.is_evidence), key=_score, default=None)

    @property
    def is_reproducible(self) -> bool:
        """Whether another machine would have tried the same: not when it was the clock or a person that ended it."""
        return self.why_stopped is WhyStopped.TRIALS

    def count(self, state: TrialState) -> int:
        """Return how many trials ended so."""
        return sum(trial.state is state for trial in self.trials)

    def commonest_failure(self) -> str:
        """Return the reason that most failed trials give; empty when none failed."""
        reasons = Counter(trial.why for trial in self.trials if trial.state is TrialState.FAILED)
        return reasons.most_common(1)[0][0] if reasons else ""


def _score(trial: Trial) -> float:
    return float("-inf") if trial.score is None else trial.score
