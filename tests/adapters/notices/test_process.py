import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.adapters.notices.services import black_hole, closed_port, dripping, running_service
from tests.conftest import ROOT
from trader.adapters.notices import AppriseNotifier, check_urls, process
from trader.core.notices import Delivered, Level, Notice, Topic

AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
MISSED = Notice(topic=Topic.MISSED, level=Level.WARNING, symbol="BTCUSDT", at=AT, what="<b>2</b> & more", advice="look")
HALTED = Notice(topic=Topic.HALTED, level=Level.ERROR, symbol="ETHUSDT", at=AT, what="lost")


@pytest.fixture
def service():
    with running_service() as running:
        yield running


def notifier(*urls: str) -> AppriseNotifier:
    return AppriseNotifier(urls, bot_id="my-bot")


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def all_children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.fixture(autouse=True)
def others() -> None:
    """The servers of other tests are children of this process, too."""
    OTHERS[:] = all_children()


OTHERS: list[str] = []


def children() -> list[str]:
    return [each for each in all_children() if each not in OTHERS]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int, *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def test_what_is_sent_arrives_as_plain_text_at_every_service(service):
    html = service.url("two?format=html")
    assert notifier(service.url("one"), html).send([MISSED], seconds=10) == Delivered(reached=2)
    told = dict(service.told)
    assert set(told) == {"/one", "/two"}
    assert "&lt;b&gt;2&lt;/b&gt;" in told["/two"]["message"]
    body = told["/one"]
    assert body["title"] == "[WARNING] BTCUSDT missed hours"
    assert body["message"] == "<b>2</b> & more\nWhat to do: look\n\n2026-11-20 17:00 UTC, bot my-bot"
    assert body["type"] == "warning"


@pytest.mark.slow
def test_the_notices_of_several_symbols_are_one_message(service):
    assert notifier(service.url("one")).send([MISSED, HALTED], seconds=10) == Delivered(reached=1)
    assert [body["title"] for _, body in service.told] == ["[ERROR] ETHUSDT halted, and 1 more"]


def test_one_that_refuses_one_that_is_broken_and_one_that_is_none_do_not_hinder_the_others(service):
    dead = f"json://robot:hunter2@127.0.0.1:{closed_port()}/topic77"
    urls = ("nowhere://tokentoken", dead, service.url("good"), service.url("broken"), service.url("slow"))
    found = notifier(*urls).deliver([MISSED], seconds=10)
    assert sorted(path for path, _ in service.told) == ["/broken", "/good", "/slow"]
    unknown, refused, good, broken, slow = found
    assert unknown.where == "entry 1 (nowhere://***)"
    assert unknown.error.startswith("it is no URL that Apprise knows; https://")
    assert refused.where.startswith("entry 2 (json://127.0.0.1:")
    assert "A Connection error occurred" in refused.error
    assert "error=500" in broken.error
    assert (good.error, slow.error) == ("", "")
    for secret in ("hunter2", "robot", "topic77", "tokentoken"):
        assert secret not in str(found)


@pytest.mark.slow
def test_a_failure_says_at_how_many_services(service):
    found = notifier(service.url("broken"), service.url("good")).send([MISSED, HALTED], seconds=10)
    assert found.reached == 1
    assert found.error.startswith(f"1 of 2 services not told: entry 1 (json://127.0.0.1:{service.port}): ")


@pytest.mark.slow
@pytest.mark.parametrize("service_that_hangs", [black_hole, dripping])
def test_a_service_that_hangs_is_given_up_in_time_and_the_others_are_told(service, service_that_hangs):
    with service_that_hangs() as port:
        began = time.monotonic()
        hangs, good = notifier(f"json://127.0.0.1:{port}/x", service.url("good")).deliver([MISSED], seconds=2)
        took = time.monotonic() - began
    assert took < 3.9, "services have four seconds by themselves"
    assert good.error == ""
    assert "in time" in hangs.error or "Connection error" in hangs.error, "the process had time to say so"
    assert children() == []


