"""A real S3 server (moto) with fresh buckets, and a proxy before it that loses, delays and falsifies chosen answers."""

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import botocore.session

REGION = "eu-central-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server and one empty bucket in it."""

    endpoint: str
    bucket: str

    @property
    def url(self) -> str:
        """What storage.url says."""
        return f"s3://{self.bucket}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs besides `os.environ` (see `clean_aws`) to use this server and nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def apply(self, monkeypatch) -> None:
        """Make this test's process (and its children) use this server, whatever the user's own AWS settings are."""
        clean_aws(monkeypatch)
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def another_bucket(self) -> "S3Server":
        """The same server with a new empty bucket."""
        return S3Server(endpoint=self.endpoint, bucket=_create_bucket(self.endpoint))


def clean_aws(monkeypatch) -> None:
    """Remove the user's own AWS and proxy settings."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start a server on a free port, with one empty bucket, and stop it at the end."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second that only its users wait for

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or every request becomes a line in the test's output
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        yield S3Server(endpoint=endpoint, bucket=_create_bucket(endpoint))
    finally:
        server.stop()
        server._server.server_close()


def _create_bucket(endpoint: str) -> str:
    name = f"test-{uuid.uuid4().hex}"
    client = botocore.session.Session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing-secret",
    )
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.close()
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What becomes of one request: whether the server gets it, and what the client hears (status 0: nothing)."""

    name: str = ""
    reaches: bool = False
    status: int = 0
    code: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    keep_bytes: int | None = None  # of the true answer's body; the rest is lost with the connection
    seconds: float = 0.0  # of silence first

    def __str__(self) -> str:
        return self.name

    def answer(self) -> bytes:
        if self.body is not None:
            return self.body
        said = f"<Error><Code>{self.code}</Code><Message>as scripted</Message></Error>" if self.code else ""
        return said.encode()


class FaultyProxy:
    """Forwards to a server; spoils one request for every fault in `script`, in order, None passing one on unspoilt."""

    def __init__(self, target: str, *, port: int = 0) -> None:
        self.target = urlsplit(target).netloc
        self.script: list[Fault | None] = []
        self.seen: list[str] = []
        self.connections = 0
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Forward)
        self._server.proxy = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def next_fault(self, request: str) -> Fault | None:
        with self.lock:
            self.seen.append(request)
            return self.script.pop(0) if self.script else None

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: FaultyProxy


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.proxy.lock:
            self.server.proxy.connections += 1

    def _spoil(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.proxy.next_fault(f"{self.command} {self.path}")
        if fault is None:
            self._answer(*self._forward(sent))
            return
        status, headers, body = self._forward(sent) if fault.reaches else (fault.status, {}, b"")
        time.sleep(fault.seconds)
        if fault.keep_bytes is not None:
            self._answer(status, {**headers, "Content-Length": str(len(body))}, body[: fault.keep_bytes])
        elif fault.status:
            self._answer(fault.status, fault.headers, fault.answer())
            return
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _spoil  # noqa: N815 - the base class's names

    def _forward(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = HTTPConnection(self.server.proxy.target, timeout=30)
        try:
            # The signature covers the host that the client meant.
            upstream.request(self.command, self.path, body=sent, headers=dict(self.headers))
            answer = upstream.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() in _KEPT}
            return answer.status, kept, answer.read()
        finally:
            upstream.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args) -> None:
        """Say nothing."""


_KEPT = ("etag", "content-type", "last-modified", "x-amz-bucket-region", "location")
