"""The trackers of one publication: begun once, handed everything of all symbols, waited for once, and then given up."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trader.core.tracking import Dispatch, Receipt
from trader.jobs.bot import Bot
from trader.jobs.outlets import Outlets
from trader.jobs.told import Told
from trader.jobs.track import MOST_ROWS, Segment, dispatch_of, fold, params_of, segments
from trader.ports import Sending
from trader.store.publication import Cursor, TrackedRun

_LEAST_SECONDS = 1.0
"""What a tracker gets even when everything else has taken long: its receipts are there by then, or never."""
_MOST_STUDIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """Something that was handed to a tracker: rows of a tracked run, a study, or (neither) charts."""

    told: Told
    segment: Segment | None = None
    study: str = ""


class Trackers:
    """All trackers of a bot, while one process tells them something."""

    def __init__(self, bot: Bot, outlets: Outlets) -> None:
        self._bot = bot
        self._outlets = outlets
        self._began = bot.host.monotonic()
        self._sendings: dict[str, Sending] = {}
        self._sent: dict[str, list[_Sent]] = {}

    def begin(self) -> None:
        """Let those that have not begun get ready, in the background."""
        for tracker in self._outlets.trackers:
            if tracker.name not in self._sendings:
                self._sendings[tracker.name] = tracker.begin()
                self._sent[tracker.name] = []

    def add_rows(self, told: Told) -> None:
        """Hand every tracker the rows of the ledger that it has not got yet."""
        for name in self._sendings:
            cursor = told.cursor(name)
            rows = told.desk.ledger.after(cursor.open_time).slice(0, MOST_ROWS).to_pylist()
            prefix, interval = f"{told.desk.symbol}-{self._bot.interval}", self._bot.interval
            for segment in segments(rows, cursor=cursor, prefix=prefix, interval=interval, summary=told.summary):
                self._add(name, self._rows(told, segment, cursor=cursor), _Sent(told=told, segment=segment))

    def _rows(self, told: Told, segment: Segment, *, cursor: Cursor) -> Dispatch:
        params: dict[str, str] = {}
        if segment.run.name not in cursor.known and segment.run.model_id:
            params = params_of(told.desk.models.card(segment.run.model_id), costs=self._outlets.costs)
        return dispatch_of(
            segment,
            experiment=self._outlets.experiment,
            known=cursor.known,
            tags=self._tags(told),
            params=params,
        )

    def _tags(self, told: Told) -> dict[str, str]:
        bot = self._bot
        return {"bot": bot.bot_id, "mode": bot.mode, "symbol": told.desk.symbol, "interval": bot.interval}

    def add_charts(self, told: Told, folder: Path) -> None:
        """Draw charts and tables for the trackers whose last ones are old; they belong to the run that is written."""
        due = {name: run for name in self._sendings if (run := self._charts_due(told, name)) is not None}
        if not due or told.summary is None:
            return
        from trader.jobs.charts import write_charts  # noqa: PLC0415 - drawing is not for every run

        files = write_charts(told.desk, told.summary, folder=folder, since=min(run.since for run in due.values()))
        for name, run in due.items():
            self._add(name, self._files(told, name, run.name, files), _Sent(told=told))

    def _files(self, told: Told, name: str, run: str, files: Mapping[str, str]) -> Dispatch:
        known = told.cursor(name).known.get(run)
        return Dispatch(experiment=self._outlets.experiment, run=run, run_id=known, files=files)

    def _charts_due(self, told: Told, name: str) -> TrackedRun | None:
        """Return the tracked run that charts are due for, None when the last ones are young enough."""
        cursor, every = told.cursor(name), self._outlets.charts_every
        rows = [sent.segment for sent in self._sent[name] if sent.told is told and sent.segment is not None]
        run = rows[-1].run if rows else cursor.run
        if every is None or run is None:
            return None
        is_old = cursor.charts_at is None or told.at - cursor.charts_at >= every
        return run if is_old or run != cursor.run else None

    def add_study(self, told: Told, study_id: str, folder: Path) -> None:
        """Hand over a study that has ended to those that do not have it: its trials, and its charts."""
        lacking = [name for name in self._sendings if study_id not in told.cursor(name).studies]
        if not lacking:
            return
        from trader.jobs.charts import study_files, study_steps  # noqa: PLC0415 - drawing is not for every run

        steps, files = study_steps(told.desk, study_id), study_files(told.desk, study_id, folder=folder)
        for name in lacking:
            run = f"{told.desk.symbol}-{self._bot.interval} study {study_id}"
            dispatch = replace(self._files(told, name, run, files), steps=steps, tags=self._tags(told))
            self._add(name, dispatch, _Sent(told=told, study=study_id))

    def _add(self, name: str, dispatch: Dispatch, sent: _Sent) -> None:
        self._sent[name].append(sent)
        self._sendings[name].add(dispatch)

    def finish(self) -> None:
        """Wait for each as long as its time lasts, and note how far it has come."""
        for name, sending in self._sendings.items():
            left = self._outlets.seconds - (self._bot.host.monotonic() - self._began)
            receipts = sending.finish(max(left, _LEAST_SECONDS))
            pairs = list(zip(self._sent[name], receipts, strict=True))
            for told in {id(sent.told): sent.told for sent, _ in pairs}.values():
                _note(name, told, [(sent, receipt) for sent, receipt in pairs if sent.told is told])
        self._sendings.clear()


def _note(name: str, told: Told, pairs: list[tuple[_Sent, Receipt]]) -> None:
    """Move a tracker's cursor by the receipts of one symbol."""
    rows = [(sent.segment, receipt) for sent, receipt in pairs if sent.segment is not None]
    cursor = told.cursor(name)
    if rows:
        cursor = fold(cursor, [segment for segment, _ in rows], [receipt for _, receipt in rows], at=told.at)
    for sent, receipt in pairs:
        if receipt.error or sent.segment is not None:
            continue
        if sent.study:
            cursor = replace(cursor, studies=(*cursor.studies, sent.study)[-_MOST_STUDIES:])
        else:
            cursor = replace(cursor, charts_at=told.at)
    told.move(name, cursor)
    errors = [receipt.error for _, receipt in pairs if receipt.error]
    if errors:
        told.problem(f"tracker {name}", errors[0], "what it did not get is sent after a later run")
