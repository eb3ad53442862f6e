"""Canaries: what a bot and a build are told in confidence is in no layer, history, log, object, or file for others.

Each has its own words, is looked for in the bytes of everything, and also as the base64 that HTTP would make of it.
"""

import base64
import json

import pytest

from tests.containers import call
from tests.image.conftest import INDEX_PASSWORD
from tests.image.host import HARDENED

TRACKER_TOKEN = "canary-of-the-tracker-90b3e2f4"
NOTIFY_PASSWORD = "canary-of-the-notifier-7ac81d36"
CHUNK = 1 << 24
STRANGER = "23456:23456"

LOOK = """
import json, os, sys
needles = [each.encode() for each in json.load(sys.stdin)]
found, unread, read = [], 0, 0
def look(path):
    global unread, read
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        unread += 1
        return
    read += 1
    if any(needle in data for needle in needles):
        found.append(path)
for folder, folders, names in os.walk("/"):
    if folder == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
    for name in names:
        if not os.path.islink(os.path.join(folder, name)):
            look(os.path.join(folder, name))
mine = str(os.getpid())
for pid in filter(str.isdigit, os.listdir("/proc")):
    if pid != mine:
        for name in ("cmdline", "status", "environ", "maps"):
            look(f"/proc/{pid}/{name}")
json.dump({"found": found, "unread": unread, "read": read}, sys.stdout)
"""
"""Looks into all files that whoever does it may read, and into what the kernel tells of other processes."""


def disguises(secret: str) -> list[str]:
    """A secret as it is and as base64 writes it, whatever stands before it."""
    coded = [base64.b64encode(b"x" * shift + secret.encode())[4:-4].decode() for shift in range(3)]
    return [secret, *coded]


@pytest.fixture(scope="module")
def confided(host) -> dict[str, str]:
    """What the bot below is told and nobody else may know."""
    return {
        "TRADER__EXCHANGE__API_KEY": host.key,
        "TRADER__EXCHANGE__API_SECRET": host.secret,
        "TRADER__TRACKER__NEPTUNE_API_TOKEN": TRACKER_TOKEN,
        "TRADER__NOTIFY__URLS": f"json://somebody:{NOTIFY_PASSWORD}@127.0.0.1:9/",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
    }


@pytest.fixture(scope="module")
def needles(confided) -> list[str]:
    secrets = [value for name, value in confided.items() if name != "TRADER__NOTIFY__URLS"]
    return [form for secret in (*secrets, NOTIFY_PASSWORD) for form in disguises(secret)]


@pytest.fixture(scope="module")
def running(engine, image, host, confided, next_year):
    """A bot that trades, whose notices do not arrive, and whose key is then not taken any more."""
    with engine.started(*HARDENED, next_year, *host.options(**confided), image, network="host") as container:
        container.wait_for("cron is up", seconds=60)
        host.next_hour()
        container.execute("/opt/trader/libexec/run.sh")
        host.next_hour()
        host.control.fault("error", error="bad-key", times=0, method="GET", path="/api/v3/account")
        container.execute("/opt/trader/libexec/run.sh", check=False)
        host.control.clear()
        yield container


def hits(data: bytes, needles) -> list[str]:
    return [needle for needle in needles if needle.encode() in data]


def test_the_canaries_are_really_there(running, confided):
    environment = running.execute("sh", "-c", "tr '\\0' '\\n' </proc/$(cat /tmp/trader/cron.pid)/environ").stdout
    assert all(f"{name}={value}" in environment for name, value in confided.items())


def test_another_user_in_the_container_reads_no_secret_anywhere(running, needles):
    done = running.execute("/opt/trader/bin/python", "-c", LOOK, user=STRANGER, stdin=json.dumps(needles), timeout=120)
    told = json.loads(done.stdout)
    assert told["found"] == []
    assert told["read"] > 10000, "the walk has to have seen the whole image"
    assert told["unread"] >= 1, "at least the environments of the bot's processes"


def test_the_bots_own_user_finds_it_in_no_file_either(running, needles):
    files_only = LOOK.replace('("cmdline", "status", "environ", "maps")', '("cmdline", "status", "maps")')
    done = running.execute("/opt/trader/bin/python", "-c", files_only, stdin=json.dumps(needles), timeout=120)
    assert json.loads(done.stdout)["found"] == []


def test_the_environment_of_another_users_process_cannot_be_read(running):
    looked = running.execute("sh", "-c", "cat /proc/$(cat /tmp/trader/cron.pid)/environ", user=STRANGER, check=False)
    assert looked.returncode != 0
    assert looked.stdout == ""


def test_no_log_has_a_secret(running, needles):
    log = running.log()
    assert "cron is up" in log
    assert hits(log.encode(), needles) == []


def test_no_object_in_the_bucket_has_a_secret(running, host, needles):
    keys = host.keys()
    assert len(keys) > 10
    assert [key for key in keys if hits(host.read(key), needles)] == []


def test_no_layer_and_no_history_has_the_password_of_the_package_index(engine, image, tmp_path):
    passwords = [form for word in (INDEX_PASSWORD, f"somebody:{INDEX_PASSWORD}") for form in disguises(word)]
    engine.podman("save", "--quiet", "--format=docker-dir", f"--output={tmp_path / 'saved'}", image, timeout=300)
    call("chmod", "-R", "a+rX", tmp_path / "saved")
    blobs = sorted((tmp_path / "saved").iterdir())
    assert sum(blob.stat().st_size for blob in blobs) > 5 * 10**8, (
        "layers are not compressed, or nothing could be found"
    )
    assert {blob.name: found for blob in blobs if (found := _in_file(blob, passwords))} == {}
    assert hits(engine.podman("history", "--no-trunc", image).stdout.encode(), passwords) == []


def _in_file(path, needles) -> list[str]:
    """Look into a big file piece by piece, the end of each once more with the next."""
    found, kept = set(), b""
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            found.update(hits(kept + data, needles))
            kept = data[-200:]
    return sorted(found)


def test_a_canary_that_is_in_a_layer_would_be_found(tmp_path):
    planted = tmp_path / "layer"
    planted.write_bytes(b"\0" * (CHUNK - 5) + disguises(INDEX_PASSWORD)[2].encode() + b"\0" * 50)
    assert _in_file(planted, disguises(INDEX_PASSWORD)) == [disguises(INDEX_PASSWORD)[2]]
