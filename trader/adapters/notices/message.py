"""The message that notices become: one to a service and run, for a phone that rings once is heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from trader.core.notices import Level, Notice

_LEVELS = list(Level)
_KINDS = {Level.INFO: "info", Level.SUCCESS: "success", Level.WARNING: "warning", Level.ERROR: "failure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Title and body as plain text, and Apprise's word for how urgent it is."""

    title: str
    body: str
    kind: str


def message_of(notices: Sequence[Notice], *, bot_id: str) -> Message:
    """Return the message of at least one notice, the most urgent first."""
    ordered = sorted(notices, key=lambda notice: -_LEVELS.index(notice.level))
    first, more = ordered[0], len(ordered) - 1
    title = _heading(first) + (f", and {more} more" if more else "")
    parts = ["\n".join(_lines(notice)) for notice in ordered]
    if more:
        parts = [f"{_heading(notice)}\n{part}" for notice, part in zip(ordered, parts, strict=True)]
    newest = max(notice.at for notice in ordered)
    body = "\n\n".join(parts) + f"\n\n{newest:%Y-%m-%d %H:%M} UTC, bot {bot_id}"
    return Message(title=title, body=body, kind=_KINDS[first.level])


def _heading(notice: Notice) -> str:
    about = f"{notice.symbol} " if notice.symbol else ""
    return f"[{notice.level.upper()}] {about}{notice.topic.replace('-', ' ')}"


def _lines(notice: Notice) -> list[str]:
    return [notice.what, f"What to do: {notice.advice}"] if notice.advice else [notice.what]
