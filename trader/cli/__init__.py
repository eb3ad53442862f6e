"""The command line: arguments in, text or JSON out, and an exit code (`exit.py`) that says what to do."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import typer

from trader.cli import dashboard as _dashboard  # noqa: F401 - registers its commands
from trader.cli import doctor as _doctor  # noqa: F401
from trader.cli import drift as _drift  # noqa: F401
from trader.cli import models as _models  # noqa: F401
from trader.cli import notify as _notify  # noqa: F401
from trader.cli import report as _report  # noqa: F401
from trader.cli import research as _research  # noqa: F401
from trader.cli import testnet as _testnet  # noqa: F401
from trader.cli import train as _train  # noqa: F401
from trader.cli import trigger as _trigger  # noqa: F401
from trader.cli import upkeep as _upkeep  # noqa: F401
from trader.cli import verify as _verify  # noqa: F401
from trader.cli.api import command as _api  # noqa: F401
from trader.cli.commands import app
from trader.cli.exit import INTERRUPTED, TERMINATED, exit_code
from trader.cli.logs import set_up_logs
from trader.core.errors import TraderError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without words it is `run`."""
    set_up_logs()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["run"]
    try:
        typer.main.get_command(app).main(words, prog_name="trader")
    except SystemExit as end:  # how the library ends a command, after printing what is wrong with the words
        return _ended(end)
    except TraderError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code(error)
    return 0


def _terminate(_number: int, _frame: object) -> NoReturn:
    """End as Ctrl-C would: a run that is under way gives its hour back to the next process."""
    raise SystemExit(TERMINATED)


def _ended(end: SystemExit) -> int:
    """Return the exit code; the library has turned Ctrl-C and a closed pipe into codes of its own."""
    if isinstance(end.__context__, BrokenPipeError):  # the reader (head, less) has seen enough, which is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor may Python's own flush complain
        return 0
    if end.code in (INTERRUPTED, TERMINATED):
        sys.stderr.write("interrupted; what was committed stays\n")
    return end.code if isinstance(end.code, int) else int(end.code is not None)
