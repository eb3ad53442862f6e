"""The sockets: HTTP/1.1 with kept connections, a thread each, one write an answer.

Answers go out in one piece and without Nagle's delay, otherwise a kept connection costs 40 ms a request.
"""

import contextlib
import socket
import sys
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from trader.simulator.testnet.control import PREFIX, control
from trader.simulator.testnet.exchange import Answer, Exchange, Request

LONGEST_BODY = 64 * 1024
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_FORM = "application/x-www-form-urlencoded"


class ExchangeServer(ThreadingHTTPServer):
    """Serves an exchange until it is stopped; port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, exchange: Exchange, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.exchange = exchange
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._serving: threading.Thread | None = None
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Conversation)

    @property
    def url(self) -> str:
        """The address clients use."""
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}"

    def __enter__(self) -> "ExchangeServer":
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._serving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every conversation, the scripted waiting ones too, and close the socket."""
        self.exchange.stopping.set()
        self.shutdown()
        if self._serving is not None:
            self._serving.join()
        with self._guard:
            waiting = dict(self._connections)
        for connection, thread in waiting.items():
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Talk to a client in a thread of its own, which is known so that it can be ended."""
        thread = threading.Thread(target=self._converse, args=(request, client_address), daemon=True)
        with self._guard:
            self._connections[request] = thread
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away; everything else is a bug and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def _converse(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.pop(request, None)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ExchangeServer

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(Answer(status=413, body="", kind="text/html"))
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        is_control = self.path.startswith(PREFIX)
        if not is_control and not self.headers.get("Content-Type", "").startswith(_FORM):
            body = ""  # "in the request body with content type application/x-www-form-urlencoded" (rest-api.md)
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            body=body,
            api_key=self.headers.get("X-MBX-APIKEY"),
            address=str(self.client_address[0]),
        )
        answer = self._answer(request)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the control door has the log."""

    def _answer(self, request: Request) -> Answer | None:
        if not request.path.startswith(PREFIX):
            return self.server.exchange.answer(request)
        if not request.address.startswith(_LOOPBACK) or "Origin" in self.headers:  # nor for a page in a browser there
            return Answer(status=403, body='{"error": "the control door is for clients on this machine"}')
        return control(self.server.exchange, request)

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        phrase = self.responses.get(answer.status, ("",))[0]
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {answer.kind}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
