"""What must never be in an error text: the secrets that a tracker's settings and environment hold."""

import os
import re
from collections.abc import Mapping
from urllib.parse import unquote

_SECRET_NAME = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|(^|_)KEY$", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@\s'\"]*@")
_BEFORE_AT = re.compile(r"(?:://|^(?![./])(?!.*://))(.*)@", re.DOTALL)
"""Also of an address that http:// was forgotten of; a folder has no secrets in its name."""
_HEADER = re.compile(r"\b(Basic|Bearer)\s+[\w+/=.~-]+", re.IGNORECASE)
_SHORTEST = 4
_LONGEST_TEXT = 400


def secrets_of(settings: Mapping[str, str]) -> frozenset[str]:
    """Return the values that their names or places give away, in the settings of a tracker and in the environment."""
    found = {value for name, value in (*settings.items(), *os.environ.items()) if _SECRET_NAME.search(name)}
    for value in settings.values():
        before = _BEFORE_AT.search(value)
        user_info = before[1] if before else ""
        password = user_info.partition(":")[2] or user_info
        found |= {user_info, password, unquote(password)}
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def one_line(text: str, *, secrets: frozenset[str] = frozenset()) -> str:
    """Return a text as one printable line of bounded length, without the secrets and without anybody's user info."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _HEADER.sub(r"\1 ***", _USER_INFO.sub(r"\1***@", text))
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
