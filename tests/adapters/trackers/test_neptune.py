"""Neptune: the real clients, each in its child process, against a local server that speaks their protocol."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.adapters.trackers.neptune_server import API_KEY, PROJECT, NeptuneServer, token
from trader.adapters.trackers.process import ProcessTracker
from trader.core.tracking import Dispatch, Step

pytestmark = pytest.mark.slow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 30.0


def steps_of(first, last):
    """Steps first..last, one an hour; the metrics' values are known from the number, and one is rare."""
    return tuple(
        Step(number=number, at=BEGIN + timedelta(hours=number), metrics=metrics_at(number))
        for number in range(first, last + 1)
    )


def metrics_at(number):
    metrics = {"p_up": 0.5 + number / 10_000, "equity/paper_net": number / 3}
    return metrics | ({"hit_rate/rolling": 0.51} if number % 5 == 0 else {})


def points_of(name, first, last):
    """What the server has to hold of a metric after steps first..last."""
    steps = [step for step in steps_of(first, last) if name in step.metrics]
    return [(step.number, round(step.at.timestamp() * 1000), step.metrics[name]) for step in steps]


def dispatch_of(first, last, **changes):
    dispatch = Dispatch(experiment="hourly-trader", run="BTCUSDT-1h m1", steps=steps_of(first, last))
    return replace(dispatch, **changes)


def tracker_of(url_or_token, **changes):
    api_token = token(url_or_token) if url_or_token.startswith("http") else url_or_token
    settings = {"client": "neptune", "project": PROJECT, "api_token": api_token, "mode": "async", "folder": ""}
    return ProcessTracker("neptune", module="neptune", settings=settings | changes)


