"""A storage in a bucket of a real server (moto), and one whose answers are lost and falsified on the way."""

import uuid

import botocore.loaders
import botocore.session
import pytest

from tests.s3_server import FaultyProxy, S3Server, s3_server
from trader.adapters.s3_storage import S3Storage


@pytest.fixture(scope="session")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def descriptions_read_once(monkeypatch):
    """botocore reads its megabyte of descriptions once, and not for every client that a test opens."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda _: _LOADER)


_LOADER = botocore.loaders.create_loader()


@pytest.fixture
def aws(server, monkeypatch) -> S3Server:
    server.apply(monkeypatch)
    return server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def opened(aws, pauses):
    """Return a function that opens the server's bucket below a prefix of this test, without waiting between tries."""
    ours = []

    def open_(prefix="", **options):
        options = {"sleep": pauses.append} | options
        ours.append(S3Storage(aws.bucket, prefix or f"test/{uuid.uuid4().hex}", **options))
        return ours[-1]

    yield open_
    for storage in ours:
        storage.close()


@pytest.fixture
def storage(opened):
    return opened()


@pytest.fixture
def proxy(aws, monkeypatch):
    faulty = FaultyProxy(aws.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", faulty.endpoint)
    yield faulty
    faulty.close()


@pytest.fixture
def faulty(proxy, opened):
    """A storage behind the proxy. A dropped answer is heard of at once, so that the time-out may be long."""
    return opened()
