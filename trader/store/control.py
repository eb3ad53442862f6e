"""Two small objects every run reads: whose store this is, and what the operator last said."""

from dataclasses import dataclass, replace
from datetime import datetime

from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.risk import Control, ControlMode
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

SCHEMA = 1
STAMP_KEY = "bot.json"
CONTROL_KEY = "control.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Whose store this is: a bot in one mode, on one market (another seed is another synthetic market)."""

    schema: int = SCHEMA
    bot_id: str
    mode: str
    interval: str
    market: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredControl:
    """The operator's switch as kept."""

    schema: int = SCHEMA
    control: Control


def read_stamp(storage: ObjectStorage) -> Stamp | None:
    """Return whose store this is, None when nobody's yet."""
    stored = storage.get(STAMP_KEY)
    return None if stored is None else from_json(Stamp, stored.data, key=STAMP_KEY, schema=SCHEMA)


def check_stamp(storage: ObjectStorage, *, mine: Stamp) -> bool:
    """Return whether the store is stamped at all. Raises BadConfig when it belongs to another bot or mode."""
    found = read_stamp(storage)
    if found is None or found == mine:
        return found is not None
    raise BadConfig(
        f"the store at {storage.locate(STAMP_KEY)} belongs to {_describe(found)}; this is {_describe(mine)}. Choose"
        " another storage.url, or that bot's settings"
    )


def _describe(stamp: Stamp) -> str:
    market = f", market {stamp.market}" if stamp.market else ""
    return f"bot {stamp.bot_id!r}, mode {stamp.mode}, interval {stamp.interval}{market}"


def claim_store(storage: ObjectStorage, *, mine: Stamp) -> None:
    """Stamp an unused store, or check that it is ours. Raises BadConfig when it is somebody else's."""
    if not check_stamp(storage, mine=mine):
        try:
            storage.create(STAMP_KEY, to_json(mine))
        except Conflict:
            check_stamp(storage, mine=mine)


def read_control(storage: ObjectStorage) -> Control:
    """Return what the operator last said; `run` when nothing was ever said."""
    stored = storage.get(CONTROL_KEY)
    if stored is None:
        return Control()
    return from_json(StoredControl, stored.data, key=CONTROL_KEY, schema=SCHEMA).control


def say(storage: ObjectStorage, *, mode: ControlMode, why: str, who: str, at: datetime) -> Control:
    """Set the switch and return it. Raises Conflict when somebody else set it at the same moment.

    The first number is the time: a switch that was lost and set anew must not look like one that was heeded before.
    """
    stored = storage.get(CONTROL_KEY)
    control = Control(mode=mode, why=why, who=who, at=at, sequence=int(at.timestamp()))
    if stored is None:
        storage.create(CONTROL_KEY, to_json(StoredControl(control=control)))
        return control
    control = replace(control, sequence=_next_sequence(stored.data, at=at))
    storage.replace(CONTROL_KEY, to_json(StoredControl(control=control)), stored.etag)
    return control


def _next_sequence(data: bytes, *, at: datetime) -> int:
    """Return a number no run has seen. What was said before may be unreadable: the switch has to work all the same."""
    try:
        return from_json(StoredControl, data, key=CONTROL_KEY, schema=SCHEMA).control.sequence + 1
    except BadData:
        return int(at.timestamp())
