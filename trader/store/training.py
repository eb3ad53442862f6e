"""Who trains a symbol now, and when trainings were begun: one small object, changed by compare-and-swap only.

    training/BTCUSDT/1h.json

It is no lock that holds by itself: who has it gives signs of life, and who finds it silent for long takes it.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadData, NewerSchema
from trader.ports import ObjectStorage, StoredObject
from trader.store.codec import from_json, to_json

SCHEMA = 1
NOBODY = ""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLease:
    """Whose training is under way, and the market times at which trainings were begun lately, oldest first.

    `beat` grows with each sign of life of the owner, so that the object's tag changes.
    """

    schema: int = SCHEMA
    owner: str = NOBODY
    beat: int = 0
    begun: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLease:
    """A lease with the tag that a conditional write has to name, None when nothing is stored yet."""

    lease: TrainingLease
    etag: str | None


class TrainingLeases:
    """The lease of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._key = f"training/{symbol}/{interval}.json"

    def read(self) -> StoredLease:
        """Return the lease as it is; a damaged one is nobody's: it must not keep the bot from training for ever."""
        stored = self._storage.get(self._key)
        if stored is None:
            return StoredLease(lease=TrainingLease(), etag=None)
        return StoredLease(lease=self._decoded(stored), etag=stored.etag)

    def write(self, stored: StoredLease, lease: TrainingLease) -> StoredLease:
        """Write the lease that follows on `stored`. Raises Conflict when somebody else was faster."""
        data = to_json(lease)
        if stored.etag is None:
            return StoredLease(lease=lease, etag=self._storage.create(self._key, data))
        return StoredLease(lease=lease, etag=self._storage.replace(self._key, data, stored.etag))

    def _decoded(self, stored: StoredObject) -> TrainingLease:
        try:
            return from_json(TrainingLease, stored.data, key=self._key, schema=SCHEMA)
        except NewerSchema:
            raise
        except BadData as error:
            log.warning("%s; it is begun anew", error)
            return TrainingLease()
