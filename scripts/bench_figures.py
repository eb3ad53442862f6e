"""What every part of the benchmark is made of: lines of the table, environments, timed processes, spreads."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[1]
REAL_DATA = Path(os.environ.get("TRADER_REAL_DATA", ROOT.parent / "shared" / "data"))


def figure(what: str, value: str, aim: str = "-") -> dict[str, Any]:
    """Return one line of the table."""
    return {"what": what, "value": value, "aim": aim}


def spread(seconds: Sequence[float]) -> str:
    """Return median and range of some repetitions."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})"


def best(work: Callable[[], Any], *, times: int = 30) -> float:
    """Return the shortest of some repetitions, in seconds."""
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return min(seconds)


def clean_environment(more: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without the user's bot, AWS and proxy settings, and with these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRADER_", "AWS_")) and name.lower() not in ("http_proxy", "https_proxy", "all_proxy")
    }
    return kept | more


@contextmanager
def settings(store: Path, more: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give an environment with the default settings and a store of its own."""
    yield clean_environment({"TRADER__STORAGE__URL": str(store), **more})


def trader(*words: str, environment: dict[str, str]) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(_command(*words), env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that ended well: what it said, when it began and ended (monotonic), and its peak memory in MB."""

    out: bytes
    errors: str
    started: float
    ended: float
    memory: float


def timed(*words: str, environment: dict[str, str], flags: Sequence[str] = ()) -> Process:
    """Run a command, with flags for the interpreter; ends the benchmark if it fails."""
    peaks = [0.0]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(_command(*words, flags=flags), env=environment, cwd=ROOT, stdout=out, stderr=errors)
        watcher = Thread(target=_watch_memory, args=(process.pid, peaks), daemon=True)
        watcher.start()
        status = process.wait()
        ended = time.monotonic()
        watcher.join()
        out.seek(0)
        errors.seek(0)
        said, complaints = out.read(), errors.read().decode()
    if status != 0:
        raise SystemExit(f"trader {' '.join(words)} failed: {said.decode()}{complaints}")
    return Process(out=said, errors=complaints, started=started, ended=ended, memory=max(peaks))


def _command(*words: str, flags: Sequence[str] = ()) -> list[str]:
    return [sys.executable, *flags, str(ROOT / "main.py"), *words]


def _watch_memory(pid: int, peaks: list[float]) -> None:
    """Add the peak so far until the process is over; what wait4 says would count this process's memory, too."""
    status = Path(f"/proc/{pid}/status")
    with suppress(OSError):  # it is gone, or there is no such file on this system
        while (line := next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), "")) != "":
            peaks.append(int(line.split()[1]) / 1024)
            time.sleep(0.02)
