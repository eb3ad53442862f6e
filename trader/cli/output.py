"""What commands share: reading moments and months, JSON, and the progress bar."""

import dataclasses
import json
import math
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from trader.core.errors import BadConfig

_YEARS = range(2000, 2100)
"""Far from the ends of the calendar: a warm-up before a moment, or an interval after it, is still a moment."""


def parse_moment(text: str) -> datetime:
    """Return the UTC time of an ISO 8601 text; without a zone it is UTC. Raises BadConfig when it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadConfig(f"{text!r} is not an ISO time; write 2022-01-01 or 2022-01-01T00:00Z") from None
    if moment.year not in _YEARS:
        raise BadConfig(
            f"{text!r} is not between the years {_YEARS[0]} and {_YEARS[-1]}; write it as 2022-01-01T00:00Z"
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def write_file(path: Path, data: bytes) -> None:
    """Write a file that --out names, and its folder. Raises BadConfig when that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise BadConfig(f"--out {path} cannot be written ({error.strerror}); choose another") from error


def say(*lines: str) -> None:
    """Print lines for people."""
    for line in lines:
        typer.echo(line)


def say_json(value: Any) -> None:
    """Print a value for programs: one JSON document. What is not a number (NaN) becomes null."""
    typer.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line a kind
    """Return a value in JSON's terms.

    Dataclasses become objects, decimals strings, times ISO texts, spans of time seconds, NaN null.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Bar:
    """A progress bar on stderr; silent when stderr is not a terminal or output is for programs."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent or sys.stderr is None or not sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def start(self, what: str, total: int) -> None:
        """Begin a stretch of `total` steps."""
        if self._silent:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        columns = (*shown, TextColumn("{task.fields[note]}"))
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(what, total=total, note="")
        self._progress.start()

    def step(self, count: int = 1) -> None:
        """Advance it."""
        if self._progress is not None:
            self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        """Show a few words beside it, instead of the last ones."""
        if self._progress is not None:
            self._progress.update(self._task, note=text)

    def finish(self) -> None:
        """End it."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
