"""The image is built once; what it met on this machine, and what was measured on it, is printed at the end.

Skipped, and says so, where no image can be built; with CI=true that is a failure.
"""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.containers import ROOT, CannotBeHad, find_base, make_engine, pip_access, what_is_missing
from tests.image.host import crontab, published, running_host
from tests.s3_server import s3_server

TAG = "localhost/trader:test"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
INDEX_PASSWORD = "canary-of-the-index-5d1c7e0b"
NOTES = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Every test beside this file needs the image."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests/image"):
            item.add_marker(pytest.mark.image)
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter, config):
    """Print what `notes` was told."""
    notes = config.stash.get(NOTES, [])
    if notes:
        terminalreporter.section("the image")
        for note in notes:
            terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def notes(pytestconfig) -> list[str]:
    """Lines that are printed when all tests are done."""
    return pytestconfig.stash.setdefault(NOTES, [])


def not_here(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"the image cannot be tested: {reason}")
    pytest.skip(f"THE IMAGE IS NOT TESTED: {reason}")


class _Refusing(BaseHTTPRequestHandler):
    """A package index that has nothing."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format, *args) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """Builds and runs images; the base is here."""
    reason = what_is_missing()
    if reason:
        not_here(reason)
    return make_engine()


@pytest.fixture(scope="session")
def base(engine, tmp_path_factory) -> str:
    """The tag of the image that everything is built on: Miniconda, or what stands in for it."""
    try:
        return find_base(engine, scratch=tmp_path_factory.mktemp("base"))
    except CannotBeHad as error:
        not_here(str(error))


@pytest.fixture(scope="session")
def build(engine, base, tmp_path_factory):
    """Build the image with some more options, under a tag; pip is given an index with a password."""
    folder = tmp_path_factory.mktemp("image")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    index = f"http://somebody:{INDEX_PASSWORD}@127.0.0.1:{server.server_address[1]}/simple"
    access = pip_access(folder, index=index)

    def built(tag: str, *options: str) -> str:
        words = ["--format=docker", engine.layers, f"--build-arg=BASE={base}", *options, f"--tag={tag}"]
        engine.buildah("bud", *words, *access, ROOT, timeout=1800)
        return tag

    yield built
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def image(build) -> str:
    """The tag of the image as it is shipped."""
    arguments = {
        "VERSION": "1.2.3",
        "REVISION": COMMIT,
        "CREATED": "2026-11-21T00:00:00Z",
        "SOURCE": "https://example.org/trader",
    }
    return build(TAG, *(f"--build-arg={name}={value}" for name, value in arguments.items()))


@pytest.fixture(scope="session")
def bucket_server() -> Iterator:
    with s3_server() as running:
        yield running


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Two months of klines as Binance publishes them."""
    return published(tmp_path_factory.mktemp("published") / "archive")


@pytest.fixture(scope="session")
def every_minute(tmp_path_factory) -> str:
    """The option that gives a container the shipped crontab, ticking every minute."""
    return crontab(tmp_path_factory.mktemp("cron") / "cron-job", when="* * * * *")


@pytest.fixture(scope="session")
def next_year(tmp_path_factory) -> str:
    """The option that gives a container the shipped crontab, ticking on New Year: runs are started by hand."""
    return crontab(tmp_path_factory.mktemp("cron") / "cron-job", when="0 0 1 1 *")


@pytest.fixture(scope="module")
def host(tmp_path_factory, bucket_server, archive):
    """The exchange and the empty store of this module's bot."""
    with running_host(tmp_path_factory.mktemp("host"), s3=bucket_server, archive=archive) as running:
        yield running


@pytest.fixture
def fresh_host(tmp_path, bucket_server, archive):
    """The exchange and the empty store of this test's bot."""
    with running_host(tmp_path, s3=bucket_server, archive=archive) as running:
        yield running
