"""What only a process can show: signals, a killed demo, a closed pipe, a user without rights, exit codes end to end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Trader, contents
from tests.conftest import ROOT

COMMAND = [sys.executable, str(ROOT / "main.py")]

pytestmark = pytest.mark.slow


def ended(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, **options)


def records(store: Path) -> set[str]:
    return {key for key in contents(store) if key.startswith("journal/")}


@pytest.fixture
def long_past(monkeypatch) -> int:
    """A past that takes a few seconds to replay, and leaves no training to be done after it; returns its hours."""
    monkeypatch.setenv("TRADER__RETRAIN__TIMING", "external")
    monkeypatch.setenv("TRADER__DEMO__REPLAY_DAYS", "6")
    monkeypatch.setenv("TRADER__RUN__LEASE_SECONDS", "0.5")
    return 144


def interrupted(store: Path, number: int) -> tuple[int, str]:
    """Begin a demo, send a signal in the middle of its replay, and return its code and what it said on stderr."""
    with subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(list(store.glob("journal/*/*/*/*/*.json"))) < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_a_demo_that_was_cut_off_goes_on_and_ends_as_if_it_had_not_been(
    *, number: int, long_past: int, empty_store: Path, trader: Trader, tmp_path, monkeypatch
):
    code, said = interrupted(empty_store, number)
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert code == 128 + number
        assert said == "interrupted; what was committed stays\n"
    assert "Traceback" not in said
    done = len(records(empty_store))
    assert 30 <= done < long_past

    answer = trader("demo")
    assert (answer.code, answer.err) == (0, "")
    replayed = int(answer.out.split("REPLAY: ")[1].split()[0])
    assert replayed in (long_past - done, long_past - done + 1), "at most the hour it was at is done again"

    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "whole"))
    assert trader("demo").code == 0
    assert records(empty_store) == records(tmp_path / "whole")
    state = "state/DEMOUSDT/1h.json"
    assert json.loads((empty_store / state).read_bytes()) == json.loads((tmp_path / "whole" / state).read_bytes())


def test_ctrl_c_in_a_run_is_130_and_the_same_hour_is_done_by_the_next(store: Path, trader: Trader, monkeypatch):
    script = (
        "import sys, trader.jobs.run as job, trader.cli as cli\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "job.execute = stop\n"
        "sys.exit(cli.main(['run']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted; what was committed stays\n"
    (run,) = trader("run", "--json").json()["runs"]
    assert (run["outcome"], run["kline"]) == ("done", "2026-01-01T01:00:00+00:00")


@pytest.mark.parametrize("words", [["status", "--json"], ["status"], ["run"], ["--help"]])
def test_a_reader_that_has_seen_enough_is_no_error(words: list[str], store: Path):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*COMMAND, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_head_of_a_long_answer_is_silent(store: Path):
    command = f"set -o pipefail; '{COMMAND[0]}' '{COMMAND[1]}' status --json | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_exit_codes_reach_the_shell(store: Path, monkeypatch):
    assert ended("run", "--json").returncode == 0
    assert ended("frobnicate").returncode == 2
    refused = ended("run", "--at", "2020-01-01")
    assert refused.returncode == 3
    assert refused.stderr.startswith("error: ")
    (store / "models/DEMOUSDT/1h/champion.json").write_bytes(b"{")
    damaged = ended("run")
    assert damaged.returncode == 4
    assert "Traceback" not in damaged.stderr
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__STORAGE__URL", "elsewhere")
    monkeypatch.setenv("TRADER__MARKET__BASE_URL", "http://127.0.0.1:9")
    assert ended("run").returncode == 75


def test_a_bug_is_1_with_its_traceback(store: Path):
    script = (
        "import sys, trader.jobs.run as job, trader.cli as cli\n"
        "def buggy(*_, **__): raise ZeroDivisionError('a bug')\n"
        "job.execute = buggy\n"
        "sys.exit(cli.main(['run']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: a bug" in done.stderr


WITHOUT_RIGHTS = """
import contextlib, io, json, os, sys
from trader.cli import main

def give(*words):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        return main(words), out.getvalue(), err.getvalue()

closed, os.environ["TRADER__STORAGE__URL"] = os.environ["TRADER__STORAGE__URL"], "warm"
commands = (["demo"], ["status"], ["run"], ["halt", "--why", "x"], ["chart"])
assert [give(*words)[0] for words in commands] == [0] * 5  # all is imported: root's Python may be closed
os.environ["TRADER__STORAGE__URL"] = closed
os.chdir("/")
if os.geteuid() == 0:
    os.seteuid(65534)
print(json.dumps([give(*words) for words in commands]))
"""


def test_a_store_that_may_not_be_written_can_be_read_but_not_run_on(demo_store: Path, monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folder is closed to others
        store = Path(folder) / "store"
        shutil.copytree(demo_store, store)
        Path(folder).chmod(0o755)
        everything = [store, *store.rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = contents(store)
        monkeypatch.setenv("TRADER__STORAGE__URL", str(store))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        script = [sys.executable, "-c", WITHOUT_RIGHTS]
        done = subprocess.run(script, capture_output=True, text=True, check=False)
        after = contents(store)
        for path in everything:
            path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    demo, status, *others = json.loads(done.stdout)
    assert (status[0], status[2]) == (0, "")
    for code, _, said in (demo, *others):
        assert code == 3
        assert said.startswith(f"error: storage {store} cannot be used (Permission denied")
    assert after == before
