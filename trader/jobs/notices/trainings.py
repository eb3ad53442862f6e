"""Notices about trainings: how one ended, and what champion and challenger made of the same hours."""

from datetime import datetime
from typing import TYPE_CHECKING

from trader.core.notices import Level, Notice, Topic
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.notices.wording import count, notice
from trader.jobs.retrain import Retrained, Retraining
from trader.report.text import percent

if TYPE_CHECKING:
    from trader.ml.gate import Side
    from trader.ml.report import TrainingReport

_TOPICS = {
    TrainingOutcome.PROMOTED: (Topic.PROMOTED, Level.SUCCESS, "decides from the next run on"),
    TrainingOutcome.REJECTED: (Topic.REJECTED, Level.INFO, "was rejected; nobody else decides than before"),
    TrainingOutcome.CHALLENGER: (Topic.APPROVAL, Level.WARNING, "waits for your approval"),
}


def of_training(found: Retraining, *, at: datetime, report: "TrainingReport | None" = None) -> tuple[Notice, ...]:
    """Return the notices of a training; none when it was not due, or is left to somebody or to later.

    `report` is that of this training, for the figures. It may be None, or that of another model: then there are none.
    """
    finished = found.finished
    if found.outcome is Retrained.FAILED or (finished is not None and finished.outcome is TrainingOutcome.FAILED):
        return (_failed(found, at=at),)
    if finished is None:
        return ()
    mine = report if report is not None and report.model_id == finished.model_id else None
    return (*_trained(found.symbol, mine, at=at), _ended(found, finished, mine, at=at))


def _failed(found: Retraining, *, at: datetime) -> Notice:
    words = f"it made no model ({found.why})" if found.error is None else str(found.error)
    advice = (
        f"it is tried again; `trader train --if-due --symbol {found.symbol}` does so now, `trader doctor` looks why"
    )
    what = f"the training failed, the model stays: {words}"
    return notice(Topic.TRAINING_FAILED, Level.WARNING, symbol=found.symbol, at=at, what=what, advice=advice)


def _trained(symbol: str, report: "TrainingReport | None", *, at: datetime) -> tuple[Notice, ...]:
    """Return what the search has come to."""
    if report is None:
        return ()
    study = report.study
    score = "" if study.score is None else f", best score {study.score:+.4f}"
    what = f"trained ({report.why}): {count(study.trials, 'trial')} in {study.seconds:.0f} s{score}; {report.result}"
    return (notice(Topic.TRAINED, Level.INFO, symbol=symbol, at=at, what=what),)


def _ended(found: Retraining, finished: FinishedTraining, report: "TrainingReport | None", *, at: datetime) -> Notice:
    topic, level, words = _TOPICS[finished.outcome]
    symbol, model = found.symbol, finished.model_id
    figures = "" if report is None else _before_and_after(report)
    advice = f"`trader models show --symbol {symbol} {model}` has the report"
    if topic is Topic.APPROVAL:
        advice += f'; to let it decide: `trader models promote --symbol {symbol} {model} --why "..."`'
    what = f"model {model} {words} ({found.why}){figures}"
    return notice(topic, level, symbol=symbol, at=at, what=what, advice=advice)


def _before_and_after(report: "TrainingReport") -> str:
    """Return what both sides made of the hold-out; the new model alone where there was nobody to compare it with."""
    verdict = report.verdict
    if verdict is not None:
        span = f"{verdict.first:%Y-%m-%d} to {verdict.last:%Y-%m-%d}"
        sides = f"before {_side(verdict.champion)}, after {_side(verdict.challenger)}"
        return f"; hold-out {span}: {sides}; {verdict.why}"
    if report.hold_out is not None:
        metrics = report.hold_out.metrics
        return f"; hold-out: {percent(metrics.net)} net in {count(metrics.round_trips, 'round trip')}"
    return ""


def _side(side: "Side | None") -> str:
    return "unknown" if side is None else f"{percent(side.net)} net in {count(side.round_trips, 'round trip')}"
