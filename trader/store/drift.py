"""Drift in storage: what each model is compared with, the newest report, and every alarm so far.

drift/BTCUSDT/1h.json               the newest report, and the history of alarms
drift/BTCUSDT/1h/<model id>.json    the reference of a model, made once; can be made again from the klines
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from trader.core.errors import BadData, NewerSchema
from trader.ml.drift.reference import SCHEMA as REFERENCE_SCHEMA
from trader.ml.drift.reference import Reference
from trader.ml.drift.report import DriftReport
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

SCHEMA = 1
MOST = 1000
log = logging.getLogger(__name__)
Kept = TypeVar("Kept", Reference, "DriftLog")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEpisode:
    """One alarm from the look that first saw it to the first that did not; `ended` is None while it lasts."""

    name: str
    model_id: str | None
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftLog:
    """The newest report and the newest thousand alarms, oldest first."""

    schema: int = SCHEMA
    newest: DriftReport | None = None
    episodes: tuple[AlarmEpisode, ...] = ()

    def after(self, report: DriftReport) -> "DriftLog":
        """Return the log after one more look: what is not beyond its limit any more has ended, the rest goes on."""
        going = {each.name for each in self.episodes if each.ended is None}
        kept = [
            each if each.ended is not None or each.name in report.alarms else replace(each, ended=report.checked_at)
            for each in self.episodes
        ]
        new = [
            AlarmEpisode(name=name, model_id=report.model_id, began=report.checked_at)
            for name in report.alarms
            if name not in going
        ]
        return DriftLog(newest=report, episodes=(*kept, *new)[-MOST:])

    def new_alarms(self, report: DriftReport) -> tuple[str, ...]:
        """Return the alarms of a report that were not going on before it: what is worth telling."""
        going = {each.name for each in self.episodes if each.ended is None}
        return tuple(name for name in report.alarms if name not in going)


class DriftStore:
    """What is kept about the drift of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._key = f"drift/{symbol}/{interval}.json"
        self._prefix = f"drift/{symbol}/{interval}/"

    def log(self) -> DriftLog:
        """Return the log; one that is lost or damaged begins anew. Raises NewerSchema when a newer version wrote it."""
        return self._read(DriftLog, self._key, schema=SCHEMA) or DriftLog()

    def add(self, report: DriftReport) -> DriftLog:
        """Write down one more look and return the log after it."""
        changed = self.log().after(report)
        self._storage.put(self._key, to_json(changed))
        return changed

    def reference(self, model_id: str) -> Reference | None:
        """Return a model's reference, None when there is none (any more). Raises NewerSchema as `log` does."""
        return self._read(Reference, f"{self._prefix}{model_id}.json", schema=REFERENCE_SCHEMA)

    def keep(self, reference: Reference) -> None:
        """Write a reference, over one for other settings."""
        self._storage.put(f"{self._prefix}{reference.model_id}.json", to_json(reference))

    def _read(self, kind: type[Kept], key: str, *, schema: int) -> Kept | None:
        stored = self._storage.get(key)
        if stored is None:
            return None
        try:
            return from_json(kind, stored.data, key=key, schema=schema)
        except NewerSchema:
            raise
        except BadData as error:
            log.warning("%s; it is begun anew", error)
            return None
