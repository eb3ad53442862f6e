"""What a tracker's process and its parent say to each other: one JSON object a line.

To the child: its settings, then dispatches, then `END`. From the child: reports. The end of the child's input, before
or after `END`, means that nobody waits for it any more. Floats are written by repr, so they arrive as they were.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from trader.core.errors import BadData
from trader.core.tracking import Dispatch, Step

END = b"null\n"
"""The line after the last dispatch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the child knows of a dispatch, counted from 0; `index` None: of all that have not been done.

    `sent` is the number of the last step that has arrived for certain. `done` ends a dispatch; an `error` only counts
    then. `where` is the tracker's address, for people.
    """

    index: int | None = None
    run_id: str | None = None
    sent: int | None = None
    done: bool = False
    error: str = ""
    where: str = ""


_TYPES = {
    "index": (int, type(None)),
    "run_id": (str, type(None)),
    "sent": (int, type(None)),
    "done": (bool,),
    "error": (str,),
    "where": (str,),
}


def write_settings(settings: Mapping[str, str]) -> bytes:
    """Return the first line of all."""
    return _line(dict(settings))


def read_settings(line: bytes) -> dict[str, str]:
    """Return what `write_settings` wrote. Raises BadData."""
    return {str(name): str(value) for name, value in _fields(line).items()}


def write_dispatch(dispatch: Dispatch) -> bytes:
    """Return a dispatch as a line."""
    steps = [[step.number, step.at.isoformat(), dict(step.metrics)] for step in dispatch.steps]
    fields = {
        "experiment": dispatch.experiment,
        "run": dispatch.run,
        "run_id": dispatch.run_id,
        "tags": dict(dispatch.tags),
        "params": dict(dispatch.params),
        "steps": steps,
        "files": dict(dispatch.files),
    }
    return _line(fields)


def read_dispatch(line: bytes) -> Dispatch:
    """Return what `write_dispatch` wrote. Raises BadData."""
    fields = _fields(line)
    try:
        steps = tuple(
            Step(number=number, at=datetime.fromisoformat(at), metrics=metrics)
            for number, at, metrics in fields.pop("steps")
        )
        return Dispatch(**fields, steps=steps)
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"a line to a tracker's process is no dispatch ({type(error).__name__})") from error


def write_report(report: Report) -> bytes:
    """Return a report as a line."""
    return _line(asdict(report))


def read_report(line: bytes) -> Report:
    """Return what `write_report` wrote. Raises BadData for anything else, types included."""
    fields = _fields(line)
    if set(fields) != set(_TYPES) or not all(type(fields[name]) in kinds for name, kinds in _TYPES.items()):
        raise BadData("a line from a tracker's process is no report")
    return Report(**fields)


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError as error:  # no JSON, or no UTF-8
        raise BadData("a line of a tracker's process is no JSON") from error
    if not isinstance(fields, dict):
        raise BadData("a line of a tracker's process is no JSON object")
    return fields
