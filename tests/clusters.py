"""A Dask cluster of real processes on this machine: a scheduler and workers that talk over TCP.

with Cluster(tmp_path) as cluster:
    cluster.start_worker()
    cluster.address
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[1]
_PATIENCE = 60.0


class Cluster:
    """Everything is killed at the end."""

    def __init__(self, folder: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        file = folder / "scheduler.json"
        self.log = (folder / "cluster.log").open("wb")
        words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        self.scheduler = self._start(*words, *options)
        self.address = json.loads(_soon(file))["address"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self.log.close()

    def start_worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        words = ("worker", self.address, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1", "--no-dashboard")
        self.workers.append(self._start(*words, *options, **environment))
        return self.workers[-1]

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    def _start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=self.folder,
            env=self._environment | environment,
            stdout=self.log,
            stderr=self.log,
        )


def _soon(file: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if file.exists() and (text := file.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{file} was not written: no scheduler")
