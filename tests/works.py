"""What pools are given to do in tests: module-level functions, which a worker process can import.

A task that counts writes a line into a folder of the test whenever it is begun and when it is done.
"""

import os
import signal
import time
from pathlib import Path

from trader.core.errors import BadData


def add(data: int, task: int) -> int:
    return data + task


def refuse(data: int, task: int) -> int:
    raise BadData(f"{task} of {data} is no good")


def slowly(data: int, task: int) -> int:
    time.sleep(0.05)
    return data + task


def die(data: object, task: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(data: int, task: tuple[str, int]) -> int:
    """Take the worker along the first time; answer the second."""
    mark = Path(task[0])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return data + task[1]


def pid(data: object, task: float) -> int:
    time.sleep(task)
    return os.getpid()


def nothing(data: object, task: object) -> None:
    """Be a task and no more: what is measured is the way there and back."""
