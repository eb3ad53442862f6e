"""Where orders may go: Binance's two test venues, or a server on this machine. Nowhere else.

It is a list in code. No setting reaches it, and the exchange asks it itself, so that nothing that sends orders can be
built around it. What is not written exactly as here is refused, however harmless it looks: upper case, a port on
Binance's hosts, a trailing dot, a name before an @.
"""

import re

from trader.core.errors import BadConfig

TEST_VENUES = ("https://testnet.binance.vision", "https://demo-api.binance.com")

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LOOPBACK = re.compile(rf"https?://(?:127(?:\.{_OCTET}){{3}}|localhost|\[::1\])(?::([1-9][0-9]{{0,4}}))?")
_LAST_PORT = 65535


def check_venue(base_url: str) -> str:
    """Return the base URL without the `/api` that Binance's documentation writes. Raises BadConfig for other places."""
    venue = base_url.removesuffix("/").removesuffix("/api")
    if venue in TEST_VENUES or is_loopback(venue):
        return venue
    shown = re.sub(r"//.*@", "//***@", base_url)  # a name and a password may stand there
    raise BadConfig(
        f"orders may not go to {shown!r}: this bot trades on paper only; use {TEST_VENUES[0]}, {TEST_VENUES[1]}"
        " or a server on this machine (http://127.0.0.1:8080)"
    )


def is_loopback(base_url: str) -> bool:
    """Tell whether a base URL is one of this machine's loopback addresses."""
    match = _LOOPBACK.fullmatch(base_url)
    return match is not None and int(match[1] or 1) <= _LAST_PORT
