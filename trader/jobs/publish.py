"""After the commit: trackers, charts, dashboard and notices. The one place that says that none of it matters to a run.

Whatever goes wrong in here is written down, shown, and otherwise passed over: a run has been committed before. Trackers
and the notifier work in processes of their own and are given up when their time is over. What did not arrive is sent
after a later run.
"""

import logging
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from trader.core.errors import TraderError
from trader.core.notices import Notice
from trader.jobs import dashboard, notices
from trader.jobs.bot import Bot, Desk
from trader.jobs.model_note import note_of
from trader.jobs.outlets import Outlets
from trader.jobs.problems import is_current
from trader.jobs.run import HourPassed, Outcome
from trader.jobs.send import Trackers
from trader.jobs.symbols import SymbolRun
from trader.jobs.told import Told
from trader.store.ledger_rows import row_of
from trader.store.publication import LastRun
from trader.version import running

log = logging.getLogger(__name__)
_SAID = logging.INFO
"""The level of what the command has said already: a failed run, and what fails after it for the same reason."""
_MOST_UNSENT = 20
_TOGETHER, _SPARE, _LEAST = 9.5, 1.5, 1.0
"""Seconds for trackers and notifier together; what the latter has after the former; what it has at least."""
_ENOUGH = 4.0
"""Seconds after which no further symbol is drawn or looked at for drift: that is left to the next runs."""
_STALE = timedelta(days=1)
"""What nobody could be told for this long is told by the dashboard alone."""


def publish_runs(bot: Bot, runs: Sequence[SymbolRun], *, outlets: Outlets) -> None:
    """Tell of what these runs have committed, and of those that failed. Raises nothing but what ends the process."""
    try:
        _publish(bot, runs, outlets=outlets)
    except Exception:  # not even a bug in here may fail a run that is committed
        log.exception("what these runs did could not be published")


def _publish(bot: Bot, runs: Sequence[SymbolRun], *, outlets: Outlets) -> None:
    """Do everything there is to do, in the order in which the slow parts overlap most."""
    began, trackers = bot.host.monotonic(), Trackers(bot, outlets)
    if any(run.outcome is Outcome.DONE for run in runs):
        trackers.begin()
    told = [each for run in runs if (each := _opened(bot, run)) is not None]
    if told:
        trackers.begin()
    for each in told:
        each.attempt("dashboard", partial(_summarise, each, outlets))
        each.attempt("tracker", partial(trackers.add_rows, each))
    with tempfile.TemporaryDirectory(prefix="trader-charts-") as folder:
        for each in told:
            if bot.host.monotonic() - began > _ENOUGH:
                break
            each.attempt("charts", partial(trackers.add_charts, each, Path(folder) / each.desk.symbol))
            each.attempt("daily look", partial(_look, each, outlets))
        trackers.finish()
    for each in told:
        for name, why in outlets.broken.items():
            each.problem(name, why)
        each.attempt("notices", partial(_gather, each))
    failed = [each for run in runs if (each := _failed(bot, run)) is not None]
    left = max(_TOGETHER, outlets.seconds + _SPARE) - (bot.host.monotonic() - began)
    notify([*told, *failed], outlets, left=left)
    for each in failed:
        each.attempt("publication", each.keep, level=_SAID)
    for each in told:
        each.attempt("dashboard", partial(show, each, outlets))
        each.attempt("publication", each.keep)


def _opened(bot: Bot, run: SymbolRun) -> Told | None:
    """Return what is to be told of a run, None when there is nothing, or all was told by an earlier process."""
    if run.record is None or run.outcome not in (Outcome.DONE, Outcome.ALREADY_DONE):
        return None
    record = run.record
    told = Told(
        desk=run.desk or Desk(bot=bot, symbol=run.symbol), at=record.completed_at or record.started_at, record=record
    )
    try:
        told.read()
    except TraderError as error:
        log.warning("%s: nothing is published: %s", record.key, error)
        return None
    newest = told.publication.newest
    return told if newest is None or newest < record.key.open_time else None


def _failed(bot: Bot, run: SymbolRun) -> Told | None:
    """Return what is to be told of a run that failed, None when it did not, or when nothing can be written down.

    Its time is this machine's: the market, whose time runs go by, may be what failed.
    """
    if run.error is None or isinstance(run.error, HourPassed):  # an hour that somebody asked for by hand
        return None
    told = Told(desk=run.desk or Desk(bot=bot, symbol=run.symbol), at=_host_time(bot))
    try:
        told.read()
        told.is_kept = told.publication.newest is not None  # a misspelt symbol must not be what a store begins with
    except TraderError as error:  # people are told all the same, if once for every try
        log.log(_SAID, "%s: %s", run.symbol, error)
        told.is_kept = False
    told.notices.append(notices.of_failure(run.symbol, run.error, at=told.at))
    told.problem("run", str(run.error), level=_SAID)
    return told


def _host_time(bot: Bot) -> datetime:
    return bot.clock.now() if bot.mode == "demo" else bot.host.now()  # the demo's hours are not this machine's


