"""docker/s3.py: what was answered is still there after the server was killed, and nobody overwrites anybody."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.s3_server import S3Server
from trader.adapters.s3_storage import S3Storage
from trader.core.errors import Conflict

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "docker/s3.py"


@contextlib.contextmanager
def running(file: Path):
    """The server's address; it is killed at the end."""
    command = [sys.executable, SCRIPT, "--host", "127.0.0.1", "--port", "0", "--file", file, "--bucket", "trader"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    try:
        port = re.search(r"at port (\d+), (\d+) objects", process.stdout.readline())[1]
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def opened(monkeypatch):
    """Opens the bucket at an address."""
    ours = []

    def open_(endpoint: str) -> S3Storage:
        S3Server(endpoint=endpoint, bucket="trader").apply(monkeypatch)
        ours.append(S3Storage("trader", "bot"))
        return ours[-1]

    yield open_
    for storage in ours:
        storage.close()


def shown(url: str) -> tuple[int, str]:
    """What a browser gets: status, and what kind of thing it is taken for."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - this machine's
            return answer.status, answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""


def test_what_was_written_outlives_a_kill_with_its_tags_and_what_was_removed_stays_so(tmp_path, opened):
    file = tmp_path / "s3.sqlite"
    content = {
        "journal/BTCUSDT/1h/a=b.json": b"{}",
        "empty": b"",
        "models/big": os.urandom(200_000),
        "dashboard/page.html": b"p",
    }
    with running(file) as (_, endpoint):
        storage = opened(endpoint)
        tags = {key: storage.create(key, data) for key, data in content.items()}
        tags["empty"] = storage.replace("empty", b"not any more", tags["empty"])
        storage.put("gone", b"1")
        storage.delete("gone")
    with running(file) as (_, endpoint):
        storage = opened(endpoint)
        assert storage.keys("") == sorted(content)
        assert {key: storage.get(key).etag for key in content} == tags
        assert storage.get("empty").data == b"not any more"
        assert storage.get("models/big").data == content["models/big"]
        with pytest.raises(Conflict):
            storage.create("dashboard/page.html", b"2")
        assert shown(f"{endpoint}/trader/bot/dashboard/page.html") == (200, "text/html; charset=utf-8")


def test_of_many_who_write_at_once_one_wins_and_the_file_has_what_is_answered(tmp_path, opened):
    file = tmp_path / "s3.sqlite"
    with running(file) as (_, endpoint):
        storage = opened(endpoint)

        def attempt(number: int) -> bool:
            storage.put("last", b"%d" % number)
            try:
                storage.create("first", b"%d" % number)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = [number for number, did in enumerate(pool.map(attempt, range(24))) if did]
        assert storage.get("first").data == b"%d" % won[0]
        last = storage.get("last")
    assert len(won) == 1
    with running(file) as (_, endpoint):
        assert opened(endpoint).get("last") == last


def test_a_browser_reads_the_dashboard_and_nothing_else(tmp_path, opened):
    with running(tmp_path / "s3.sqlite") as (_, endpoint):
        storage = opened(endpoint)
        for key in ("dashboard/index.html", "dashboard/data/index.js", "journal/a.json"):
            storage.put(key, b"1")
        pages = {key: shown(f"{endpoint}/trader/bot/{key}")[0] for key in storage.keys("")}
        assert pages == {"dashboard/data/index.js": 200, "dashboard/index.html": 200, "journal/a.json": 403}


def test_told_to_end_it_does(tmp_path):
    with running(tmp_path / "s3.sqlite") as (process, _):
        process.terminate()
        began = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5
