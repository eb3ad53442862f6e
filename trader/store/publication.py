"""What the world has been told of one symbol: how far each tracker has come, which notices went out, what went wrong.

publication/BTCUSDT/1h.json

The ledger is the outbox: a tracker that did not get its rows gets them later, from its cursor on. So nothing is lost
with a container, and nothing of this has to be right for the next run to be.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trader.core.errors import BadData, NewerSchema
from trader.core.notices import Notice
from trader.ml.drift.report import DriftReport
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

log = logging.getLogger(__name__)
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A tracked run by its name, the model it is about ("" before the first one), and its first kline."""

    name: str
    model_id: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far one tracker has come: the newest run of the ledger that has arrived for certain, and its step.

    `run` is the tracked run that is being written, `known` the tracker's own ids by name; `charts_at` and `studies`
    say what else has arrived. `failures` counts the runs in a row after which something was left unsent, since
    `failing_since` and because of `error`.
    """

    open_time: datetime | None = None
    step: int = -1
    run: TrackedRun | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    charts_at: datetime | None = None
    studies: tuple[str, ...] = ()
    failures: int = 0
    failing_since: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that went wrong beside or after a run: where, what, and what to do. `at` is market time."""

    at: datetime
    where: str
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What has to be known of the newest published run to tell what is new in the next one (`jobs/notices.Known`)."""

    halt: str | None
    control: str | None
    off_target: bool
    not_sent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNote:
    """The champion, the newest kline it has seen, since when it decides, and who waits for a person's approval."""

    id: str
    last: datetime
    promoted_at: datetime | None
    pinned: bool
    challengers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Everything of one symbol that was, or could not be, told.

    `newest` is the kline of the newest run that was published, `last` what that run left behind; `horizons` are the
    label horizons of the models that runs were decided by, `model` the one that decides, `drift` the newest look for
    it; `notices` the times at which each kind of notice last went out, `unsent` those that no service took; `daily`
    the UTC date (ISO) of the newest daily look; `problems` the newest ones, oldest first; `assets` names the
    dashboard's own files as written.
    """

    schema: int = SCHEMA
    newest: datetime | None = None
    last: LastRun | None = None
    trackers: Mapping[str, Cursor] = field(default_factory=dict)
    horizons: Mapping[str, int] = field(default_factory=dict)
    notices: Mapping[str, datetime] = field(default_factory=dict)
    unsent: tuple[Notice, ...] = ()
    problems: tuple[Problem, ...] = ()
    daily: str = ""
    model: ModelNote | None = None
    drift: DriftReport | None = None
    assets: str = ""


def read_publication(storage: ObjectStorage, *, symbol: str, interval: str) -> Publication:
    """Return what is known; nothing when it is lost or damaged: then trackers are told everything again.

    Raises Retryable when the storage does not answer, and NewerSchema.
    """
    key = _key(symbol, interval)
    stored = storage.get(key)
    if stored is None:
        return Publication()
    try:
        return from_json(Publication, stored.data, key=key, schema=SCHEMA)
    except NewerSchema:
        raise
    except BadData as error:
        log.warning("%s; trackers are told everything again", error)
        return Publication()


def write_publication(storage: ObjectStorage, publication: Publication, *, symbol: str, interval: str) -> None:
    """Keep it; whoever writes last is right, for what is lost is only told again."""
    storage.put(_key(symbol, interval), to_json(publication))


def _key(symbol: str, interval: str) -> str:
    return f"publication/{symbol}/{interval}.json"
