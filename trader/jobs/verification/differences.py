"""What a verification finds: a value that was recorded, what it comes out as today, and whose fault the difference is.

Floats count as equal within 1e-12, everything else only when it is equal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

TOLERANCE = 1e-12


class Cause(StrEnum):
    """Whose fault a difference is, the first that applies."""

    RECORD = "record"
    """the record's seal is broken, or it contradicts itself or the record before it"""
    DATA = "data"
    """something it needs is not stored any more, so it cannot be checked"""
    REVISION = "data revision"
    """the stored klines are not the ones it was decided on"""
    ENVIRONMENT = "environment"
    """the inputs are equal, but libraries, Python or the machine are other ones"""
    CODE = "code"
    """inputs and environment are equal, the result is not"""
    COPY = "copy"
    """the ledger or the state is not what the journal says"""


_ADVICE = {
    Cause.RECORD: "restore the record from a backup; the journal is the only truth",
    Cause.DATA: "restore what is missing and verify again",
    Cause.REVISION: "nothing to mend: the decision stood on the klines known then",
    Cause.ENVIRONMENT: "verify again with the versions that the record names",
    Cause.CODE: "verify with the version that the record names, or find the change; a record that was altered and"
    " sealed anew can look the same",
    Cause.COPY: "run `trader ledger rebuild`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that is not what it should be: the run, the field, both values in words, the cause, and what to do."""

    open_time: datetime
    what: str
    recorded: str
    derived: str
    cause: Cause
    advice: str

    def because(self, reason: str) -> "Difference":
        """Return the difference with a reason before its advice."""
        return replace(self, advice=f"{reason}: {self.advice}") if reason else self

    def blamed_on(self, cause: Cause) -> "Difference":
        """Return the difference with another cause, and what to do about that."""
        return replace(self, cause=cause, advice=_ADVICE[cause])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A field with both of its values, before anybody has said whose fault that is."""

    what: str
    recorded: Any
    derived: Any

    def caused_by(self, cause: Cause, *, open_time: datetime, advice: str = "") -> Difference:
        """Return the difference that this is."""
        return Difference(
            open_time=open_time,
            what=self.what,
            recorded=shown(self.recorded),
            derived=shown(self.derived),
            cause=cause,
            advice=advice or _ADVICE[cause],
        )


def compare(recorded: Any, derived: Any, *, what: str) -> Iterator[Mismatch]:
    """Yield every field, however deep, in which two values of the same kind differ; of a sequence the first entry."""
    if recorded == derived:
        return
    if is_dataclass(recorded) and type(recorded) is type(derived):
        for field in fields(recorded):
            yield from compare(getattr(recorded, field.name), getattr(derived, field.name), what=f"{what}.{field.name}")
    elif isinstance(recorded, Mapping) and isinstance(derived, Mapping):
        for name in dict.fromkeys([*recorded, *derived]):
            yield from compare(recorded.get(name), derived.get(name), what=f"{what}.{name}")
    elif isinstance(recorded, tuple) and isinstance(derived, tuple) and len(recorded) == len(derived):
        entries = enumerate(zip(recorded, derived, strict=True))
        found = (list(compare(one, other, what=f"{what}[{position}]")) for position, (one, other) in entries)
        yield from next(filter(None, found), [])
    elif not (isinstance(recorded, float) and isinstance(derived, float) and abs(recorded - derived) <= TOLERANCE):
        yield Mismatch(what=what, recorded=recorded, derived=derived)


def shown(value: Any) -> str:
    """Return a value in words; the text of a float reads back equal."""
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, tuple):
        return f"{len(value)} entries"
    if is_dataclass(value):
        return ", ".join(shown(getattr(value, field.name)) for field in fields(value))
    return str(value)
