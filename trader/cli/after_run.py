"""What follows runs: they are told, and the training that they leave due is done, live or in a replay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from trader.config import Settings
from trader.core.errors import TraderError
from trader.core.journal import RunRecord
from trader.core.policy import Method, Timing
from trader.core.training import FinishedTraining

if TYPE_CHECKING:
    from trader.jobs.bot import Bot, Desk
    from trader.jobs.replay import AfterRun
    from trader.jobs.retrain import Retraining, RetrainLimits, Train
    from trader.jobs.symbols import SymbolRun


def limits_of(settings: Settings, *, has_deadline: bool) -> "RetrainLimits":
    """Return when a training may begin; on a virtual clock it takes no time, so there is none to be late by."""
    from trader.jobs.retrain import RetrainLimits

    section = settings.retrain
    return RetrainLimits(
        timing=section.timing,
        max_per_day=section.max_per_day,
        min_seconds=section.min_seconds,
        lease=timedelta(seconds=section.lease_seconds),
        has_deadline=has_deadline,
    )


def tell_runs(bot: "Bot", runs: "Sequence[SymbolRun]", *, settings: Settings) -> None:
    """Tell trackers, dashboard and people of runs; what only that needs is loaded here, after the orders."""
    from trader.bootstrap.outlets import build_outlets
    from trader.jobs.publish import publish_runs

    publish_runs(bot, runs, outlets=build_outlets(settings))


def tell_failure(error: TraderError, *, settings: Settings) -> None:
    """Tell people that nothing could be run."""
    from trader.adapters.clocks import WallClock
    from trader.bootstrap.outlets import build_outlets
    from trader.jobs.publish import publish_failure

    publish_failure(error, at=WallClock().now(), outlets=build_outlets(settings))


def say_where(bot: "Bot", *, settings: Settings) -> None:
    """Print where the dashboard is, and where a tracker keeps its file."""
    from trader.bootstrap.outlets import TRACKING_FOLDER, local_folder, tracker_kinds
    from trader.config.watching import TrackerKind
    from trader.jobs.dashboard import locate

    folder = local_folder(settings)
    if settings.dashboard.enabled:
        typer.echo(f"look    {locate(bot.storage)} in a browser: every run, model and chart; no server is needed")
    has_file = folder is not None and not settings.tracker.mlflow_uri.get_secret_value()
    if has_file and TrackerKind.MLFLOW in tracker_kinds(settings):
        typer.echo(f"        MLflow keeps it in {folder}/{TRACKING_FOLDER}/mlflow.db (docs/trackers.md)")


def tell_training(desk: "Desk", found: "Retraining | None", *, settings: Settings) -> None:
    """Tell of a training that has ended: None for one that was asked for by hand."""
    from trader.bootstrap.outlets import build_outlets
    from trader.jobs.publish_training import publish_training

    publish_training(desk, found, at=_now(desk), outlets=build_outlets(settings))


def tell_models(desk: "Desk", *, settings: Settings) -> None:
    """Show what a person's word has changed about the models."""
    from trader.bootstrap.outlets import build_outlets
    from trader.jobs.publish_training import publish_models

    publish_models(desk, at=_now(desk), outlets=build_outlets(settings))


def _now(desk: "Desk") -> datetime:
    """Return the market's time, this machine's while the market does not say."""
    try:
        return desk.bot.clock.now()
    except TraderError:
        return desk.bot.host.now()


def retrain_after(bot: "Bot", records: Iterable[RunRecord], *, settings: Settings, quietly: bool) -> None:
    """Do what the runs of these records left due. Nothing that happens here changes how the command ends."""
    from trader.jobs.bot import Desk

    for record in records:
        is_due = record.state is not None and record.state.paper.due_since is not None
        if not is_due and not settings.drift.retrain:
            continue
        found = retrain(bot, record, settings=settings)
        tell_training(Desk(bot=bot, symbol=record.key.symbol), found, settings=settings)
        said = describe(found)
        if said:
            typer.echo(said, err=quietly)


def training_after(settings: Settings) -> "AfterRun":
    """Return what a replay does after each run, whoever trains live: its clock stands still, so no hour runs out."""
    from trader.jobs.retrain import retrain_if_due

    limits = replace(limits_of(settings, has_deadline=False), timing=Timing.AFTER_ORDER)
    return partial(retrain_if_due, train=trainer(settings, is_timed=False), limits=limits)


def retrain(bot: "Bot", record: RunRecord, *, settings: Settings) -> "Retraining":
    """Do what the run of this record left due, by the clock of the bot; what only a training needs is made in it."""
    from trader.adapters.clocks import VirtualClock
    from trader.jobs.bot import Desk
    from trader.jobs.retrain import retrain_if_due

    def train(
        desk: "Desk", *, why: str, deadline_seconds: float | None, heartbeat: Callable[[], None]
    ) -> FinishedTraining:
        work = trainer(settings, is_timed=True)  # wrong settings or a missing library are its failure, not the run's
        return work(desk, why=why, deadline_seconds=deadline_seconds, heartbeat=heartbeat)

    limits = limits_of(settings, has_deadline=not isinstance(bot.clock, VirtualClock))
    desk = Desk(bot=bot, symbol=record.key.symbol)
    asked = drift_of(desk, record) if settings.drift.retrain else ""
    return retrain_if_due(desk, record, train=train, limits=limits, asked=asked)


def drift_of(desk: "Desk", record: RunRecord) -> str:
    """Return what the newest look for drift says for a training, empty when nothing, or when another model decides."""
    from trader.store.publication import read_publication

    try:
        found = read_publication(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval).drift
    except TraderError:
        return ""
    model_id = record.inputs.model_id if record.inputs else None
    if found is None or not found.wants_training or found.model_id != model_id:
        return ""
    return f"drift since training: {', '.join(found.alarms)}"


def trainer(settings: Settings, *, is_timed: bool) -> "Train":
    """Return the training that the settings ask for; one that is not timed is bounded by its trials alone."""
    if settings.retrain.method is Method.REFIT:
        from trader.jobs.fit_again import fit_again

        return fit_again
    from trader.bootstrap import build_training
    from trader.cli.output import Bar
    from trader.jobs.training.job import train

    setup = build_training(settings, progress=Bar(silent=not is_timed))
    setup = setup if is_timed else replace(setup, seconds=None)

    def search(
        desk: "Desk", *, why: str, deadline_seconds: float | None, heartbeat: Callable[[], None]
    ) -> FinishedTraining:
        return train(desk, why=why, deadline_seconds=deadline_seconds, heartbeat=heartbeat, setup=setup).finished

    return search


def describe(found: "Retraining") -> str:
    """Return a line for people, empty when nothing was due."""
    if found.finished is not None:
        model = found.finished.model_id
        report = f"; `trader models show --symbol {found.symbol} {model}` has the report" if model else ""
        return f"{found.symbol}: trained, {f'{found.finished.outcome} {model}'.strip()} ({found.why}){report}"
    if found.outcome == "not-due":
        return ""
    return f"{found.symbol}: no training ({found.outcome}): {found.why}"


def as_plain(found: "Retraining") -> dict[str, Any]:
    """Return one training for programs."""
    return {
        "symbol": found.symbol,
        "kline": found.open_time,
        "outcome": found.outcome,
        "why": found.why,
        "finished": found.finished,
        "error": None if found.error is None else str(found.error),
    }