def publish_failure(error: TraderError, *, at: datetime, outlets: Outlets) -> None:
    """Tell people that nothing could be run at all, each time: where it could be written down is what failed."""
    if outlets.notifier is None:
        return
    try:
        chosen = notices.due([notices.of_failure("", error, at=at)], sent={}, now=at, rules=outlets.notices)
        done = outlets.notifier.send(chosen.notices, seconds=outlets.notice_seconds)
    except Exception:  # what failed first is what the command ends with
        log.exception("nobody could be told that nothing could be run")
        return
    if done.error:
        log.warning("notifier: %s", done.error)


def _look(told: Told, outlets: Outlets) -> None:
    """Look for drift in the first run of a UTC day, and sum the day before up."""
    day = f"{told.at:%Y-%m-%d}"
    if told.publication.daily == day:
        return
    is_first = not told.publication.daily
    told.publication = replace(told.publication, daily=day)
    if outlets.drift is not None:
        from trader.jobs.drift import look, store_of  # noqa: PLC0415 - once a day

        before = store_of(told.desk).log()
        report = look(told.desk, now=told.at, rules=outlets.drift)
        told.publication = replace(told.publication, drift=report)
        told.notices += notices.of_drift(told.desk.symbol, replace(report, alarms=before.new_alarms(report)))
    if told.forward is not None and not is_first:
        told.notices.append(notices.daily(told.forward.summary, now=told.at, problems=told.publication.problems))


def _summarise(told: Told, outlets: Outlets) -> None:
    """Bring the summary forward to the run; it is written when everything that stands beside it is known."""
    if outlets.assets is None or told.record is None:
        return
    newest, known = told.record.key.open_time, told.publication.horizons
    told.forward = dashboard.bring_forward(told.desk, newest=newest, horizons=known)
    told.publication = replace(told.publication, horizons=dict(told.forward.horizons))
    model_id = told.record.inputs.model_id if told.record.inputs else None
    note = told.publication.model
    if model_id is not None and (note is None or note.id != model_id):
        told.publication = replace(told.publication, model=note_of(told.desk))


def _gather(told: Told) -> None:
    """Collect what people should be told of the runs since the last publication, and of the trackers."""
    publication, interval = told.publication, told.desk.bot.interval
    rows = told.desk.ledger.after(publication.newest).to_pylist() if publication.newest else []
    rows = rows or ([dict(row_of(told.record))] if told.record else [])
    told.notices += notices.of_runs(rows, symbol=told.desk.symbol, interval=interval, before=publication.last)
    for name, cursor in publication.trackers.items():
        if cursor.failing_since is not None:
            told.notices += notices.of_tracker(
                told.desk.symbol,
                name,
                error=cursor.error,
                since=cursor.failing_since,
                failures=cursor.failures,
                at=told.at,
            )
    if rows:
        last = LastRun(**{name: rows[-1][name] for name in ("halt", "control", "off_target", "not_sent")})
        told.publication = replace(publication, newest=rows[-1]["open_time"], last=last)


def notify(told: Sequence[Told], outlets: Outlets, *, left: float = math.inf) -> None:
    """Send what is due of everybody's notices in one go; what could not be sent is a problem of each.

    `left` are the seconds that everything that was to be told still has.
    """
    going: list[tuple[Told, Notice]] = []
    for each in told:
        chosen = notices.due(each.notices, sent=each.publication.notices, now=each.at, rules=outlets.notices)
        fresh = [kept for kept in each.publication.unsent if each.at - kept.at < _STALE]
        going += [(each, notice) for notice in (*fresh, *chosen.notices)]
        if outlets.notifier is not None:
            each.publication = replace(each.publication, notices=dict(chosen.sent), unsent=())
    if outlets.notifier is None or not going:
        return
    seconds = min(outlets.notice_seconds, max(left, _LEAST))
    done = outlets.notifier.send([notice for _, notice in going], seconds=seconds)
    if not done.error:
        return
    for each in {id(each): each for each, _ in going}.values():
        each.problem("notifier", done.error, "`trader notify --test` tries every URL")
        if not done.reached:
            mine = tuple(notice for other, notice in going if other is each)
            each.publication = replace(each.publication, unsent=mine[-_MOST_UNSENT:])


def show(told: Told, outlets: Outlets) -> None:
    """Write the dashboard's data of one symbol, with everything that stands beside the summary."""
    if told.forward is None or outlets.assets is None:
        return
    dashboard.write(told.desk, told.forward, beside=beside(told, outlets))
    files = outlets.assets()
    bot = told.desk.bot
    version = str(running())
    if told.publication.assets != dashboard.tag_of(bot, assets=files, version=version):
        tag = dashboard.write_index(bot, assets=files, version=version)
        told.publication = replace(told.publication, assets=tag)


def beside(told: Told, outlets: Outlets) -> dict[str, object]:
    """Return what stands beside the summary: problems, limits, the model, the newest look for drift."""
    publication, interval = told.publication, told.desk.bot.interval
    current = [
        each for each in publication.problems if is_current(each, told=publication, now=told.at, interval=interval)
    ]
    return {
        "problems": current,
        "earlier_problems": [each for each in publication.problems if each not in current],
        "policy": outlets.limits,
        "model": publication.model,
        "drift": publication.drift,
        "version": running().version,
    }
