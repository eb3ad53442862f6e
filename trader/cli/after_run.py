"""The training that a run leaves due: done after its order, live or in a replay, and told in words or JSON."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from trader.config import Settings
from trader.core.journal import RunRecord
from trader.core.policy import Method, Timing
from trader.core.training import FinishedTraining

if TYPE_CHECKING:
    from trader.jobs.bot import Bot, Desk
    from trader.jobs.replay import AfterRun
    from trader.jobs.retrain import Retraining, RetrainLimits, Train


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


def retrain_after(bot: "Bot", records: Iterable[RunRecord], *, settings: Settings, quietly: bool) -> None:
    """Do what the runs of these records left due. Nothing that happens here changes how the command ends."""
    due = [record for record in records if record.state is not None and record.state.paper.due_since is not None]
    for record in due:
        said = describe(retrain(bot, record, settings=settings))
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
    return retrain_if_due(Desk(bot=bot, symbol=record.key.symbol), record, train=train, limits=limits)


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
