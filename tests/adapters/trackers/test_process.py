import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.adapters.trackers.process import ProcessSending, ProcessTracker
from trader.core.tracking import Dispatch, Receipt, Step

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FAKE = "tests.adapters.trackers.fake_tracker"
FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
ENOUGH = 20.0
SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No test may leave a process, a thread or an open file behind."""
    files, threads, children = what_there_is()
    yield
    after = what_there_is()  # of other tests' servers something may have ended meanwhile
    assert after[0] <= files
    assert after[1] <= threads
    assert set(after[2]) <= set(children)


def what_there_is():
    """How many files and threads, and which child processes, this process has; other tests' servers are among them."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return len(list(Path("/dev/fd").iterdir())), threading.active_count(), children


@pytest.fixture
def sign(tmp_path):
    """A file that a child makes when it begins to hang."""
    return str(tmp_path / "sign")


def dispatch(run="r", steps=3, *, width=1, **others):
    numbered = range(10, 10 + steps)
    metrics = [{f"metric/{name}": number + name / 7 for name in range(width)} for number in numbered]
    made = [
        Step(number=number, at=FIRST + timedelta(hours=number), metrics=values)
        for number, values in zip(numbered, metrics, strict=True)
    ]
    return Dispatch(experiment="e", run=run, steps=tuple(made), **others)


def send(*dispatches, seconds=ENOUGH, module=FAKE, **settings):
    """Return the receipts, and how long it took to wait for them, from the `sign` on where there is to be one."""
    sending = ProcessSending("fake", module=module, settings=settings)
    for one in dispatches:
        sending.add(one)
    if "sign" in settings:
        wait_for(Path(settings["sign"]).exists)
    began = time.monotonic()
    receipts = sending.finish(seconds)
    took = time.monotonic() - began
    assert took < seconds + 3
    return receipts, took


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_for(condition, seconds=ENOUGH):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_everything_arrives_as_it_was_and_in_its_order(tmp_path):
    sent = [dispatch("a", 700, width=16), dispatch("b", 2, files={"data/x.csv": "/there"}), dispatch("c", 0)]
    receipts, _ = send(*sent, received=str(tmp_path / "received"))
    assert receipts == (
        Receipt(run="a", run_id="id of a", sent=709),
        Receipt(run="b", run_id="id of b", sent=11),
        Receipt(run="c", run_id="id of c", sent=None),
    )
    received = [json.loads(line) for line in (tmp_path / "received").read_text().splitlines()]
    assert received == [
        [
            one.run,
            [[step.number, step.at.isoformat(), *map(list, step.metrics.items())] for step in one.steps],
            dict(one.files),
        ]
        for one in sent
    ]


def test_a_run_may_have_nothing_to_send():
    assert send() == ((), pytest.approx(0, abs=ENOUGH))


def test_a_child_that_hangs_is_killed_in_time_and_what_arrived_before_is_known(sign):
    hanging = {"mode": "hang", "many": "2", "address": "http://host:1", "sign": sign}
    receipts, took = send(dispatch("a"), dispatch("b"), seconds=0.5, **hanging)
    assert took >= 0.5
    assert receipts[0].sent == 11
    assert receipts[0].run_id == "id of a"
    assert receipts[0].error == (
        "fake at http://host:1: not done after 0.5 s, what is missing is sent by a later run; see that it answers, or"
        " raise tracker.timeout_seconds"
    )
    assert receipts[1] == Receipt(run="b", run_id=None, sent=None, error=receipts[0].error)


def test_no_time_at_all_is_no_reason_to_fail():
    receipts, _ = send(dispatch(run_id="old"), seconds=0)
    assert receipts[0].run_id == "old"
    assert receipts[0].sent is None
    assert "not done after 0.0 s" in receipts[0].error


def test_a_child_that_reads_nothing_makes_nobody_wait():
    sending = ProcessSending("fake", module=FAKE, settings={})
    os.kill(sending._child._child.pid, signal.SIGSTOP)
    large = dispatch(steps=5000, width=20)  # several megabytes, a pipe takes 64 kB
    began = time.monotonic()
    sending.add(large)
    assert time.monotonic() - began < 5
    began = time.monotonic()
    (receipt,) = sending.finish(0.3)
    assert time.monotonic() - began < 3
    assert receipt.sent is None


def test_all_that_the_child_has_started_dies_with_it(tmp_path, sign):
    send(dispatch(), seconds=0.1, mode="fork", pid=str(tmp_path / "pid"), sign=sign)
    wait_for(lambda: not is_alive(int((tmp_path / "pid").read_text())))


def test_a_child_that_dies_is_told_by_its_last_words_without_the_secret():
    receipts, took = send(dispatch("a"), dispatch("b"), mode="crash", many="1", token=SECRET)
    assert took < ENOUGH / 2
    assert [receipt.sent for receipt in receipts] == [10, None]
    assert receipts[0].error == "fake: its process ended too early (code -9: Fatal vendor error: token *** is lost)"


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("trader.adapters.trackers.nothing", "No module named trader.adapters.trackers.nothing"),
        ("this", "ended too early (code 0)"),
        ("trader.adapters.trackers.wire", "ended too early (code 0)"),
    ],
)
def test_a_program_that_is_no_tracker_has_sent_nothing(module, words):
    receipts, _ = send(dispatch(), module=module)
    assert receipts[0].sent is None
    assert words in receipts[0].error


