"""JSON artefacts: dataclasses in and out, with a schema number, exact floats and decimals, and clear refusals."""

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from trader.core.errors import BadData, NewerSchema

Artefact = TypeVar("Artefact")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return the (de)serialiser of a dataclass, built once: building takes milliseconds."""
    return _ADAPTERS.setdefault(kind, _ADAPTERS.get(kind) or TypeAdapter(kind))


def to_json(artefact: object, *, with_defaults: bool = True) -> bytes:
    """Return an artefact as JSON; decimals and times as strings, floats so that they read back equal.

    Without defaults, what a later version adds to the artefact changes nothing for one that does not have it.
    Raises BadData for NaN and infinity: JSON has neither, and the artefact could not be read again.
    """
    fields = _adapter(type(artefact)).dump_python(artefact, mode="json", exclude_defaults=not with_defaults)
    try:
        text = json.dumps(fields, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError as error:
        raise BadData(f"{type(artefact).__name__} holds a NaN or an infinity and cannot be written: {error}") from error
    return text.encode() + b"\n"


def from_json(kind: type[Artefact], data: bytes, *, key: str, schema: int, oldest: int = 1) -> Artefact:
    """Return the artefact in `data`. Raises BadData, naming `key`, when it is damaged, or of a schema not read here."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{key} is not complete JSON ({len(data)} bytes); restore it from a backup") from error
    if not isinstance(fields, dict) or type(fields.get("schema")) is not int:
        raise BadData(f"{key} has no schema number; it was not written by this program")
    if fields["schema"] > schema:
        raise NewerSchema(
            f"{key} has schema {fields['schema']}, this version reads up to {schema}; upgrade, or use the version that"
            " wrote it"
        )
    if fields["schema"] < oldest:
        raise BadData(
            f"{key} has schema {fields['schema']}, this version reads {oldest} and later; use the version that wrote"
            " it, or begin with another storage.url"
        )
    try:
        return _adapter(kind).validate_json(data)  # type: ignore[no-any-return]
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise BadData(f"{key} is damaged at {where}: {problem['msg']}; restore it from a backup") from error
