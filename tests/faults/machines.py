"""Processes on machines of their own: each with a name and a wall clock that may be wrong, all let go at once."""

import multiprocessing
import socket
import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.faults.scenes import Scene
from tests.mortal import _PRELOAD, Fate, Life, live

_PATIENCE = 60.0


class Machine(Life):
    """A process that lives one run on a machine called `name`, whose wall clock is `ahead` of this one's."""

    def __init__(self, environment: dict[str, str], folder: Path, *, name: str, ahead: timedelta) -> None:
        self.name = name
        self._report = folder / f"{name}.json"
        self.ready = folder / f"{name}.ready"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_PRELOAD, "tests.faults.machines"])
        arguments = (environment, folder, name, ahead)
        self._process = context.Process(target=_live_elsewhere, args=arguments)
        self._process.start()

    def kill(self) -> None:
        """Let the machine lose its power."""
        self._process.kill()


def crowd(scene: Scene, folder: Path, *, ahead: list[timedelta]) -> list[Machine]:
    """Start a process on each machine; all begin their run at the same moment."""
    folder.mkdir()
    scene.be_patient()
    machines = [
        Machine(scene.world.environment, folder, name=f"machine{number}", ahead=wrong)
        for number, wrong in enumerate(ahead)
    ]
    wait_until(lambda: all(machine.ready.exists() for machine in machines))
    (folder / "go").touch()
    return machines


def wait_until(happens) -> None:
    """Wait until something is the case."""
    until = time.monotonic() + _PATIENCE
    while not happens():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def _live_elsewhere(environment: dict[str, str], folder: Path, name: str, ahead: timedelta) -> None:
    from trader.adapters import clocks  # noqa: PLC0415 - in the child

    wall, real = time.time, datetime.now

    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return real(tz) + ahead

    time.time = lambda: wall() + ahead.total_seconds()
    clocks.datetime = Wrong
    socket.gethostname = lambda: name
    (folder / f"{name}.ready").touch()
    wait_until((folder / "go").exists)
    live(environment, str(folder / f"{name}.json"), Fate())
