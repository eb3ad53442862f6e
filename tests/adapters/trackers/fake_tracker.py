"""A tracker as a program of `child`, without a vendor: it does what its setting `mode` says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from trader.adapters.trackers.child import serve
from trader.core.errors import BadConfig, Retryable

FOREVER = 60


class FakeClient:
    """Lets steps arrive one by one, `many` of them at most when something is to happen then."""

    def __init__(self, settings):
        self._settings, self._mode, self._many = settings, settings.get("mode"), int(settings.get("many", 0))

    def send(self, dispatch, arrived):
        run_id = f"id of {dispatch.run}"
        arrived(run_id, None)
        for count, step in enumerate(dispatch.steps):
            if self._mode and count == self._many:
                _DEEDS[self._mode](self._settings)
            arrived(run_id, step.number)
        if place := self._settings.get("received"):
            lines = [[step.number, step.at.isoformat(), *step.metrics.items()] for step in dispatch.steps]
            with Path(place).open("a") as file:
                file.write(json.dumps([dispatch.run, lines, dict(dispatch.files)]) + "\n")

    def close(self):
        if self._settings.get("close") == "hang":
            _hang(self._settings)


def _hang(settings):
    if "sign" in settings:
        Path(settings["sign"]).touch()
    time.sleep(FOREVER)


def _crash(settings):
    os.write(2, b"Fatal vendor error: token hunter2hunter2 is lost\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _fork(settings):
    Path(settings["pid"]).write_text(str(subprocess.Popen(["sleep", str(FOREVER)]).pid))
    _hang(settings)


def _raise(settings):
    raise ValueError("the token hunter2hunter2\nis wrong, see https://bob:hunter2hunter2@host/")


def _unreachable(settings):
    raise Retryable("nobody there; start it")


def _bad(settings):
    raise BadConfig("this run is not wanted; rename it")


def _chatter(settings):
    sys.stdout.write("a vendor's banner\n" * 100)
    sys.stdout.flush()
    os.write(1, b'{"index":0,"run_id":"forged","sent":99,"done":true,"error":"","where":""}\n')
    os.write(2, b"x" * 200_000)


_DEEDS = {
    "hang": _hang,
    "crash": _crash,
    "fork": _fork,
    "raise": _raise,
    "unreachable": _unreachable,
    "bad": _bad,
    "chatter": _chatter,
}


def connect(settings):
    if settings.get("connect") == "fails":
        raise BadConfig("the token hunter2hunter2 is none; make a new one")
    if "pid" in settings and "mode" not in settings:
        Path(settings["pid"]).write_text(str(os.getpid()))
    return FakeClient(settings)


if __name__ == "__main__":
    serve(connect, where=lambda settings: settings.get("address", ""))
