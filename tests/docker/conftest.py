"""The scripts of the image, run here as they are, with another folder for /tmp/trader and a `trader` of the tests."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCKER = ROOT / "docker"
PATIENCE = 10  # seconds until what has not happened counts as not happening
# A clock that is turned by hand: the next time of a line is when a test makes a file. `-n` is the real one's.
CLOCK = """\
[ "$1" != -n ] || exec {real} "$@"
echo "$*" >>snoozed
while ! mv "ring-$2" rung 2>/dev/null; do [ ! -e broken ] || exit 9; sleep 0.02; done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A folder with programs that come first on the PATH, with the scripts' own files, and with what they have said."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen] = field(default_factory=list)

    @property
    def run_dir(self) -> Path:
        return self.folder / "run-dir"

    def program(self, name: str, words: str) -> None:
        """Put a shell script of that name first on the PATH."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{words}\n")
        path.chmod(0o755)

    def crontab(self, text: str) -> None:
        (self.folder / "cron-job").write_text(text)

    def start(self, script: str, *words: str, **variables: str) -> subprocess.Popen:
        """Start a script of the image; what it says goes to the files `out` and `err`."""
        with (self.folder / "out").open("a") as out, (self.folder / "err").open("a") as err:
            process = subprocess.Popen(
                [DOCKER / script, *words],
                env=self.environment | variables,
                cwd=self.folder,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, script: str, *words: str, **variables: str) -> int:
        """Run a script of the image to its end and return its exit code."""
        return self.start(script, *words, **variables).wait(PATIENCE)

    def said(self, name: str = "out") -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def until(self, line: str, *, times: int = 1, name: str = "out") -> None:
        """Wait until a line has been said so many times."""
        deadline = time.monotonic() + PATIENCE
        while self.said(name).count(line) < times:
            assert time.monotonic() < deadline, (line, self.said(), self.said("err"))
            time.sleep(0.02)

    def ring(self, minutes: str = "0,2,5,10") -> None:
        """Let the time come of the crontab's line for these minutes, and wait until that has been noticed."""
        ring = self.folder / f"ring-{minutes}"
        ring.touch()
        deadline = time.monotonic() + PATIENCE
        while ring.exists():
            assert time.monotonic() < deadline, (self.said(), self.said("err"))
            time.sleep(0.02)

    def clean_up(self) -> None:
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait(PATIENCE)


@pytest.fixture
def machine(tmp_path) -> Iterator[Machine]:
    """No clock yet, a `trader` that says its words and ends well, and nobody is root."""
    (tmp_path / "bin").mkdir()
    environment = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "TRADER_RUN_DIR": str(tmp_path / "run-dir"),
        "TRADER_CRON_JOB": str(tmp_path / "cron-job"),
    }
    machine = Machine(folder=tmp_path, environment=environment)
    machine.program("id", "echo 10001")
    machine.program("trader", 'echo "trader $*"')
    try:
        yield machine
    finally:
        machine.clean_up()


@pytest.fixture
def snooze() -> str:
    """Debian's `snooze`, which is in the image."""
    path = shutil.which("snooze")
    if path is None:
        reason = "no snooze; scripts/install-debian.sh installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(f"cron.sh cannot be tested: {reason}")
        pytest.skip(f"CRON.SH IS NOT TESTED: {reason}")
    return str(path)


@pytest.fixture
def clocked(machine, snooze) -> Machine:
    """A machine whose clock is turned by hand, and whose crontab starts a run."""
    machine.program("snooze", CLOCK.format(real=snooze))
    machine.crontab(f"0,2,5,10 * * * * {DOCKER / 'run.sh'}\n")
    return machine


def crontab_lines() -> list[str]:
    """The lines of the shipped crontab that start something."""
    text = (ROOT / "cron-job").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if re.match(r"[\d*]", line)]
