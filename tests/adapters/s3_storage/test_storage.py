"""S3 fulfils the storage contract over HTTP, between threads and processes, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.storage_contract import StorageContract
from tests.s3_server import Fault
from trader.adapters.s3_storage import S3Storage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


class TestS3StorageBelowAPrefix(StorageContract):
    @pytest.fixture
    def storage(self, opened):
        return opened(page_size=3)


class TestS3StorageOfAWholeBucket(StorageContract):
    @pytest.fixture
    def storage(self, aws):
        storage = S3Storage(aws.another_bucket().bucket)
        yield storage
        storage.close()


def test_a_page_that_is_kept_there_opens_in_a_browser(opened, aws):
    storage = opened("bots/page")
    storage.put("dashboard/index.html", b"<!doctype html>")
    storage.put("journal/record.json", b"{}")
    client = storage._client
    page, record = (
        client.head_object(Bucket=aws.bucket, Key=f"bots/page/{key}")
        for key in ("dashboard/index.html", "journal/record.json")
    )
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert "CacheControl" not in record


def test_two_prefixes_of_one_bucket_do_not_see_each_other(opened):
    one, other, longer = opened("bots/one"), opened("bots/two"), opened("bots/one-more")
    one.put("a", b"1")
    longer.put("b", b"2")
    assert (one.keys(""), other.keys(""), longer.keys("")) == (["a"], [], ["b"])
    assert other.get("a") is None
    other.create("a", b"2")
    other.delete("a")
    assert one.get("a").data == b"1"


def test_objects_whose_names_are_not_keys_are_nobodys(aws, opened):
    storage = opened("mine")
    storage.put("a", b"")
    for name in ("mine/", "mine/.hidden", "mine/a b", "mine/x//y", "mine/%41", "mine/ä+&"):
        storage._client.put_object(Bucket=aws.bucket, Key=name, Body=b"")
    assert storage.keys("") == ["a"]


def test_the_place_of_a_key_is_its_s3_address(aws, opened):
    assert opened("some/prefix").locate("a/b") == f"s3://{aws.bucket}/some/prefix/a/b"
    assert S3Storage(aws.bucket).locate("a/b") == f"s3://{aws.bucket}/a/b"


def test_a_representation_shows_bucket_and_prefix_only(aws, opened):
    assert repr(opened("some/prefix")) == f"S3Storage('{aws.bucket}', 'some/prefix')"


def test_requests_are_counted_by_kind_tries_included(faulty, proxy):
    etag = faulty.create("a", b"1")
    faulty.replace("a", b"2", etag)
    faulty.get("a")
    faulty.get("b")
    faulty.delete("a")
    faulty.keys("")
    assert dict(faulty.requests) == {"put": 2, "get": 2, "delete": 1, "list": 1}
    proxy.script = [Fault(status=503, code="SlowDown"), Fault()]
    faulty.get("a")
    assert faulty.requests["get"] == 5
    assert faulty.requests.total() == len(proxy.seen)


def test_a_list_of_many_pages_costs_one_request_a_page(opened):
    storage = opened(page_size=4)
    for number in range(9):
        storage.put(f"{number}", b"")
    storage.requests.clear()
    assert storage.keys("") == [str(number) for number in range(9)]
    assert dict(storage.requests) == {"list": 3}


def test_one_connection_serves_many_requests(faulty, proxy):
    etag = faulty.create("a", bytes(100_000))
    for _ in range(3):
        assert len(faulty.get("a").data) == 100_000
        faulty.get("nothing")
        faulty.keys("")
        etag = faulty.replace("a", bytes(100_000), etag)
    faulty.delete("a")
    assert (len(proxy.seen), proxy.connections) == (14, 1)


_RACE = """
import sys
from trader.adapters.s3_storage import S3Storage
from trader.core.errors import Conflict
storage, me = S3Storage(sys.argv[1], "processes"), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    try:
        storage.create(f"race/{number}", me.encode())
        print(number)
    except Conflict:
        pass
done = 0
while done < 10:
    found = storage.get("counter")
    try:
        storage.replace("counter", str(int(found.data) + 1).encode(), found.etag)
        done += 1
    except Conflict:
        pass
"""


def _python(code, *arguments):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def test_processes_race_without_losing_anything_and_end_without_a_word(aws, opened):
    """Development mode and errors for warnings: a socket that is left open at the end would be told of."""
    storage = opened("processes")
    storage.create("counter", b"0")
    racers = [_python(_RACE, aws.bucket, f"racer-{n}") for n in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ended = [racer.communicate(timeout=120) for racer in racers]
    assert [(racer.returncode, said[1]) for racer, said in zip(racers, ended, strict=True)] == [(0, "")] * 3
    assert sorted(int(number) for said in ended for number in said[0].split()) == list(range(20))
    for me, said in enumerate(ended):
        assert all(storage.get(f"race/{number}").data == f"racer-{me}".encode() for number in said[0].split())
    assert storage.get("counter").data == b"30"