def send(tracker, *dispatches, seconds=SECONDS):
    sending = tracker.begin()
    for dispatch in dispatches:
        sending.add(dispatch)
    return sending.finish(seconds)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    """No setting of the user's own, and a temporary folder that can be looked into."""
    for name in list(os.environ):
        if name.startswith(("NEPTUNE_", "OAUTHLIB_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))


@pytest.fixture
def server():
    with NeptuneServer() as running:
        yield running


@pytest.fixture
def files(tmp_path):
    """Files by their names in the layout."""
    named = {
        "static-img/equity.png": b"\x89PNG of it",
        "interactive-img/equity.html": b"<html>it</html>",
        "data/results.html": b"<table></table>",
        "data/results.csv": b"open_time,p_up\n",
    }
    paths = {}
    for number, (name, content) in enumerate(named.items()):
        path = tmp_path / f"{number}.tmp"
        path.write_bytes(content)
        paths[name] = str(path)
    return paths


def test_what_is_sent_arrives_once_under_the_names_of_the_layout_and_a_later_process_goes_on(server, files, tmp_path):
    tags = {"symbol": "BTCUSDT", "mode": "demo"}
    params = {"max_depth": "5", "eta": "0.0317123218374243"}
    (first,) = send(tracker_of(server.url), dispatch_of(0, 6, tags=tags, params=params, files=files))
    assert (first.sent, first.error, first.run_id) == (6, "", "HT-1")
    assert not list((tmp_path / "scratch").glob("trader-neptune*"))
    run = server.run
    assert run.client_version == version("neptune")
    assert run.values["sys/name"] == "BTCUSDT-1h m1"
    assert {name: run.values[f"parameters/{name}"] for name in params} == params
    assert {name: run.values[f"tags/{name}"] for name in tags} == tags
    assert run.sets["sys/tags"] == {"BTCUSDT", "demo"}
    assert run.files == {
        "static-img/equity": ("png", b"\x89PNG of it"),
        "interactive-img/equity": ("html", b"<html>it</html>"),
        "data/results": ("html", b"<table></table>"),
        "data/results_csv": ("csv", b"open_time,p_up\n"),
    }
    assert not [name for name in run.values if name.startswith("monitoring")]

    study = dispatch_of(1, 2, run="BTCUSDT-1h study s1")
    later, other = send(tracker_of(server.url), dispatch_of(7, 8, run_id="HT-1"), study)
    assert (later.sent, later.error, other.sent, other.error) == (8, "", 2, "")
    assert (later.run_id, other.run_id) == ("HT-1", "HT-2")

    # What was sent is not known any more, not even the run's id: it is found by its name, and nothing is there twice.
    (again,) = send(tracker_of(server.url), dispatch_of(4, 12))
    assert (again.sent, again.error, again.run_id) == (12, "", "HT-1")
    assert sorted(server.runs) == ["HT-1", "HT-2"]
    for name in ("p_up", "equity/paper_net", "hit_rate/rolling"):
        assert run.series[name] == points_of(name, 0, 12)
    assert run.values["sys/name"] == "BTCUSDT-1h m1"


def test_one_setting_makes_it_minfx(server, files):
    dispatch = dispatch_of(0, 3, params={"max_depth": "5"}, files=files, run_id="gone-1")
    (receipt,) = send(tracker_of(server.url, client="minfx"), dispatch)
    assert (receipt.sent, receipt.error, receipt.run_id) == (3, "", "HT-1")
    run = server.run
    assert run.client_version == version("minfx")
    assert run.series["p_up"] == points_of("p_up", 0, 3)
    assert run.values["parameters/max_depth"] == "5"
    assert run.files["static-img/equity"] == ("png", b"\x89PNG of it")


def test_a_server_that_dies_in_the_middle_has_what_the_receipt_says_and_gets_the_rest_later(server):
    def dies(operation, body):
        if operation == "executeOperations" and any(step >= 200 for each in body for step in steps_in(each)):
            server.on = silence
            raise ConnectionError

    def silence(_operation, _body):
        raise ConnectionError

    server.after = dies  # it has done it, and nobody hears of it
    (receipt,) = send(tracker_of(server.url), dispatch_of(0, 350), seconds=20.0)
    assert (receipt.sent, receipt.run_id) == (199, "HT-1")
    assert "the connection was lost" in receipt.error
    assert max(steps[-1] for steps in map(server.run.steps, ("p_up", "equity/paper_net"))) > 199

    server.on = server.after = lambda _operation, _body: None
    (rest,) = send(tracker_of(server.url), dispatch_of(200, 351, run_id="HT-1"))
    assert (rest.sent, rest.error) == (351, "")
    for name in ("p_up", "equity/paper_net", "hit_rate/rolling"):
        assert server.run.series[name] == points_of(name, 0, 351)


def steps_in(operation):
    return [entry["step"] for entry in operation.get("logFloats", {"entries": []})["entries"]]


def test_a_host_that_refuses_or_says_nothing_costs_no_more_than_it_may():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        refusing = f"http://127.0.0.1:{free.getsockname()[1]}"
    (refused,) = send(tracker_of(refusing), dispatch_of(0, 1))
    assert (refused.sent, refused.run_id) == (None, None)
    assert f"neptune at {refusing}: nothing listens there" in refused.error

    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        (unheard,) = send(tracker_of(f"http://127.0.0.1:{silent.getsockname()[1]}"), dispatch_of(0, 1), seconds=3.0)
        assert time.monotonic() - began < 8.0
    assert unheard.sent is None
    assert "not done after 3.0 s" in unheard.error


def test_what_the_server_refuses_is_told_in_one_line_with_what_to_do(server):
    denied, foreign = NeptuneServer(), NeptuneServer()
    foreign.document = lambda _api: "<html>a shop</html>"
    scripted = {"createExperiment": 403}
    denied.on = lambda operation, _body: scripted.get(operation)
    with denied, foreign:
        wrong = {
            "may not write here (HTTP 403)": tracker_of(denied.url),
            "no such project": tracker_of(server.url, project="desk/other"),
            "no Neptune server": tracker_of(foreign.url),
        }
        sendings = {words: tracker.begin() for words, tracker in wrong.items()}
        for sending in sendings.values():
            sending.add(dispatch_of(0, 1))
        for words, (receipt,) in {words: sending.finish(SECONDS) for words, sending in sendings.items()}.items():
            assert words in receipt.error
            assert receipt.sent is None
            assert API_KEY not in receipt.error
            assert server.token not in receipt.error
        scripted.update(createExperiment=None, exchangeApiToken=401)
        (unknown,) = send(tracker_of(denied.url), dispatch_of(0, 1))
        assert "refuses the API token" in unknown.error


def test_an_operation_that_the_server_refuses_counts_as_not_arrived(server):
    server.refused["equity/paper_net"] = "The limit of fields is reached"
    (receipt,) = send(tracker_of(server.url), dispatch_of(0, 2))
    assert (receipt.sent, receipt.run_id) == (None, "HT-1")
    assert "it refused: The limit of fields is reached" in receipt.error


@contextmanager
def _killed_while_writing(folder):
    """Leave a run's folder as a killed process does: half an operation, and a count that includes it."""
    (place,) = (folder / ".neptune" / "offline").iterdir()
    count = int((place / "last_put_version").read_text())
    with (place / "data-1.log").open("a") as log:
        log.write('{"obj": {"type": "AssignString", "path": ["sys", "name"], "value": "half')
    (place / "last_put_version").write_text(str(count + 1))
    yield place


def test_offline_runs_are_one_folder_each_that_neptune_sync_sends(server, files, tmp_path):
    folder = tmp_path / "offline"
    tracker = tracker_of("", mode="offline", project="", folder=str(folder))
    (first,) = send(tracker, dispatch_of(0, 3, params={"max_depth": "5"}, files=files))
    assert (first.sent, first.error) == (3, "")
    with _killed_while_writing(folder):
        (second,) = send(tracker, dispatch_of(4, 9, run_id=first.run_id))
    assert (second.sent, second.error, second.run_id) == (9, "", first.run_id)
    for path in files.values():
        Path(path).unlink()

    program = Path(sys.executable).with_name("neptune")
    environment = {**os.environ, "NEPTUNE_API_TOKEN": server.token, "OAUTHLIB_INSECURE_TRANSPORT": "1"}
    subprocess.run(
        [program, "sync", "--path", folder, "--project", PROJECT], env=environment, check=True, capture_output=True
    )
    run = server.run
    for name in ("p_up", "equity/paper_net", "hit_rate/rolling"):
        assert run.series[name] == points_of(name, 0, 9)
    assert run.values["sys/name"] == "BTCUSDT-1h m1"
    assert run.values["parameters/max_depth"] == "5"
    assert run.files["data/results"] == ("html", b"<table></table>")
    assert not list((folder / ".neptune").glob("*/run__*"))
