import os
import shutil
import socket
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.adapters.trackers.mlflow_server import mlflow_server
from tests.adapters.trackers.odd_servers import PASSWORD, USER, odd_server
from trader.adapters.trackers.process import ProcessTracker
from trader.core.tracking import Dispatch, Step

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's own, when a database is read in this process
]

FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
ENOUGH = 120.0
NAMES = ("p_up", "return/net", "equity/paper_net")
FILES = {
    "static-img/equity.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50,
    "interactive-img/equity.html": "<p>Größe</p>".encode(),
    "data/results.csv": b"a,b\n1,2\n",
    "model/card.json": b"{}",
}


@pytest.fixture(autouse=True, scope="module")
def no_settings_of_the_user():
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MLFLOW_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
                patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    from trader.adapters.trackers.mlflow_database import make_database  # noqa: PLC0415 - imports MLflow

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    make_database(path)
    return path


@pytest.fixture
def database(empty_database, tmp_path):
    """A database without any run, which takes seconds to make and none to copy."""
    return shutil.copyfile(empty_database, tmp_path / "mlflow.db")


def steps(first, last, names=NAMES):
    return tuple(
        Step(
            number=number,
            at=FIRST + timedelta(hours=number),
            metrics={name: (number + 1) / (index + 3) - 0.1 for index, name in enumerate(names)},
        )
        for number in range(first, last)
    )


def dispatch(run="BTCUSDT-1h 20260101T0000-aaaa", *, experiment="hourly", **others):
    return Dispatch(experiment=experiment, run=run, **others)


def begin(uri, *dispatches, **settings):
    sending = ProcessTracker("mlflow", module="mlflow", settings={"uri": uri, **settings}).begin()
    for one in dispatches:
        sending.add(one)
    return sending


def send(uri, *dispatches, within=ENOUGH, **settings):
    sending = begin(uri, *dispatches, **settings)
    began = time.monotonic()
    receipts = sending.finish(within)
    assert time.monotonic() - began < within + 3
    return receipts


def client(uri):
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    return MlflowClient(uri)


def history(reader, run_id, names=NAMES):
    """Return what is kept of a run, as the steps that were sent."""
    kept: dict[int, dict[str, float]] = {}
    times: dict[int, datetime] = {}
    for name in names:
        for metric in reader.get_metric_history(run_id, name):
            assert name not in kept.setdefault(metric.step, {}), "it is there twice"
            kept[metric.step][name] = metric.value
            times[metric.step] = datetime.fromtimestamp(metric.timestamp / 1000, UTC)
    return tuple(Step(number=number, at=times[number], metrics=kept[number]) for number in sorted(kept))