def test_a_process_that_cannot_be_started_is_an_error_of_each_dispatch(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    receipts, _ = send(dispatch("a"), dispatch("b"))
    assert [receipt.run for receipt in receipts] == ["a", "b"]
    assert all(re.match("fake: its process cannot be started .No such file", receipt.error) for receipt in receipts)


def test_whatever_a_vendor_prints_is_no_report():
    receipts, _ = send(dispatch(), mode="chatter")
    assert receipts == (Receipt(run="r", run_id="id of r", sent=12),)


def test_an_unforeseen_error_is_told_by_its_first_line_without_the_secret():
    receipts, _ = send(dispatch("a", 1), dispatch("b"), dispatch("c", 1), mode="raise", many="1", token=SECRET)
    assert [receipt.sent for receipt in receipts] == [10, 10, 10]
    assert [receipt.error for receipt in receipts] == ["", "fake: ValueError: the token ***", ""]


def test_a_refused_dispatch_does_not_keep_others_from_being_sent():
    receipts, _ = send(dispatch("a"), dispatch("b", 2), mode="bad", many="2")
    assert [(receipt.sent, receipt.error) for receipt in receipts] == [
        (11, "fake: this run is not wanted; rename it"),
        (11, ""),
    ]


def test_an_unreachable_tracker_is_not_tried_again_for_each_dispatch(tmp_path):
    receipts, _ = send(dispatch("a"), dispatch("b", 0), mode="unreachable", received=str(tmp_path / "none"))
    assert [receipt.error for receipt in receipts] == ["fake: nobody there; start it"] * 2
    assert not (tmp_path / "none").exists()


def test_a_connection_that_is_refused_is_an_error_of_each_dispatch_without_the_secret():
    receipts, _ = send(dispatch("a"), dispatch("b"), connect="fails", token=SECRET)
    assert [receipt.error for receipt in receipts] == ["fake: the token *** is none; make a new one"] * 2


def test_a_dispatch_that_cannot_be_written_does_not_shift_the_others():
    receipts, _ = send(dispatch("a", 1), dispatch("b", 2, tags={"x": object()}), dispatch("c", 3))
    assert [(receipt.run, receipt.sent, bool(receipt.error)) for receipt in receipts] == [
        ("a", 10, False),
        ("b", None, True),
        ("c", 12, False),
    ]


def test_a_child_that_does_not_let_go_of_its_connection_has_sent_everything(sign):
    sending = ProcessSending("fake", module=FAKE, settings={"close": "hang", "sign": sign})
    sending.add(dispatch())
    receipts = sending.finish(3.0)
    assert Path(sign).exists()
    assert receipts == (Receipt(run="r", run_id="id of r", sent=12),)


def test_an_interrupted_wait_leaves_nothing(monkeypatch):
    sending = ProcessSending("fake", module=FAKE, settings={"mode": "hang"})
    sending.add(dispatch())
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        sending.finish(ENOUGH)
    timer.join()


def test_a_child_does_not_outlive_its_parent(tmp_path):
    place = tmp_path / "pid"
    program = (
        "import time; from trader.adapters.trackers.process import ProcessSending;"
        f"kept = ProcessSending('fake', module={FAKE!r}, settings={{'pid': {str(place)!r}}}); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as parent:
        try:
            wait_for(lambda: place.exists() and place.read_text())
            assert is_alive(int(place.read_text()))
        finally:
            parent.kill()
    wait_for(lambda: not is_alive(int(place.read_text())))


def test_settings_are_in_no_argument_and_our_own_settings_not_in_the_environment(monkeypatch):
    monkeypatch.setenv("TRADER__EXCHANGE__API_SECRET", "of-the-exchange")
    sending = ProcessSending("fake", module=FAKE, settings={"token": SECRET})
    place = Path(f"/proc/{sending._child._child.pid}")
    wait_for(lambda: FAKE.encode() in (place / "cmdline").read_bytes())
    shown = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
    sending.finish(0)
    assert b"PATH=" in shown
    assert SECRET.encode() not in shown
    assert b"of-the-exchange" not in shown


def test_the_program_of_mlflow_starts_lean():
    program = "import sys, trader.adapters.trackers.mlflow; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"numpy", "pandas", "pydantic", "xgboost", "mlflow", "requests", "boto3", "trader.ml", "trader.config"}
    assert not heavy & set(done.stdout.split())


def test_a_tracker_is_a_module_of_its_own_and_named(tmp_path):
    tracker = ProcessTracker("mlflow", module="mlflow", settings={"uri": "nothing://"})
    assert tracker.name == "mlflow"
    sending = tracker.begin()
    sending.add(dispatch())
    (receipt,) = sending.finish(ENOUGH)
    assert receipt.error.startswith("mlflow: nothing:// is no kind of tracking URI")
