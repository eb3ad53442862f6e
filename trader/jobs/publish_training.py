"""After a training, or a person's word about a model: the models' pages, notices, and the study for the trackers.

As after a run, nothing of it can fail what it is about.
"""

import logging
import tempfile
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from trader.core.errors import TraderError
from trader.jobs import dashboard, notices
from trader.jobs.bot import Desk
from trader.jobs.model_note import note_of
from trader.jobs.outlets import Outlets
from trader.jobs.publish import notify, show
from trader.jobs.retrain import Retrained, Retraining
from trader.jobs.send import Trackers
from trader.jobs.told import Told
from trader.ml.report import TrainingReport
from trader.store.studies import StudyStore

log = logging.getLogger(__name__)


def publish_training(desk: Desk, found: Retraining | None, *, at: datetime, outlets: Outlets) -> None:
    """Tell of a training; `found` is None for one that was asked for by hand, whose caller has told of it already."""
    if found is not None and found.outcome not in (Retrained.FINISHED, Retrained.FAILED):
        return
    try:
        _publish(desk, found, at=at, outlets=outlets)
    except Exception:  # not even a bug in here may fail a training that has ended
        log.exception("%s: the training could not be published", desk.symbol)


def publish_models(desk: Desk, *, at: datetime, outlets: Outlets) -> None:
    """Show what a person's word has changed about the models."""
    try:
        told = Told(desk=desk, at=at)
        told.read()
        told.attempt("models", partial(_show_models, told, outlets))
        told.keep()
    except TraderError as error:
        log.warning("%s: the dashboard does not show it yet: %s", desk.symbol, error)


def _publish(desk: Desk, found: Retraining | None, *, at: datetime, outlets: Outlets) -> None:
    told, trackers = Told(desk=desk, at=at), Trackers(desk.bot, outlets)
    trackers.begin()
    try:
        told.read()
    except TraderError as error:
        log.warning("%s: the training is not published: %s", desk.symbol, error)
        trackers.finish()
        return
    studies = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    with tempfile.TemporaryDirectory(prefix="trader-study-") as folder:
        told.attempt("study", partial(_send_study, told, studies, trackers, Path(folder)))
        told.attempt("models", partial(_show_models, told, outlets))
        trackers.finish()
    if found is not None:
        told.attempt("notices", partial(_gather, told, studies, found))
        notify([told], outlets)
    told.attempt("publication", told.keep)


def _send_study(told: Told, studies: StudyStore, trackers: Trackers, folder: Path) -> None:
    newest = max(studies.ids(), default=None)
    if newest is not None and studies.report(newest) is not None:
        trackers.add_study(told, newest, folder)


def _show_models(told: Told, outlets: Outlets) -> None:
    told.publication = replace(told.publication, model=note_of(told.desk))
    if outlets.assets is None or told.publication.newest is None:
        return
    dashboard.write_models(told.desk)
    told.forward = dashboard.bring_forward(
        told.desk, newest=told.publication.newest, horizons=told.publication.horizons
    )
    show(told, outlets)


def _gather(told: Told, studies: StudyStore, found: Retraining) -> None:
    report: TrainingReport | None = None
    if found.finished is not None and found.finished.model_id:
        study = told.desk.models.card(found.finished.model_id).study
        report = studies.report(study) if study else None
    told.notices += notices.of_training(found, at=told.at, report=report)
