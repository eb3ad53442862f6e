"""`trader api` as a process: what it says, how it ends, and why it does not begin."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SCRIPT = (
    "import sys; import trader.cli.api.command; from trader.cli import main; sys.exit(main(['api', *sys.argv[1:]]))"
)
WITHOUT = "import sys; sys.modules['{}'] = None\n" + SCRIPT


def begun(*words: str, script: str = SCRIPT) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRADER__API__PORT": os.environ.get("TRADER__API__PORT", "0")}
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*words: str, script: str = SCRIPT) -> tuple[int, str]:
    """The code of a service that should not begin, and what it said on stderr."""
    with begun(*words, script=script) as process:
        _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_says_where_it_is_answers_and_ends_when_it_is_told_to(store: Path, *, number, code):
    with begun("--json") as process:
        told = json.loads(process.stdout.readline())
        assert told == {"url": told["url"], "symbols": ["DEMOUSDT"], "token": False}
        with urllib.request.urlopen(f"{told['url']}/predict", timeout=30) as answer:  # noqa: S310 - it is http
            assert json.load(answer)["prediction"]["symbol"] == "DEMOUSDT"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert err == "interrupted; what was committed stays\n"


def test_people_are_told_how_to_try_it_and_never_the_token(store: Path, monkeypatch):
    monkeypatch.setenv("TRADER__API__TOKEN", "never-to-be-seen")
    with begun() as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert lines[0].startswith("api       http://127.0.0.1:")
    assert "token of api.token" in lines[1]
    assert "/predict?symbol=DEMOUSDT" in lines[2]
    assert "never-to-be-seen" not in "".join(lines) + err


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "prometheus_client", "starlette"])
def test_what_is_not_installed_is_told_with_what_to_do(empty_store, missing):
    code, said = ended(script=WITHOUT.format(missing))
    assert code == 3
    assert said.startswith("error: trader api: ")
    assert "do: pip install --require-hashes -r requirements-api.txt, or build the image with" in said


def test_a_port_that_is_taken_and_an_address_that_is_not_ours_are_told(empty_store, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("TRADER__API__PORT", str(taken.getsockname()[1]))
        code, said = ended()
    assert code == 3
    assert "api.port" in said
    monkeypatch.setenv("TRADER__API__HOST", "0.0.0.0")  # noqa: S104 - that is the point
    code, said = ended()
    assert (code, "set api.token" in said) == (3, True)
    assert "Traceback" not in said
