"""Services on this machine that take notices, refuse them, are slow, or say nothing at all."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Service:
    """A web server for Apprise's json:// URLs; the path says how it answers."""

    port: int
    told: list[tuple[str, dict]] = field(default_factory=list)
    slow: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, *, user: str = "") -> str:
        return f"json://{user}127.0.0.1:{self.port}/{path}"


@contextlib.contextmanager
def running_service() -> Iterator[Service]:
    """A service until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.startswith("/slow"):
                service.slow.wait(0.4)
            service.told.append((self.path, body))
            self.send_response(500 if self.path.startswith("/broken") else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def dripping() -> Iterator[int]:
    """A port that answers for ever, a little at a time, so that no read takes long."""
    over = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            taker, _ = server.accept()
            with taker:
                taker.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.2):
                    taker.sendall(b"X-More: 1\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
