"""What the doctor says of trackers, notices and the disk: nothing is sent, nothing secret is shown."""

import socket
import sqlite3
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from trader.adapters.reachable import ask_http, connect
from trader.bootstrap.checks import build_checks
from trader.config import load_settings
from trader.core.errors import BadConfig, Retryable


def check(name, monkeypatch, **settings):
    """The finding of one check under these settings."""
    for key, value in settings.items():
        monkeypatch.setenv(f"TRADER__{key}", value)
    return build_checks(load_settings())[name]()


@contextmanager
def server(status):
    """A server that answers every GET with a status; gives its port and the paths that it was asked for."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.server_port, asked
        running.shutdown()
        thread.join()


@contextmanager
def black_hole():
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_local_store_has_a_disk_and_a_tracker_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "not" / "there" / "yet"))
    checks = build_checks(load_settings())
    assert list(checks) == ["disk", "tracker mlflow", "notices"]
    assert checks["disk"]().found.endswith(" GB are free")
    assert "mlflow.db, made by the first run" in checks["tracker mlflow"]().found
    assert not (tmp_path / "not").exists()


def test_a_bucket_with_a_local_tracker_is_a_failure_with_advice(monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", "s3://bucket/prefix")
    assert list(build_checks(load_settings())) == ["notices"], "nobody asked for a tracker"
    with pytest.raises(BadConfig, match="die with the container"):
        check("tracker mlflow", monkeypatch, TRACKER__KINDS="mlflow")
    with pytest.raises(BadConfig, match="die with the container"):
        check("tracker mlflow", monkeypatch, TRACKER__MLFLOW_URI="sqlite:////tmp/x.db")


def test_a_tracking_server_is_asked_for_its_health_and_nothing_else(monkeypatch):
    with server(200) as (port, asked):
        uri = f"http://me:s3cret@127.0.0.1:{port}"
        found = check("tracker mlflow", monkeypatch, TRACKER__KINDS="mlflow", TRACKER__MLFLOW_URI=uri)
    assert (found.found, found.advice, asked) == (f"http://127.0.0.1:{port} answers", "", ["/health"])
    with server(403) as (port, _):
        found = check("tracker mlflow", monkeypatch, TRACKER__MLFLOW_URI=f"http://127.0.0.1:{port}/")
    assert found.found.endswith("answers with status 403")
    assert "tracker.mlflow_uri" in found.advice


def test_a_tracking_server_that_is_gone_or_silent_is_a_warning_after_seconds(monkeypatch):
    uri = "http://me:s3cret@127.0.0.1:9"
    found = check("tracker mlflow", monkeypatch, TRACKER__KINDS="mlflow", TRACKER__MLFLOW_URI=uri)
    assert found.found.startswith("http://127.0.0.1:9 does not answer")
    assert "sent later" in found.advice
    assert "s3cret" not in found.found + found.advice


def test_a_database_for_the_tracker_is_connected_to(monkeypatch):
    with black_hole() as port:
        uri = f"postgresql://me:s3cret@127.0.0.1:{port}/runs"
        found = check("tracker mlflow", monkeypatch, TRACKER__KINDS="mlflow", TRACKER__MLFLOW_URI=uri)
    assert "can be connected to" in found.found
    assert "s3cret" not in found.found


def test_what_cannot_be_a_tracking_uri_is_a_failure_without_its_password(tmp_path, monkeypatch):
    (tmp_path / "no.db").write_text("this is no database at all, whatever it is called")
    for uri in (
        "ftp://me:s3cret@host",
        "mlruns",
        "http://",
        f"sqlite:///{tmp_path}/none/x.db",
        f"sqlite:///{tmp_path}/no.db",
    ):
        with pytest.raises(BadConfig, match=r"tracker\.mlflow_uri") as caught:
            check("tracker mlflow", monkeypatch, TRACKER__KINDS="mlflow", TRACKER__MLFLOW_URI=uri)
        assert "s3cret" not in str(caught.value)
    sqlite3.connect(tmp_path / "runs.db").close()
    uri = f"sqlite:///{tmp_path}/runs.db"
    assert check("tracker mlflow", monkeypatch, TRACKER__MLFLOW_URI=uri).found == uri


def test_neptune_wants_a_project_and_a_token_of_a_server_that_is_there(monkeypatch):
    monkeypatch.delenv("NEPTUNE_PROJECT", raising=False)
    monkeypatch.delenv("NEPTUNE_API_TOKEN", raising=False)
    with pytest.raises(BadConfig, match="no Neptune project"):
        check("tracker neptune", monkeypatch, TRACKER__KINDS="neptune")
    with pytest.raises(BadConfig, match="no API token"):
        check("tracker neptune", monkeypatch, TRACKER__NEPTUNE_PROJECT="me/bot")
    with pytest.raises(BadConfig, match="no API token") as caught:
        check("tracker neptune", monkeypatch, TRACKER__NEPTUNE_API_TOKEN="s3cret")
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("TRADER__STORAGE__URL", "here")
    assert "offline" in check("tracker neptune", monkeypatch, TRACKER__NEPTUNE_MODE="offline").found


@pytest.mark.slow
def test_addresses_for_notices_are_looked_at_and_not_told_anything(monkeypatch):
    assert check("notices", monkeypatch).found == "nobody is told: notify.urls is empty"
    with server(200) as (port, asked):
        found = check("notices", monkeypatch, NOTIFY__URLS=f"json://127.0.0.1:{port}/s3cret")
    assert (found.found.startswith("services: 1,"), asked) == (True, [])
    with pytest.raises(BadConfig, match=r"notify\.urls: entry 2") as caught:
        check("notices", monkeypatch, NOTIFY__URLS="json://localhost/s3cret,nothing://hunter2-s3cret")
    assert "s3cret" not in str(caught.value)


def test_nobody_waits_longer_for_an_answer_than_was_said():
    began = time.monotonic()
    with black_hole() as port, pytest.raises(Retryable, match="does not answer"):
        ask_http(f"http://127.0.0.1:{port}/health?s3cret", seconds=0.3)
    assert time.monotonic() - began < 5
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:9 does not answer"):
        connect("mysql+pymysql://127.0.0.1:9/x", seconds=0.3)
    with pytest.raises(Retryable, match="does not answer"):
        ask_http("http://nothing.invalid/", seconds=2)