def rows(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT run_uuid, key, step FROM metrics").fetchall()


@pytest.fixture
def files(tmp_path):
    """Files under other names than they are to be kept under, but for one."""
    places = {}
    for number, (name, data) in enumerate(FILES.items()):
        place = tmp_path / ("equity.png" if name.endswith(".png") else f"{number}.tmp")
        place.write_bytes(data)
        places[name] = str(place)
    return places


def test_a_file_keeps_each_step_once_however_often_it_is_sent(tmp_path, files):
    folder = tmp_path / "a b 100% größe" / "tracking"
    uri, kept = f"sqlite:///{folder}/mlflow.db", folder / "mlflow-artifacts"
    tags, params = {"bot": "b", "mode": "demo"}, {"eta": "0.1", "features": "x" * 9000}
    first = dispatch(tags=tags, params=params, steps=steps(5, 45), files=files)
    (receipt,) = send(uri, first, artifacts=str(kept))
    assert (receipt.run, receipt.sent, receipt.error) == (first.run, 44, "")

    again = dispatch(tags={"bot": "b", "mode": "testnet"}, params={"eta": "0.2", "seed": "1"}, steps=steps(5, 60))
    known = dispatch(run_id=receipt.run_id, steps=steps(60, 61), files={"data/results.csv": files["model/card.json"]})
    other = dispatch("BTCUSDT-1h 20260401T0000-bbbb", steps=steps(61, 63))
    receipts = send(uri, again, known, other, artifacts=str(kept))
    assert [(one.sent, one.error) for one in receipts] == [(59, ""), (60, ""), (62, "")]
    assert receipts[0].run_id == receipts[1].run_id == receipt.run_id
    assert receipts[2].run_id != receipt.run_id

    reader = client(uri)
    run = reader.get_run(receipt.run_id)
    assert history(reader, receipt.run_id) == steps(5, 61)
    assert history(reader, receipts[2].run_id) == steps(61, 63)
    assert max(Counter(rows(folder / "mlflow.db")).values()) == 1
    assert run.data.params == {"eta": "0.1", "features": "x" * 5000 + "…", "seed": "1"}
    assert run.data.tags.items() >= {"bot": "b", "mode": "testnet", "trader.run": first.run}.items()
    assert run.info.run_name == first.run
    assert (run.info.status, run.info.end_time) == ("FINISHED", 1000 * int(steps(60, 61)[0].at.timestamp()))
    assert run.info.start_time == 1000 * int(first.steps[0].at.timestamp())
    found = {str(path.relative_to(kept / receipt.run_id / "artifacts")): path for path in kept.rglob("*.*")}
    assert {name: path.read_bytes() for name, path in found.items()} == {**FILES, "data/results.csv": b"{}"}


def test_what_a_person_deleted_is_not_written_to(database, tmp_path):
    uri = f"sqlite:///{database}"
    kept = send(uri, dispatch(steps=steps(0, 2)), dispatch(experiment="gone", steps=steps(0, 1)))
    reader = client(uri)
    reader.delete_run(kept[0].run_id)
    gone = reader.get_experiment_by_name("gone").experiment_id
    reader.delete_experiment(gone)
    again = send(
        uri,
        dispatch(run_id=kept[0].run_id, steps=steps(2, 3)),
        dispatch(experiment="gone", run_id=kept[1].run_id, steps=steps(1, 2)),
        dispatch(run_id="of another server", steps=steps(3, 4)),
        dispatch("it's", steps=steps(3, 4)),
        dispatch("lost file", steps=steps(3, 4), files={"data/x.csv": f"{tmp_path}/nowhere.csv"}),
    )
    assert again[0].error == ""
    assert again[0].run_id not in (None, kept[0].run_id)
    assert f"`mlflow experiments restore --experiment-id {gone}`" in again[1].error
    assert again[1].sent is None
    assert (again[2].run_id, again[2].error) == (again[0].run_id, "")
    assert "cannot be the name of a run" in again[3].error
    assert (again[4].sent, "No such file" in again[4].error, "nowhere.csv" in again[4].error) == (3, True, True)
    assert history(reader, again[0].run_id) == steps(2, 4)


def test_who_is_killed_while_making_the_database_leaves_none_that_is_broken(tmp_path):
    uri, path = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "mlflow.db"
    sending = begin(uri, dispatch(steps=steps(0, 1)))
    while not any(made.stat().st_size > 100_000 for made in tmp_path.glob(".mlflow.db-*/made.db")):
        time.sleep(0.005)
    (killed,) = sending.finish(0)
    (left,) = tmp_path.iterdir()
    assert (killed.sent, killed.run_id) == (None, None)
    assert left.is_dir()

    os.utime(left, (0, 0))
    path.touch()
    one, another = (begin(uri, dispatch(name, steps=steps(0, 2))) for name in ("a", "b"))
    receipts = *one.finish(ENOUGH), *another.finish(ENOUGH)
    assert [(receipt.sent, receipt.error) for receipt in receipts] == [(1, ""), (1, "")]
    assert {run for run, _, _ in rows(path)} == {receipt.run_id for receipt in receipts}
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_version_is_told(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '90e64c465722'")
        connection.commit()
    (receipt,) = send(f"sqlite:///{database}", dispatch(steps=steps(1, 2)))
    assert receipt.sent is None
    assert "its database is of another version of MLflow" in receipt.error
    assert "mlflow db upgrade" in receipt.error


def test_a_server_has_what_was_sent(server, files, tmp_path):
    first = dispatch("read back", tags={"bot": "b"}, params={"eta": "0.1"}, steps=steps(0, 700), files=files)
    (receipt,) = send(server.url, first)
    assert (receipt.sent, receipt.error) == (699, "")
    (again,) = send(server.url, dispatch("read back", run_id=receipt.run_id, steps=steps(690, 705)))
    assert (again.sent, again.run_id, again.error) == (704, receipt.run_id, "")

    reader = client(server.url)
    run = reader.get_run(receipt.run_id)
    assert history(reader, receipt.run_id) == steps(0, 705)
    assert run.data.params == {"eta": "0.1"}
    assert run.data.tags["bot"] == "b"
    for name, data in FILES.items():
        assert Path(reader.download_artifacts(receipt.run_id, name, str(tmp_path))).read_bytes() == data


def test_a_server_that_dies_loses_nothing_and_is_told_the_rest_once(server):
    every = steps(0, 5000, names=("close", "p_up"))
    database = server.folder / "server.db"
    before = len(rows(database))
    sending = begin(server.url, dispatch("survivor", steps=every))

    def kill():
        while len(rows(database)) < before + 2000:
            time.sleep(0.01)
        server.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    (receipt,) = sending.finish(ENOUGH)
    killer.join()
    assert receipt.run_id
    assert receipt.sent is not None
    assert 400 < receipt.sent < 4999
    assert "sent by a later run" in receipt.error
    there = {step for run, _, step in rows(database) if run == receipt.run_id}
    assert there >= set(range(receipt.sent + 1))

    server.start()
    (rest,) = send(server.url, dispatch("survivor", run_id=receipt.run_id, steps=every[receipt.sent + 1 :]))
    assert (rest.sent, rest.run_id, rest.error) == (4999, receipt.run_id, "")
    assert history(client(server.url), receipt.run_id, names=("close", "p_up")) == every


def test_a_password_in_the_address_opens_and_is_never_shown(server):
    one = dispatch("guarded", steps=steps(0, 1))
    with odd_server(relayed_port=server.port) as url:
        good = url.replace("//", f"//{USER}:{quote(PASSWORD, safe='')}@")
        wrong = url.replace("//", f"//{USER}:not-{quote(PASSWORD, safe='')}@")
        right, denied = begin(f"{good}/guarded", one), begin(f"{wrong}/guarded", one)
        (arrived,), (refused,) = right.finish(ENOUGH), denied.finish(ENOUGH)
    assert (arrived.sent, arrived.error) == (0, "")
    assert refused.sent is None
    assert refused.error == (
        f"mlflow at {url}/guarded: it refuses us (HTTP 401); set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and"
        " MLFLOW_TRACKING_PASSWORD, of a user who may write"
    )


@pytest.fixture(scope="module")
def refused():
    """What is said of each address that is no MLflow server, all tried at the same time."""
    with (
        odd_server() as url,
        socket.create_server(("127.0.0.1", 0)) as deaf,
        socket.create_server(("127.0.0.1", 0)) as no,
    ):
        no.close()
        addresses = {kind: f"{url}/{kind}" for kind in ("page", "missing", "forbidden", "broken")}
        addresses |= {
            "deaf": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "nobody": f"http://127.0.0.1:{no.getsockname()[1] if no.fileno() >= 0 else 9}",
            "no tls": url.replace("http", "https"),
            "nameless": "http://trader.invalid:5000",
        }
        one = dispatch(steps=steps(0, 1))
        sendings = {kind: begin(address, one, one, seconds="3") for kind, address in addresses.items()}
        return {kind: sending.finish(ENOUGH) for kind, sending in sendings.items()}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("page", "it is no MLflow server; correct tracker.mlflow_uri"),
        ("missing", "it is no MLflow server; correct tracker.mlflow_uri"),
        ("forbidden", "it refuses us (HTTP 403); set MLFLOW_TRACKING_TOKEN"),
        ("broken", "it is in trouble; what is missing is sent by a later run"),
        ("deaf", "it does not answer; what is missing is sent by a later run"),
        ("nobody", "nothing listens there; what is missing is sent by a later run"),
        ("no tls", "it does not speak TLS; what is missing is sent by a later run"),
        ("nameless", "there is no such host; what is missing is sent by a later run"),
    ],
)
def test_what_is_no_mlflow_server_is_told_in_one_line_that_says_what_to_do(refused, kind, words):
    for receipt in refused[kind]:
        assert receipt.sent is None
        assert receipt.run_id is None
        assert receipt.error.startswith("mlflow at http")
        assert words in receipt.error


def test_a_host_that_swallows_everything_costs_no_more_than_it_may():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        (receipt,) = send(f"http://127.0.0.1:{deaf.getsockname()[1]}", dispatch(steps=steps(0, 1)), within=2.0)
    assert receipt.sent is None
    assert "not done after 2.0 s, what is missing is sent by a later run" in receipt.error
