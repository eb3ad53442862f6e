"""Log lines on standard error: JSON for machines, text for people; the run's key is in every line of a run.

The standard library's logging is enough: what would be imported for more would be paid for before the order.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from trader.adapters.notices.urls import secret_parts
from trader.config import Settings, load_settings
from trader.config.watching import LogFormat, LogSection
from trader.core.errors import BadConfig
from trader.core.journal import RunKey
from trader.jobs.run_context import current_run

_SHORTEST = 8
"""What is shorter would be found in words that are no secret."""
_SECRET_NAME = re.compile("SECRET|TOKEN|PASSWORD|API_KEY")
FIGURES = "figures"
"""The attribute of a log record that is for programs; lines for people do without it."""
_COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}
_QUIET = {"matplotlib": logging.ERROR, "botocore": logging.WARNING}
"""Where a font cache lives is nobody's business here, nor where keys were found; at DEBUG botocore writes tokens."""


def set_up_logs() -> None:
    """Send log lines to standard error as the settings say; wrong settings are told by the command itself.

    Whoever has set up logging before is left alone, and sees everything in his own way.
    """
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    root = logging.getLogger()
    ours = next((each for each in root.handlers if isinstance(each, StandardError)), None)
    if root.handlers and ours is None:
        return
    try:
        settings = load_settings()
    except BadConfig:
        settings = None
    section = LogSection() if settings is None else settings.log
    handler = StandardError() if ours is None else ours
    handler.setFormatter(formatter_of(section.format, secrets=secrets_of(settings, os.environ), stream=sys.stderr))
    if ours is None:
        root.addHandler(handler)
        logging.captureWarnings(capture=True)
    root.setLevel(logging.WARNING)
    logging.getLogger("trader").setLevel(section.level.upper())


def formatter_of(form: LogFormat, *, secrets: Iterable[str], stream: TextIO | None) -> logging.Formatter:
    """Return what makes lines; `auto` is text on a terminal and JSON elsewhere."""
    is_terminal = stream is not None and stream.isatty()
    if form is LogFormat.JSON or (form is LogFormat.AUTO and not is_terminal):
        return JsonLines(secrets)
    return TextLines(secrets, coloured=is_terminal and not os.environ.get("NO_COLOR"))


def secrets_of(settings: Settings | None, environment: Mapping[str, str]) -> set[str]:
    """Return every configured secret, and what the environment has of that kind."""
    found = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    if settings is not None:
        found |= set(_secret_values(settings))
        for url in settings.notify.urls:
            found |= set(secret_parts(url.get_secret_value(), shortest=_SHORTEST))
        address = settings.tracker.mlflow_uri.get_secret_value()
        if "://" in address:  # but for what stands before an @
            found.discard(address)
        found.add(_password(address if "://" in address else f"//{address}"))
    found |= {form for each in found for form in (quote(each, safe=""), unquote(each))}
    return {each for each in found if len(each) >= _SHORTEST}


def _secret_values(section: BaseModel) -> Iterator[str]:
    for value in vars(section).values():
        if isinstance(value, BaseModel):
            yield from _secret_values(value)
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


class StandardError(logging.StreamHandler[Any]):
    """Writes to what is standard error at that moment, also when it was replaced since."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a process without standard error says nothing."""
        if sys.stderr is not None:
            self.stream = sys.stderr
            super().emit(record)


class _Lines(logging.Formatter):
    """Lines without secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _traceback(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        return self._redacted("\n".join([*parts, *([record.stack_info] if record.stack_info else [])]))


class JsonLines(_Lines):
    """One JSON object a line: time, level, logger, event, and bot, symbol, interval and kline of the run.

    A record made with `extra={FIGURES: ...}` has these in its line, too: numbers, truth values and names, no secrets.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; it is ASCII, and ends nowhere but at its end."""
        line = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._redacted(record.getMessage()),
            **_key_as_json(current_run()),
            **getattr(record, FIGURES, {}),
        }
        traceback = self._traceback(record)
        return json.dumps({**line, "exception": traceback} if traceback else line)


class TextLines(_Lines):
    """Lines for people: time of day (UTC), level, logger, the run, and what happened."""

    def __init__(self, secrets: Iterable[str], *, coloured: bool) -> None:
        super().__init__(secrets)
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback below it; what a terminal would obey is taken out."""
        message = "".join(each if each.isprintable() else " " for each in self._redacted(record.getMessage()))
        run = current_run()
        about = "" if run is None or str(run) in message else f"{run}: "
        line = f"{_time(record):%H:%M:%S} {self._level(record)} {record.name}: {about}{message}"
        traceback = self._traceback(record)
        return f"{line}\n{traceback}" if traceback else line

    def _level(self, record: logging.LogRecord) -> str:
        colour = _COLOURS.get(record.levelno) if self._coloured else None
        return f"\x1b[{colour}m{record.levelname}\x1b[0m" if colour else record.levelname


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _key_as_json(run: RunKey | None) -> dict[str, str]:
    if run is None:
        return {}
    return {
        "bot": run.bot_id,
        "symbol": run.symbol,
        "interval": run.interval,
        "open_time": f"{run.open_time:%Y-%m-%dT%H:%MZ}",
    }
