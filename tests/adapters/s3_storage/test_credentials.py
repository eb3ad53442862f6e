"""Whose keys a request is signed with, and whose bucket it may meet: what is wrong there is told apart."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.s3_server import clean_aws
from trader.adapters.s3_storage import S3Storage
from trader.core.errors import BadConfig, Retryable


@pytest.fixture
def region(monkeypatch, tmp_path):
    """A region and nothing else is set, and nothing is asked outside this machine."""
    clean_aws(monkeypatch)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")


def opened():
    return S3Storage("some-bucket", sleep=lambda _: None, timeout_seconds=1.0)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, BadConfig, r"no credentials \(.*404.*\); give the task or instance a role that exists"),
        (403, BadConfig, r"no credentials \(.*403"),
        (500, Retryable, "the source of the AWS credentials failed .*500"),
    ],
)
def test_a_container_without_a_role_is_told_from_one_whose_role_may_come(region, monkeypatch, status, kind, said):
    """As ECS does it: a relative path, which botocore asks for at a fixed address; here that is this machine's."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/none")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with _answering(status) as port:
        monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.IP_ADDRESS", f"127.0.0.1:{port}")
        with pytest.raises(kind, match=rf"storage s3://some-bucket/(a)?: {said}"):
            opened().get("a")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("typed", ["canary\n", '"canary"', " canary", "'canary'"])
def test_a_key_that_was_copied_with_something_around_it_is_named_and_not_shown(region, monkeypatch, name, typed):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv(name, typed)
    with pytest.raises(BadConfig, match=f"{name} has a blank, a line end or a quotation mark around it") as refused:
        opened()
    assert "canary" not in str(refused.value)


@pytest.mark.slow
def test_the_bucket_of_another_account_is_refused_by_s3_with_every_kind_of_request(aws):
    """The server here does not look at it; Amazon's answers 403 when the account is another one."""
    sent = []
    for account in ("123456789012", ""):
        storage = S3Storage(aws.bucket, "owned", account=account)
        storage._client.meta.events.register("before-send.s3", lambda request, **_: sent.append(dict(request.headers)))
        etag = storage.create("a", b"1")
        storage.replace("a", b"2", etag)
        assert storage.get("a").data == b"2"
        assert storage.keys("") == ["a"]
        storage.delete("a")
        storage.close()
    owners = [headers.get("x-amz-expected-bucket-owner") for headers in sent]
    assert owners == [b"123456789012"] * 5 + [None] * 5


@contextlib.contextmanager
def _answering(status: int):
    """A server on this machine that answers every GET with a status and nothing else; yields its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, format, *args):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
