"""A child process and its pipes, without threads: what it does not take at once is kept until somebody waits for it.

It leads a session of its own, so that it and all that it started can be killed together, and Ctrl-C is its parent's.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import IO, cast

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20
_KEPT_ERRORS = 1 << 13
_REAP_SECONDS = 0.4
_LAST_CHUNKS = 32
_OURS = "TRADER__"

OnLine = Callable[[bytes], None]


class ChildProcess:
    """One Python module at work in another process. Whoever starts it has to call `end`."""

    def __init__(self, module: str) -> None:
        """Start it. Raises OSError when the system has no process to give."""
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
            [sys.executable, "-P", "-m", module],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=_environment(),
        )
        child = self._child
        self._stdin, self._stdout, self._stderr = (
            cast(IO[bytes], it) for it in (child.stdin, child.stdout, child.stderr)
        )
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
        self._unwritten, self._line, self._errors = bytearray(), bytearray(), bytearray()

    def say(self, data: bytes) -> None:
        """Hand over some bytes; returns at once."""
        self._unwritten += data
        self._write()

    def listen(self, seconds: float, on_line: OnLine) -> bool:
        """Write and read until the child closes its output, at most this long; return whether it has done so.

        `on_line` is called with every line it writes; the last one counts only when it is whole.
        """
        deadline = monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._stdout, selectors.EVENT_READ, lambda: self._read(on_line))
            ready.register(self._stderr, selectors.EVENT_READ, self._read_errors)
            if self._write():
                ready.register(self._stdin, selectors.EVENT_WRITE, self._write)
            while True:
                for key, _ in ready.select(max(0.0, deadline - monotonic())):
                    if not key.data():
                        ready.unregister(key.fileobj)
                if self._stdout not in ready.get_map():
                    return True
                if monotonic() >= deadline:
                    return False

    def end(self, on_line: OnLine) -> str:
        """Kill it and all that it started, if they still live, and return how it ended; nothing of it is left.

        `on_line` gets what it had written until then. May be called once.
        """
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group that is all dead
            os.killpg(self._child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # only a disk that hangs can keep it; it is reaped later then
            self._child.wait(_REAP_SECONDS)
        for _ in range(_LAST_CHUNKS):
            if not self._read(on_line):
                break
        self._read_errors()
        for pipe in (self._stdin, self._stdout, self._stderr):
            with suppress(OSError):
                pipe.close()
        words = bytes(self._errors).decode(errors="replace").strip().splitlines()
        return f"code {self._child.returncode}{': ' if words else ''}{words[-1] if words else ''}"

    def _write(self) -> bool:
        """Give the child as much as its pipe takes; return whether there is more, and somebody to read it."""
        while self._unwritten:
            try:
                written = self._stdin.write(self._unwritten[:_CHUNK])
            except OSError:  # it is dead or dying; what it has said until then counts
                self._unwritten.clear()
                return False
            if written is None:
                return True
            del self._unwritten[:written]
        return False

    def _read(self, on_line: OnLine) -> bool:
        """Take what there is of its output; return whether there may be more."""
        data = self._stdout.read(_CHUNK)
        *lines, rest = (bytes(self._line) + (data or b"")).split(b"\n")
        self._line[:] = rest
        for line in lines:
            on_line(line)
        return data != b"" and len(rest) < _LONGEST_LINE

    def _read_errors(self) -> bool:
        data = self._stderr.read(_CHUNK)
        self._errors += data or b""
        del self._errors[:-_KEPT_ERRORS]
        return data != b""


def _environment() -> dict[str, str]:
    """Return this process's environment without our settings, and with what makes the child import what we do."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**inherited, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
