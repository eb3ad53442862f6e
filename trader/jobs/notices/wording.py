"""How notices are worded: one line of printable characters, also when a person or an exchange wrote part of it."""

from datetime import datetime

from trader.core.notices import Level, Notice, Topic

_LONGEST = 600


def notice(topic: Topic, level: Level, *, symbol: str, at: datetime, what: str, advice: str = "") -> Notice:
    """Return a notice whose texts are one line each."""
    return Notice(topic=topic, level=level, symbol=symbol, at=at, what=one_line(what), advice=one_line(advice))


def one_line(text: str) -> str:
    """Return a text as one line: what cannot be printed becomes a space, and what is too long for a phone is cut."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def moment(at: datetime) -> str:
    """Return a time for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def count(number: int, one: str) -> str:
    """Return a number with its noun."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
