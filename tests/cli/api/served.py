"""The service as others meet it: a real uvicorn server on a free port, and requests as they are sent."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from trader.cli.api.command import application_of
from trader.config import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        """The body as JSON, in which NaN is not allowed."""
        return json.loads(self.body, parse_constant=_refuse)

    @property
    def error(self) -> str:
        """The code of an error, whose shape is looked at."""
        (key,) = self.json()
        assert key == "error"
        assert set(self.json()[key]) - {"names"} == {"code", "message"}
        return self.json()[key]["code"]


def _refuse(name):
    raise AssertionError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running service."""

    port: int

    def ask(self, path, *, method="GET", body=None, **headers) -> Reply:
        """Send one request; the path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=names)
            answer = connection.getresponse()
            return Reply(
                status=answer.status, headers={k.lower(): v for k, v in answer.getheaders()}, body=answer.read()
            )
        finally:
            connection.close()

    def predict(self, features=None, **headers) -> Reply:
        """Ask for the latest prediction, or for that of a row."""
        if features is None:
            return self.ask("/predict", **headers)
        return self.ask("/predict", method="POST", body=json.dumps({"features": features}), **headers)


@contextmanager
def served() -> Iterator[Served]:
    """The service of the settings that this process has now."""
    config = uvicorn.Config(application_of(load_settings()), log_config=None, ws="none", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            yield Served(port=listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
