"""What of a notification URL may be shown, and what of it is secret. Nothing here knows a service.

A token may stand anywhere in such a URL, also where others have their host. So everything but the scheme counts as
secret, except a host that looks like the name or the address of a machine.
"""

import re
from urllib.parse import unquote

_HOST = re.compile(r"(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]|([a-z0-9-]{1,40}\.)+[a-z]{2,24})(:\d{1,5})?")
_SEPARATORS = re.compile(r"[/?&=:@#,;+\s]+")
_SHORTEST = 3
"""Shorter parts of a URL than this cannot be told from parts of words."""
HIDDEN = "***"


def shown(url: str) -> str:
    """Return scheme and host of a URL for people; what may be secret is `***`."""
    scheme, found, rest = url.strip().partition("://")
    if not found or not scheme.isalnum():
        return HIDDEN
    host = _authority(rest)[1]
    return f"{scheme}://{host if _HOST.fullmatch(host) else HIDDEN}"


def secret_parts(url: str, *, shortest: int = _SHORTEST) -> tuple[str, ...]:
    """Return every part of a URL that may be secret, as written and percent-decoded, the longest first."""
    rest = url.strip().partition("://")[2] or url.strip()
    user, host = _authority(rest)
    tail = rest[len(user) + len(host) :]
    texts = [user, "" if _HOST.fullmatch(host) else host, tail]
    texts += [unquote(text) for text in texts]
    parts = {part for text in texts for part in (*_SEPARATORS.split(text), text.strip("/?#:@"))}
    parts |= {url.strip()}
    return tuple(sorted((part for part in parts if len(part) >= shortest), key=len, reverse=True))


def redacted(text: str, url: str) -> str:
    """Return a text without any part of a URL that may be secret."""
    for part in secret_parts(url):
        text = text.replace(part, HIDDEN)
    return text


def _authority(rest: str) -> tuple[str, str]:
    """Return what stands before the last @ (with it) and what stands after it, up to the path."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    return user + at, host
