"""A real MLflow server, from the environment that `make test` sets up for it; it can be killed and started again."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / ".venv-mlflow" / "bin" / "mlflow"
_START_SECONDS = 60


class MlflowServer:
    """A server with a database and files in one folder, always at the same address."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is healthy."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        words = ["server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        places = [
            f"--backend-store-uri=sqlite:///{self.folder}/server.db",
            f"--artifacts-destination={self.folder}/kept",
        ]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *words, *places], stdout=log, stderr=log, env=environment, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_healthy():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                raise AssertionError((self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.1)

    def kill(self) -> None:
        """End it and its workers without a warning."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:  # noqa: S310 - http, and ours
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def mlflow_server(folder: Path):
    """Yield a running server; tests are skipped, and say so, where there is none to start, but never in CI."""
    if not PROGRAM.exists():
        assert "CI" not in os.environ, f"{PROGRAM} is missing: `make test` sets it up"
        pytest.skip(f"NO MLFLOW SERVER at {PROGRAM}: `make test` sets it up")
    server = MlflowServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