def test_without_notices_without_services_and_without_time_nothing_is_sent(service):
    assert notifier(service.url("x")).send([], seconds=10) == Delivered(reached=0)
    assert notifier().send([MISSED], seconds=10) == Delivered(reached=0)
    assert "no time was left" in notifier(service.url("x")).send([MISSED], seconds=0).error
    assert service.told == []


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put another script in the place of the one that sends."""
    path = tmp_path / "script.py"
    path.write_text(text)
    monkeypatch.setattr(process, "_SCRIPT", path)


@pytest.mark.slow
def test_a_process_that_hangs_is_killed_with_what_it_has_started_and_what_it_said_counts(tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    script(
        tmp_path,
        monkeypatch,
        "import os, subprocess, sys, time\n"
        'print(\'{"entry": 1, "error": ""}\', flush=True)\n'
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')\n"
        "print('{\"entry\"', end='', flush=True)\n"
        "time.sleep(60)\n",
    )
    before = open_files()
    began = time.monotonic()
    first, second = notifier("json://a.org/x", "json://b.org/x").deliver([MISSED], seconds=2)
    assert time.monotonic() - began < 6
    assert (first.error, second.error) == ("given up after 2 s", "")
    assert all(ends(int(pid), seconds=2) for pid in pids.read_text().split())
    assert children() == []
    assert open_files() == before


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import sys; sys.exit(7)", "the process that tells it ended with code 7"),
        ("import os; os.kill(os.getpid(), 9)", "the process that tells it ended with code -9"),
        ("print('no JSON'); print('[1]'); print('{}'); print('{\"entry\": 9, \"error\": \"\"}')", "said nothing"),
        ('print(\'{"entry": 0, "error": "a\\\\nb\\\\u001b[31m hunter2"}\')', "a b [31m ***"),
    ],
)
def test_whatever_the_process_does_there_is_an_answer_in_one_line(tmp_path, monkeypatch, text, error):
    script(tmp_path, monkeypatch, text)
    (found,) = notifier("json://robot:hunter2@a.org/x").deliver([MISSED], seconds=5)
    assert error in found.error
    assert found.error.isprintable()


def test_the_process_gets_nothing_secret_of_the_environment(tmp_path, monkeypatch):
    for name in ("TRADER__EXCHANGE__API_SECRET", "AWS_SECRET_ACCESS_KEY", "NEPTUNE_API_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("HTTPS_PROXY", "a-proxy")
    script(
        tmp_path,
        monkeypatch,
        "import json, os\nprint(json.dumps({'entry': 0, 'error': json.dumps(dict(os.environ))[-200:]}))\n"
        "open('environment', 'w').write(json.dumps(dict(os.environ)))\n",
    )
    notifier("json://a.org/x").deliver([MISSED], seconds=5)
    seen = json.loads(Path("environment").read_text())
    assert "canary" not in seen.values()
    assert seen["HTTPS_PROXY"] == "a-proxy"


def test_a_machine_that_cannot_start_a_process_is_said_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    (found,) = notifier("json://a.org/x").deliver([MISSED], seconds=5)
    assert found.error == "no process could be started for it (No such file or directory)"


@pytest.mark.slow
def test_a_signal_in_the_middle_takes_the_process_along(tmp_path, monkeypatch):
    pids = tmp_path / "pid"
    script(
        tmp_path, monkeypatch, f"import os, time\nopen({str(pids)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupted)
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with pytest.raises(KeyboardInterrupt):
            notifier("json://a.org/x").deliver([MISSED], seconds=20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ends(int(pids.read_text()), seconds=2)
    assert children() == []


ORPHAN = """
import sys
from datetime import UTC, datetime
from trader.adapters.notices import AppriseNotifier
from trader.core.notices import Level, Notice, Topic
notice = Notice(topic=Topic.MISSED, level=Level.INFO, symbol="", at=datetime(2026, 1, 1, tzinfo=UTC), what="x")
AppriseNotifier([sys.argv[1]], bot_id="b").send([notice], seconds=2)
"""


@pytest.mark.slow
def test_a_process_whose_bot_was_killed_ends_by_itself():
    with black_hole() as port:
        command = [sys.executable, "-c", ORPHAN, f"json://127.0.0.1:{port}/x"]
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as bot:
            task = Path(f"/proc/{bot.pid}/task/{bot.pid}/children")
            until = time.monotonic() + 20
            while not (found := task.read_text().split()) and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)
            bot.kill()
        assert ends(int(found[0]), seconds=6)


@pytest.mark.slow
def test_a_process_that_nobody_listens_to_ends_by_itself():
    request = {"urls": ["nowhere://x"] * 5000, "check": True, "deadline": time.monotonic() + 0.5}
    with subprocess.Popen(
        [sys.executable, "-P", process._SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as one:
        one.stdin.write(json.dumps(request).encode())
        one.stdin.close()
        assert one.wait(timeout=10) == -signal.SIGALRM, "its answers fill the pipe, and it waits for a reader"


def test_urls_are_checked_without_sending_anything(service):
    secret = "hunter2hunter2"
    wrong = check_urls([service.url("x"), f"nowhere://{secret}", "tgram://not-a-token", secret])
    assert service.told == []
    assert [line.partition(": it is")[0] for line in wrong] == [
        "notify.urls: entry 2 (nowhere://***)",
        "notify.urls: entry 3 (tgram://***)",
        "notify.urls: entry 4 (***)",
    ]
    assert secret not in str(wrong)
    assert check_urls([]) == []


def test_nothing_that_can_be_printed_of_a_notifier_shows_a_url():
    found = notifier("json://robot:hunter2@a.org/topic77")
    assert "hunter2" not in f"{found!r} {vars(found)!r}"
    assert "topic77" not in f"{found!r} {vars(found)!r}"
