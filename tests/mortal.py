"""A bot in a process of its own that gets a signal at one of its calls to the world.

Every write to the storage and every call of the exchange is counted; at the chosen one, just before it or just after,
the process kills (or stops) itself with a real signal: no clean-up of its own runs. The processes are forked from a
server that has everything imported, so hundreds of them are affordable.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

WRITES = ("put", "create", "replace", "delete")
ASKS = ("balances", "price", "submit", "settle", "rules", "now")
CACHED = ("rules", "now")
"""Asked for once; later calls of the same process do not leave it."""

_PRELOAD = ["tests.mortal", "trader.bootstrap", "trader.jobs.run", "trader.adapters.binance.exchange"]
_PRELOAD += ["trader.adapters.binance.market", "trader.adapters.s3_storage", "trader.jobs.decide", "binance.client"]
_PRELOAD += ["xgboost", "talib", "boto3", "pyarrow.parquet", "pyarrow.compute"]


@dataclass(frozen=True)
class Fate:
    """At which call (from 1 on; 0: never), on which side of it, and with which signal."""

    at: int = 0
    after: bool = False
    signal: int = signal.SIGKILL


class Calls:
    """The calls so far, in order; the process ends itself at its fate."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self.made: list[str] = []

    def watch(self, real, names, *, what):
        """Return an object like `real` of which these methods are counted."""
        return _Watched(real, names, what=what, calls=self)

    def around(self, name, call):
        """Make a call, with the signal before or after it if this is the one."""
        self.made.append(name)
        is_mine = len(self.made) == self._fate.at
        if is_mine and not self._fate.after:
            os.kill(os.getpid(), self._fate.signal)
        answer = call()
        if is_mine and self._fate.after:
            os.kill(os.getpid(), self._fate.signal)
        return answer


class _Watched:
    def __init__(self, real, names, *, what, calls):
        self._real, self._names, self._what, self._calls = real, names, what, calls

    def __getattr__(self, name):
        method = getattr(self._real, name)
        if name not in self._names:
            return method

        def counted(*arguments):
            label = f"{self._what}.{name}"
            if name in CACHED and label in self._calls.made:
                return method(*arguments)
            return self._calls.around(label, lambda: method(*arguments))

        return counted


def live(environment: dict[str, str], report: str, fate: Fate) -> None:
    """Do the run of the newest kline, as `trader run` does; report the calls and how every symbol ended."""
    from trader.bootstrap import build_bot  # noqa: PLC0415 - in the child
    from trader.config import load_settings  # noqa: PLC0415
    from trader.jobs.symbols import run_symbols  # noqa: PLC0415
    from trader.store.klines import KlineStore  # noqa: PLC0415

    os.environ.update(environment)
    sys.stderr = Path(f"{report}.log").open("a")  # noqa: SIM115 - the process ends with it
    calls = Calls(fate)
    bot = build_bot(load_settings(), live=True)
    storage = calls.watch(bot.storage, WRITES, what="storage")
    exchange = calls.watch(bot.exchange, ASKS, what="exchange")
    bot = replace(bot, storage=storage, exchange=exchange, klines=KlineStore(storage))
    answers = run_symbols(bot)
    said = {"calls": calls.made, "outcomes": [[answer.outcome, str(answer.error)] for answer in answers]}
    Path(report).write_text(json.dumps(said))


class Life:
    """A process that lives one run."""

    def __init__(self, environment: dict[str, str], folder: Path, fate: Fate | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        self._report = folder / f"life-{time.monotonic_ns()}.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._process = context.Process(target=live, args=(environment, str(self._report), fate or Fate()))
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, timeout: float = 60) -> int:
        """Wait for it to end and return its exit code (-9: killed)."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            raise AssertionError(f"still alive after {timeout} s: {self.log()}")
        return code

    def wait_until_stopped(self, timeout: float = 60) -> None:
        """Wait until it has stopped itself."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            with suppress(FileNotFoundError):
                if Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                    return
            time.sleep(0.01)
        raise AssertionError(f"it did not stop: {self.log()}")

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def said(self) -> dict:
        """Return its calls and outcomes; it must have ended well."""
        assert self.end() == 0, self.log()
        return json.loads(self._report.read_text())

    def log(self) -> str:
        log = Path(f"{self._report}.log")
        return log.read_text() if log.exists() else ""


def outcomes(life: Life) -> list[str]:
    """How the run of each symbol ended."""
    return [outcome for outcome, _ in life.said()["outcomes"]]
