"""`trader dashboard`: says when there is nothing to show, makes again what is lost, and ends when it is told to."""

import os
import signal
import subprocess
import sys

import httpx
import pytest

from trader.cli import main
from trader.cli.exit import exit_code
from trader.core.errors import BadConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The store of a demo of two days, without a dashboard."""
    store = tmp_path_factory.mktemp("demo") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(store.parent)
        for name in [name for name in os.environ if name.startswith("TRADER__")]:
            patch.delenv(name)
        patch.setenv("TRADER__STORAGE__URL", str(store))
        patch.setenv("TRADER__DEMO__REPLAY_DAYS", "2")
        patch.setenv("TRADER__TRACKER__KINDS", "none")
        patch.setenv("TRADER__DASHBOARD__ENABLED", "false")
        assert main(["demo"]) == 0
    return store


@pytest.fixture
def entered(store, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(store))
    return store


def test_without_a_dashboard_it_says_how_to_get_one(entered, capsys):
    assert main(["dashboard"]) == exit_code(BadConfig())
    said = capsys.readouterr().err
    assert f"there is no dashboard at {entered / 'dashboard' / 'index.html'}" in said
    assert "trader dashboard --rebuild" in said


def test_a_store_without_a_run_has_nothing_to_make_it_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "empty"))
    assert main(["dashboard", "--rebuild"]) == exit_code(BadConfig())
    assert "no run of DEMOUSDT can be shown yet" in capsys.readouterr().err
    assert not list((tmp_path / "empty").glob("dashboard/**/*.js"))


def test_what_is_lost_or_damaged_is_made_again(entered, capsys):
    assert main(["dashboard", "--rebuild"]) == 0
    assert f"{entered / 'dashboard' / 'index.html'}  (DEMOUSDT)" in capsys.readouterr().out
    folder = entered / "dashboard"
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    names = {path.relative_to(folder).as_posix() for path in files}
    months = {"data/DEMOUSDT-1h/2025-12.js", "data/DEMOUSDT-1h/2026-01.js"}
    assert {"index.html", "data/index.js", "data/DEMOUSDT-1h/summary.js", "data/DEMOUSDT-1h/models.js", *months} < names
    (folder / "data/DEMOUSDT-1h/summary.js").unlink()
    (folder / "data/DEMOUSDT-1h/2025-12.js").write_bytes(b"TRADER.mon")
    (folder / "index.html").write_bytes(b"")
    assert main(["dashboard", "--rebuild"]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(entered, told):
    assert main(["dashboard", "--rebuild"]) == 0
    command = [
        sys.executable,
        "-c",
        "import sys; from trader.cli import main; sys.exit(main())",
        "dashboard",
        "--port=0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        address = server.stdout.readline().split()[0]
        with httpx.Client(timeout=5) as client:
            assert client.get(f"{address}data/index.js").content == (entered / "dashboard/data/index.js").read_bytes()
        server.send_signal(told)
        assert server.wait(timeout=10) == 0
        assert server.stderr.read() == ""


def test_a_report_is_the_dashboard_made_anew_where_it_is_or_as_a_copy_to_send_on(entered, tmp_path, capsys):
    assert main(["report"]) == 0
    page = entered / "dashboard" / "index.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert main(["report", "--out", str(tmp_path / "copy")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'copy' / 'index.html'}\n"
    kept, copied = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (page.parent, tmp_path / "copy")
    )
    assert copied == kept


def test_a_report_needs_a_run_to_be_about(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "empty"))
    assert main(["report"]) == exit_code(BadConfig())
    assert "`trader run` makes one" in capsys.readouterr().err
