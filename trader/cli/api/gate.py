"""What stands before every route: security headers, the token, and a limit on the size of a request.

Without a token only a caller on this machine who asks for this machine by name is let in: a web page that has its own
name point here (DNS rebinding) is not.
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trader.cli.api.refusals import Refusal, response_of

MOST_BYTES = 64 * 1024
OPEN = frozenset({"/health"})
"""What is told to anybody."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Gate:
    """The service behind its gate, as an ASGI application."""

    def __init__(self, app: ASGIApp, *, token: str, count: Callable[[Refusal], None]) -> None:
        self._app = app
        self._token = token.encode()
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers, path = Headers(scope=scope), str(scope["path"])
        refusal = self._refusal(headers, path=path)
        body = await _whole_body(headers, receive) if refusal is None else b""
        if body is None:
            refusal = Refusal(413, "too-large", f"a request has at most {MOST_BYTES} bytes")
        if refusal is None and body is not None:
            await self._app(scope, _again(body, receive), send_safely)
        elif refusal is not None:
            self._count(refusal)
            await _refused(refusal, path=path)(scope, receive, send_safely)

    def _refusal(self, headers: Headers, *, path: str) -> Refusal | None:
        if path in OPEN:
            return None
        if self._token:
            known = _token_of(headers.getlist("authorization"), takes_password=_is_page(path))
            return None if hmac.compare_digest(known, self._token) else Refusal(401, "unauthorized", "Unauthorized")
        if not is_loopback(_name_of(headers.get("host", ""))):
            return Refusal(421, "misdirected", "ask for this machine as 127.0.0.1 or localhost, or set api.token")
        return None


def _refused(refusal: Refusal, *, path: str) -> Response:
    response = response_of(refusal)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        # A browser that opens the dashboard asks its user for a password, which is the token.
        response.headers["WWW-Authenticate"] = 'Basic realm="trader"' if _is_page(path) else "Bearer"
    return response


def _is_page(path: str) -> bool:
    return path == "/dashboard" or path.startswith("/dashboard/")


def _token_of(said: Sequence[str], *, takes_password: bool) -> bytes:
    """Return the token that a request bears, nothing when it bears none or two."""
    scheme, _, value = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic" and takes_password:
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _name_of(host: str) -> str:
    """Return the host without its port."""
    return host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


async def _whole_body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the body, None as soon as it is too large, whatever its announced length."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > MOST_BYTES:
        return None
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body that was read already, and then what comes after it."""
    left = [body]

    async def give() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return give
