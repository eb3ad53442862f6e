"""A Neptune API token: base64 of a JSON object that names the server. There is no other place for its address.

The clients answer a wrong token with pages of text, and a wrong address after a minute.
"""

import base64
import ipaddress
import json
import os
import socket
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from trader.core.errors import BadConfig, Retryable

PLAIN_HTTP = "OAUTHLIB_INSECURE_TRANSPORT"
"""The variable without which the clients log in over https alone."""

_ADVICE = "copy the token again from the server's user menu into tracker.neptune_api_token or NEPTUNE_API_TOKEN"
_ENDED = "neptune.ai"
_PORTS = {"http": 80, "https": 443}
_CONNECT_SECONDS = 2.0


def server_of(token: str) -> SplitResult:
    """Return the address of the server in a token, the first one's of several (minfx). Raises BadConfig."""
    addresses = [_address(each.strip()) for each in token.split(",") if each.strip()]
    if not addresses:
        raise BadConfig("there is no API token; set tracker.neptune_api_token or NEPTUNE_API_TOKEN")
    return addresses[0]


def shown(server: SplitResult) -> str:
    """Return an address without user info and query."""
    return f"{server.scheme}://{server.netloc.rpartition('@')[2]}{server.path}".rstrip("/")


def check_server(server: SplitResult) -> None:
    """Raise BadConfig for a server that may not be talked to, Retryable when nothing answers at its address."""
    host = server.hostname or ""
    if host == _ENDED or host.endswith(f".{_ENDED}"):
        raise BadConfig(
            "this token is one of neptune.ai's hosted service, which ended in March 2026; take a token of your own"
            " server or of minfx, or set tracker.neptune_mode = offline"
        )
    if server.scheme == "http" and not _is_loopback(host) and not os.environ.get(PLAIN_HTTP):
        raise BadConfig(
            f"the token names an http:// server, which would see the token unencrypted; give it https, or set"
            f" {PLAIN_HTTP}=1 where nobody listens"
        )
    if server.scheme in getproxies() and not proxy_bypass(host):
        return
    try:
        socket.create_connection((host, server.port or _PORTS[server.scheme]), timeout=_CONNECT_SECONDS).close()
    except socket.gaierror:
        raise Retryable(f"there is no host {host}; see that its name is right, or take a new token") from None
    except TimeoutError:
        raise Retryable(f"it does not answer within {_CONNECT_SECONDS:.0f} s; see that the server runs") from None
    except OSError as error:
        raise Retryable(f"nothing listens there ({error.strerror}); see that the server runs") from None


def allow_plain_http(server: SplitResult) -> None:
    """Let the clients log in over http to this machine itself."""
    if server.scheme == "http" and _is_loopback(server.hostname or ""):
        os.environ[PLAIN_HTTP] = "1"


def _address(token: str) -> SplitResult:
    try:
        named = str(json.loads(base64.b64decode(token))["api_address"])
        address = urlsplit(named if "://" in named else f"https://{named}")
        _ = address.port
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadConfig(f"this is no API token (base64 of JSON with an api_address); {_ADVICE}") from None
    if address.scheme not in _PORTS or not address.hostname:
        raise BadConfig(f"the API token names no http(s) server; {_ADVICE}")
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
