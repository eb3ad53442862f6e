"""`trader run` beside a tracker and a notifier that are dead in every way: it trades as always, and leaves in time."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GRACE = 20.0
"""Seconds that a run may take after its commit."""

DEMO = {"TRADER__DRIFT__ENABLED": "false", "TRADER__DEMO__REPLAY_DAYS": "0"}


@contextmanager
def nobody_answers():
    """A port that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=16)) as server:
        yield server.getsockname()[1]


@contextmanager
def nobody_is_there():
    """A port that nobody listens to."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    yield port


@contextmanager
def nothing_comes_back():
    """A port whose backlog is full: connections are neither taken nor refused."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as server:
        port, waiting = server.getsockname()[1], []
        for _ in range(8):
            waiting.append(socket.socket())
            waiting[-1].settimeout(0)
            waiting[-1].connect_ex(("127.0.0.1", port))
        yield port
        for each in waiting:
            each.close()


def trader(store, *words, **settings):
    """Run a command in a process of its own; return it with the time of its end, on the machine's monotonic clock."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADER__")}
    environment = {**kept, **DEMO, "TRADER__STORAGE__URL": str(store), **settings}
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, time.monotonic()


def newest_record(store):
    path = max((store / "journal").rglob("*.json"))
    return json.loads(path.read_text())


def test_dead_trackers_and_notifiers_cost_runs_seconds_after_their_orders_and_nothing_else(tmp_path):
    store, deaths = tmp_path / "store", (nobody_answers, nobody_is_there, nothing_comes_back)
    for dead in deaths:
        with dead() as port:
            told, ended = trader(
                store,
                "run",
                TRADER__TRACKER__MLFLOW_URI=f"http://user:hunter2@127.0.0.1:{port}",
                TRADER__TRACKER__TIMEOUT_SECONDS="4",
                TRADER__NOTIFY__URLS=f"json://user:hunter3@127.0.0.1:{port}",
                TRADER__NOTIFY__SUCCESS="true",
                TRADER__NOTIFY__TIMEOUT_SECONDS="2",
            )
        assert told.returncode == 0, told.stderr
        record = newest_record(store)
        assert record["status"] == "completed"
        committed = record["timings"]["started"] + record["timings"]["commit"]
        assert ended - committed < GRACE  # and what was waited for came after the commit
        assert "hunter" not in told.stderr + told.stdout
    said = trader(store, "status", TRADER__TRACKER__KINDS="none")[0].stdout
    for shown in (said, next((store / "dashboard").rglob("summary.js")).read_text()):
        assert "tracker mlflow" in shown
        assert "notifier" in shown
        assert "hunter" not in shown
    back, _ = trader(store, "run", TRADER__TRACKER__TIMEOUT_SECONDS="60")
    assert back.returncode == 0, back.stderr
    with closing(sqlite3.connect(store / "tracking" / "mlflow.db")) as database:
        steps = database.execute("select step from metrics where key = 'close' order by step").fetchall()
    assert steps == [(step,) for step in range(len(deaths) + 1)]


def test_settings_of_trackers_that_cannot_be_used_fail_no_run(tmp_path):
    store = tmp_path / "store"
    done, _ = trader(
        store,
        "run",
        TRADER__TRACKER__KINDS="mlflow,neptune",
        TRADER__TRACKER__MLFLOW_URI="gopher://nowhere",
        TRADER__TRACKER__NEPTUNE_API_TOKEN="no token at all",
        TRADER__NOTIFY__URLS="nonsense://x",
        TRADER__NOTIFY__SUCCESS="true",
    )
    assert done.returncode == 0, done.stderr
    assert newest_record(store)["status"] == "completed"
    said = trader(store, "status")[0].stdout
    assert "tracker mlflow" in said
    assert "tracker neptune" in said
    assert "notifier" in said
