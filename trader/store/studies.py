"""Studies: every trial of every search, kept for life.

studies/BTCUSDT/1h/<study id>/study.json     what it is about, written first
studies/BTCUSDT/1h/<study id>/0007.json      one trial, created when it is done and never replaced
studies/BTCUSDT/1h/<study id>/trials.json    all of them and why there are no more, written last
studies/BTCUSDT/1h/<study id>/report.json    what the newest training made of it: scores, checks, gate, outcome

A search that is killed leaves the trials it has done; one with the same id, which is about the same, goes on from them.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadConfig, BadData, Conflict
from trader.ml.plan import SCHEMA as PLAN_SCHEMA
from trader.ml.plan import SearchPlan
from trader.ml.report import SCHEMA as REPORT_SCHEMA
from trader.ml.report import TrainingReport
from trader.ml.study import SCHEMA, Study, Trial
from trader.ports import ObjectStorage, StoredObject
from trader.store.codec import from_json, to_json

_STUDY_ID = re.compile(r"[0-9]{8}T[0-9]{4}-[0-9a-f]{10}")
_TRIAL = re.compile(r"([0-9]{4,})\.json")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """What a study is about, and when it was begun (market time). `digest` is that of `ml/plan.digest`."""

    schema: int = PLAN_SCHEMA
    study_id: str
    symbol: str
    interval: str
    digest: str
    begun_at: datetime
    plan: SearchPlan


class StudyStore:
    """The studies of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._symbol = symbol
        self._interval = interval
        self._prefix = f"studies/{symbol}/{interval}/"

    def begin(self, study_id: str, *, plan: SearchPlan, digest: str, now: datetime) -> tuple[Trial, ...]:
        """Return the trials that a study has already, after writing what it is about if it is new.

        Raises BadData when the id belongs to a study about something else, or one of its objects is damaged.
        """
        key = f"{self._folder(study_id)}study.json"
        record = StudyRecord(
            study_id=study_id, symbol=self._symbol, interval=self._interval, digest=digest, begun_at=now, plan=plan
        )
        try:
            self._storage.create(key, to_json(record))
        except Conflict:
            found = self.record(study_id)
            if found.digest != digest:
                raise BadData(f"{key} is about something else than this search; restore or remove that study") from None
        return self.trials(study_id)

    def add(self, study_id: str, trial: Trial) -> None:
        """Write a trial that is done; the same one twice is fine. Raises Conflict when another one has its number."""
        key = f"{self._folder(study_id)}{trial.number:04d}.json"
        try:
            self._storage.create(key, to_json(trial))
        except Conflict:
            stored = self._storage.get(key)
            if stored is None or _trial(stored, key=key) != trial:
                raise Conflict(f"{key} holds another trial of that number; somebody else runs this study") from None

    def finish(self, study_id: str, study: Study) -> None:
        """Write a study as a whole, unless one with more trials is stored."""
        key = f"{self._folder(study_id)}trials.json"
        for _ in range(_ATTEMPTS):
            stored = self._storage.get(key)
            try:
                if stored is None:
                    self._storage.create(key, to_json(study))
                elif len(_study(stored, key=key).trials) < len(study.trials):
                    self._storage.replace(key, to_json(study), stored.etag)
            except Conflict:
                continue
            return
        raise Conflict(f"{key}: others write to it all the time; try again")

    def trials(self, study_id: str) -> tuple[Trial, ...]:
        """Return the trials of a study in their order. Raises BadData when one is damaged or missing."""
        folder = self._folder(study_id)
        names = [key.removeprefix(folder) for key in self._storage.keys(folder)]
        count = sum(_TRIAL.fullmatch(name) is not None for name in names)
        found = list(self.study(study_id).trials) if "trials.json" in names else []
        for number in range(len(found), count):
            key = f"{folder}{number:04d}.json"
            stored = self._storage.get(key)
            if stored is None:
                raise BadData(f"{key} is missing, but there are later trials; restore it or remove the study")
            trial = _trial(stored, key=key)
            if trial.number != number:
                raise BadData(f"{key} is trial {trial.number}; restore it or remove the study")
            found.append(trial)
        return tuple(found)

    def study(self, study_id: str) -> Study:
        """Return a study that has ended. Raises BadConfig when there is none of this id, BadData when it is damaged."""
        key = f"{self._folder(study_id)}trials.json"
        return _study(self._existing(key), key=key)

    def record(self, study_id: str) -> StudyRecord:
        """Return what a study is about. Raises as `study` does."""
        key = f"{self._folder(study_id)}study.json"
        return from_json(StudyRecord, self._existing(key).data, key=key, schema=PLAN_SCHEMA)

    def write_report(self, study_id: str, report: TrainingReport) -> None:
        """Write what a training made of a study, over that of an earlier one."""
        self._storage.put(f"{self._folder(study_id)}report.json", to_json(report))

    def report(self, study_id: str) -> TrainingReport | None:
        """Return what a training made of a study; None when none has come that far. Raises BadData when damaged."""
        key = f"{self._folder(study_id)}report.json"
        stored = self._storage.get(key)
        return None if stored is None else from_json(TrainingReport, stored.data, key=key, schema=REPORT_SCHEMA)

    def ids(self) -> list[str]:
        """Return the ids of all studies that were begun, oldest first."""
        keys = self._storage.keys(self._prefix)
        return [key.split("/")[-2] for key in keys if key.endswith("/study.json")]

    def _folder(self, study_id: str) -> str:
        if not _STUDY_ID.fullmatch(study_id):
            raise BadConfig(f"{study_id!r} is not a study id (they look like 20220101T0000-0123456789)")
        return f"{self._prefix}{study_id}/"

    def _existing(self, key: str) -> StoredObject:
        stored = self._storage.get(key)
        if stored is None:
            known = ", ".join(self.ids()) or "none yet"
            raise BadConfig(f"{key} does not exist: no such study, or it has not ended; begun: {known}")
        return stored


def _trial(stored: StoredObject, *, key: str) -> Trial:
    return from_json(Trial, stored.data, key=key, schema=SCHEMA)


def _study(stored: StoredObject, *, key: str) -> Study:
    return from_json(Study, stored.data, key=key, schema=SCHEMA)
