"""What outlives the server: account, key, history and the clock's last time, in one file that only its owner reads.

The file is replaced as a whole, so it is never half written, and refused as a whole when it cannot be read: nothing is
written over a damaged one.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from trader.core.errors import BadConfig, BadData
from trader.simulator.account import Account, decode, encode
from trader.simulator.testnet.history import Record
from trader.simulator.testnet.security import ApiKey

SCHEMA = 1


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: str
    secret: str
    public_key: str


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    epoch: int
    order: dict[str, Any]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    schema_number: int
    now: datetime
    keys: list[_Key]
    account: str
    history: list[_Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that is kept."""

    now: datetime
    keys: tuple[ApiKey, ...]
    account: Account
    history: tuple[Record, ...] = ()


class StateFile:
    """One file, or none at all when there is no path."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def load(self) -> State | None:
        """Return what is kept, None when the file does not exist. Raises BadConfig when it cannot be read."""
        if self.path is None:
            return None
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadConfig(f"--state {self.path} cannot be read ({error.strerror}); choose another") from error
        try:
            found = _File.model_validate_json(text)
            if found.schema_number != SCHEMA:
                raise BadConfig(f"--state {self.path} was written by another version; use that one or another file")
            account = decode(found.account.encode(), source=str(self.path))
        except (ValidationError, BadData) as error:
            raise BadConfig(
                f"--state {self.path} is damaged; nothing was changed: restore it, or name another file"
            ) from error
        return State(
            now=found.now,
            keys=tuple(ApiKey(key=key.key, secret=key.secret, public_key=key.public_key) for key in found.keys),
            account=account,
            history=tuple(Record(epoch=record.epoch, order=record.order) for record in found.history),
        )

    def save(self, state: State) -> None:
        """Write everything, or nothing. Raises BadConfig when that is not possible."""
        if self.path is None:
            return
        text = _text(state)
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
            beside.replace(self.path)
        except OSError as error:
            raise BadConfig(f"--state {self.path} cannot be written ({error.strerror}); choose another") from error


def _text(state: State) -> str:
    content = _File(
        schema_number=SCHEMA,
        now=state.now,
        keys=[_Key(key=key.key, secret=key.secret, public_key=key.public_key) for key in state.keys],
        account=encode(state.account).decode(),
        history=[],
    )
    records = ",".join(record.text for record in state.history)
    return content.model_dump_json().replace('"history":[]', f'"history":[{records}]', 1)
