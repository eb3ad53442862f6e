"""The dashboard over HTTP on this machine: the files below `dashboard/` of the store, and nothing else.

Only for who looks from here: it listens on loopback and answers no other name, so that no page of another site can read
it through the reader's browser. It reads and never writes.
"""

import contextlib
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any

from trader.core.errors import BadConfig, TraderError
from trader.jobs.dashboard.places import FOLDER, PAGE
from trader.ports import ObjectStorage, is_key
from trader.report.dashboard.site import POLICY

HOST = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, a body with its media type, and the tag of its content ("" where there is none)."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    tag: str = ""


def answer(storage: ObjectStorage, *, path: str, known_tag: str = "") -> Answer:
    """Return what a path of the site is answered with; nothing but its content when the client knows that tag."""
    name = path.partition("?")[0].removeprefix("/") or PAGE.removeprefix(FOLDER)
    kind = _KINDS.get(PurePosixPath(name).suffix)
    if kind is None or not is_key(name):
        return _said(HTTPStatus.NOT_FOUND, "there is no such file")
    try:
        stored = storage.get(f"{FOLDER}{name}")
    except TraderError as error:
        return _said(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    if stored is None:
        return _said(HTTPStatus.NOT_FOUND, "there is no such file")
    tag = f'"{stored.etag.strip(chr(34))}"'
    if tag == known_tag:
        return Answer(status=HTTPStatus.NOT_MODIFIED, body=b"", kind=kind, tag=tag)
    return Answer(status=HTTPStatus.OK, body=stored.data, kind=kind, tag=tag)


def _said(status: HTTPStatus, text: str) -> Answer:
    return Answer(status=status, body=f"{text}\n".encode())


class DashboardServer(ThreadingHTTPServer):
    """Serves a store's dashboard until it is stopped; port 0 takes a free one. Raises BadConfig for a taken port."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, storage: ObjectStorage, *, port: int) -> None:
        self.storage = storage
        self._serving: threading.Thread | None = None
        try:
            super().__init__((HOST, port), _Conversation)
        except OSError as error:
            raise BadConfig(f"--port {port} cannot be used ({error.strerror}); choose another, or 0") from error

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def __enter__(self) -> "DashboardServer":
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._serving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()
        if self._serving is not None:
            self._serving.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away; everything else is a bug and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: DashboardServer

    def do_GET(self) -> None:
        self._send(self._answer())

    do_HEAD = do_GET  # noqa: N815 - the names http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: who looks at what is nobody's business."""

    def _answer(self) -> Answer:
        host = self.headers.get("Host", "")
        if host.rpartition(":")[0] not in _NAMES and host not in _NAMES:
            return _said(HTTPStatus.FORBIDDEN, "this is for a browser on this machine")
        return answer(self.server.storage, path=self.path, known_tag=self.headers.get("If-None-Match", ""))

    def _send(self, found: Answer) -> None:
        self.send_response(found.status)
        headers = {**_HEADERS, "Content-Type": found.kind, "Cache-Control": "no-cache"}
        headers |= {"ETag": found.tag} if found.tag else {}
        if found.status is not HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(len(found.body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the browser has moved on
                self.wfile.write(found.body)
