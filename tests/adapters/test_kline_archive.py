import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.archives import daily_path, monthly_path, publish_bytes
from tests.patience import HURRIED, PATIENT
from trader.adapters.kline_archive import FolderArchive, HttpArchive
from trader.core.errors import BadConfig, BadData, Rejected, Retryable

pytestmark = pytest.mark.slow

PATH = monthly_path("2024-11")
DATA = b"a zip as far as an archive cares" * 100


class Served:
    """A web server over a folder that can be told to misbehave: `faults` are answered first, one a request."""

    def __init__(self, root):
        self.requests: list[tuple[str, str]] = []
        self.faults: list = []
        self.headers: dict[str, str] = {}
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                served.requests.append((self.command, self.path))
                if served.faults and (fault := served.faults.pop(0)) is not None:
                    fault(self)
                    return
                file = root / self.path.lstrip("/")
                if not file.is_file():
                    self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                    return
                self.answer(200, file.read_bytes(), headers=served.headers)

            do_HEAD = do_GET  # noqa: N815 - the name http.server calls

            def answer(self, status, body, *, length=None, headers=()):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_):
                """Keep the tests' output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def status(code, *, headers=()):
    return lambda handler: handler.answer(code, b"<html>no</html>", headers=headers)


def truncated(handler):
    handler.answer(200, DATA[:500], length=len(DATA))
    handler.close_connection = True


def hang_up(handler):
    handler.close_connection = True


@contextmanager
def serving(root):
    served = Served(root)
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        served.server.server_close()
        thread.join()


@pytest.fixture
def root(tmp_path):
    publish_bytes(tmp_path / "vision", PATH, DATA)
    return tmp_path / "vision"


@pytest.fixture
def web(root):
    with serving(root) as served:
        yield served


@contextmanager
def opened(served, **options):
    archive = HttpArchive(served.url, **{"attempts": 3, "backoff_seconds": 0.001, "timeout": PATIENT, **options})
    try:
        yield archive
    finally:
        archive.close()


@pytest.fixture(params=["folder", "http"])
def archive(request, root):
    """Both archives, over the same files."""
    if request.param == "folder":
        yield FolderArchive(root)
        return
    with serving(root) as served, opened(served) as archive:
        yield archive


class TestAnyArchive:
    def test_a_file_and_its_checksum_are_what_was_published(self, archive):
        assert archive.fetch(PATH) == DATA
        assert archive.checksum(PATH) == hashlib.sha256(DATA).hexdigest()

    def test_what_is_not_there_is_none(self, archive):
        absent = daily_path("2024-11-03")
        assert archive.fetch(absent) is None
        assert archive.checksum(absent) is None
        assert archive.revision(absent) is None

    def test_a_checksum_may_be_missing(self, archive, root):
        (root / f"{PATH}.CHECKSUM").unlink()
        assert archive.checksum(PATH) is None
        assert archive.fetch(PATH) == DATA

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<html>captive portal</html>",
            f"{'ab' * 32}  BTCUSDT-1h-2024-10.zip\n",
            f"{'ab' * 31}  BTCUSDT-1h-2024-11.zip\n",
            f"{'ab' * 32}\n",
            f"{'ab' * 32}  BTCUSDT-1h-2024-11.zip\n" * 2,
            "\xff\xfe",
        ],
    )
    def test_what_is_not_this_files_checksum_is_refused(self, archive, root, text):
        (root / f"{PATH}.CHECKSUM").write_text(text)
        with pytest.raises(BadData, match=r"BTCUSDT-1h-2024-11\.zip\.CHECKSUM is not the checksum"):
            archive.checksum(PATH)

    def test_upper_case_and_binary_mode_checksums_are_read(self, archive, root):
        (root / f"{PATH}.CHECKSUM").write_text(f"{'AB' * 32} *BTCUSDT-1h-2024-11.zip\r\n")
        assert archive.checksum(PATH) == "ab" * 32

    def test_files_are_located_for_people(self, archive):
        assert archive.locate(PATH).endswith(PATH)
        assert archive.locate("") in archive.locate(PATH)


def test_a_folders_revision_changes_with_the_file(root):
    archive = FolderArchive(root)
    before = archive.revision(PATH)
    assert before == archive.revision(PATH)
    publish_bytes(root, PATH, DATA[:-1] + b"!")
    assert archive.revision(PATH) != before


def test_a_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(BadConfig, match="is not a folder"):
            FolderArchive(root)


def test_a_folder_in_a_files_place_is_an_error_and_not_absence(root):
    (root / daily_path("2024-11-03")).mkdir(parents=True)
    with pytest.raises(BadConfig, match="cannot be read"):
        FolderArchive(root).fetch(daily_path("2024-11-03"))


@pytest.mark.parametrize("url", ["data.binance.vision", "ftp://x", "http://", "/folder"])
def test_an_address_that_is_no_url_is_refused(url):
    with pytest.raises(BadConfig, match="is not a URL"):
        HttpArchive(url)


def test_an_etag_is_the_revision(web):
    web.headers = {"ETag": '"abc"', "Last-Modified": "Mon, 04 Nov 2024 02:00:00 GMT"}
    with opened(web) as archive:
        assert archive.revision(PATH) == '"abc"'
    assert web.requests == [("HEAD", f"/{PATH}")]


def test_without_an_etag_time_and_size_are_the_revision(web):
    web.headers = {"Last-Modified": "Mon, 04 Nov 2024 02:00:00 GMT"}
    with opened(web) as archive:
        assert archive.revision(PATH) == f"Mon, 04 Nov 2024 02:00:00 GMT {len(DATA)}"


def test_a_server_that_tells_nothing_has_no_revision(web):
    with opened(web) as archive:
        assert archive.revision(PATH) == ""


@pytest.mark.parametrize("fault", [status(500), status(503), status(429), truncated, hang_up])
def test_what_is_temporary_is_tried_again(web, fault):
    web.faults = [fault, fault]
    with opened(web) as archive:
        assert archive.fetch(PATH) == DATA
    assert len(web.requests) == 3


@pytest.mark.parametrize("fault", [status(500), status(502), status(429), status(599), truncated, hang_up])
def test_what_stays_temporary_is_retryable(web, fault):
    web.faults = [fault] * 30
    with opened(web) as archive, pytest.raises(Retryable, match=r"BTCUSDT-1h-2024-11\.zip"):
        archive.fetch(PATH)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(400, Rejected), (410, Rejected), (401, BadConfig), (403, BadConfig), (407, BadConfig), (451, BadConfig)],
)
def test_a_refusal_is_told_with_its_status_and_not_repeated(web, code, kind):
    web.faults = [status(code)]
    with opened(web) as archive, pytest.raises(kind, match=f"answered {code}"):
        archive.fetch(PATH)
    assert len(web.requests) == 1


def test_an_answer_that_does_not_come_is_retryable(web):
    enough = threading.Event()
    web.faults = [lambda handler: enough.wait(5)] * 3
    try:
        with opened(web, timeout=HURRIED, attempts=2) as archive, pytest.raises(Retryable, match="did not answer"):
            archive.fetch(PATH)
    finally:
        enough.set()


def test_a_server_that_is_not_there_is_retryable(root):
    with serving(root) as served:
        gone = served
    with opened(gone) as archive, pytest.raises(Retryable, match="did not answer"):
        archive.checksum(PATH)


def test_a_long_retry_after_is_not_waited_for_forever(web):
    with opened(web) as archive:
        retries = archive._session.get_adapter("http://x").max_retries
    assert retries.retry_after_max == 60


def test_a_redirect_is_followed(web):
    web.faults = [lambda handler: handler.answer(302, b"", headers={"Location": f"/{PATH}"})]
    with opened(web) as archive:
        assert archive.fetch(daily_path("2024-11-03")) == DATA


def test_a_file_far_too_large_is_refused(web, monkeypatch):
    monkeypatch.setattr("trader.adapters.kline_archive._MAX_BYTES", 1000)
    with opened(web) as archive, pytest.raises(BadData, match="larger than"):
        archive.fetch(PATH)


def test_many_threads_share_one_archive(web):
    with opened(web) as archive:
        results = []
        threads = [threading.Thread(target=lambda: results.append(archive.fetch(PATH))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [DATA] * 16
