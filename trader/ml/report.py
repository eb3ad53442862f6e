"""The report of a training: everything that speaks for or against what came out of it, kept for life beside the study.

It is what a person reads before approving a challenger. Values only.
"""

from dataclasses import dataclass
from datetime import datetime

from trader.core.evaluation.report import Evaluation
from trader.core.training import TrainingOutcome
from trader.ml.checks import Check
from trader.ml.gate import Verdict
from trader.ml.importance import Importance
from trader.ml.recipe import Recipe
from trader.ml.study import Study, TrialState

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """A search in figures: how many trials ended how, how many independent ones they amount to, and the best of them.

    `effective` is None when there were too few completed trials to tell; `first` and `last` are the open times of the
    first and last kline that trials were scored on.
    """

    study_id: str
    trials: int
    completed: int
    pruned: int
    failed: int
    effective: float | None
    best: int | None
    score: float | None
    is_reproducible: bool
    why_stopped: str
    seconds: float
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """One training from beginning to end. What it did not come to is None or empty.

    `recipe` is the one that won the search; `in_sample` is its walk-forward over the searched span, selected from all
    trials and therefore flattering; `hold_out` is what it made of hours that nothing was chosen by. `why` says why the
    training was begun, `result` in words how it ended.
    """

    schema: int = SCHEMA
    symbol: str
    interval: str
    why: str
    at: datetime
    outcome: TrainingOutcome
    result: str
    model_id: str | None
    champion: str | None
    recipe: Recipe | None
    study: StudySummary
    in_sample: Evaluation | None
    hold_out: Evaluation | None
    importance: Importance | None
    checks: tuple[Check, ...]
    verdict: Verdict | None


def summarise(study: Study, *, study_id: str, effective: float | None) -> StudySummary:
    """Return a study in figures."""
    best = study.best
    return StudySummary(
        study_id=study_id,
        trials=len(study.trials),
        completed=study.count(TrialState.COMPLETE),
        pruned=study.count(TrialState.PRUNED),
        failed=study.count(TrialState.FAILED),
        effective=effective,
        best=None if best is None else best.number,
        score=None if best is None else best.score,
        is_reproducible=study.is_reproducible,
        why_stopped=study.why_stopped,
        seconds=study.seconds,
        first=study.first,
        last=study.last,
    )
