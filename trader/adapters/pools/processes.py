"""Worker processes of this machine: each is started afresh, gets the data once, and dies with its parent.

They are spawned, not forked: a fork of a process in which XGBoost has threads may wait for ever for one that the copy
does not have. A worker that dies (killed, out of memory) breaks the whole executor, so a new one takes its place.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

from trader.adapters.pools.resubmission import Resubmission

Data = TypeVar("Data")
Task = TypeVar("Task")
Result = TypeVar("Result")

_ADVICE = "they were killed or ran out of memory; set fewer train.workers or train.executor = threads, then try again"


class ProcessPool(Generic[Data]):
    """Processes that hold the data; work, tasks and results are pickled between them and this one."""

    def __init__(self, data: Data, *, workers: int) -> None:
        self.workers = workers
        self._data = data
        self._lock = threading.Lock()
        self._is_closed = False
        self._executor = self._start()
        self._tasks = Resubmission(self._send, lost=(BrokenProcessPool,), advice=_ADVICE)

    def submit(self, work: Callable[[Data, Task], Result], task: Task) -> Future[Result]:
        """Have a module-level function called with the data and a task; its exceptions come with the future."""
        return self._tasks.submit(work, task)

    def close(self) -> None:
        """Let go of the workers: each ends after the task it is at."""
        self._tasks.close()
        with self._lock:
            self._is_closed = True
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._data,),
        )

    def _send(self, work: Callable[..., Any], task: Any) -> Future[Any]:
        """Hand a task to the executor, to a new one if a worker's death has broken it."""
        executor = self._executor
        while True:
            try:
                return executor.submit(_call, work, task)  # not under our lock: a broken one is long busy with its own
            except BrokenProcessPool:
                executor = self._replace(executor)

    def _replace(self, broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
        """Return the executor after a broken one. Raises CancelledError when the pool is closed."""
        with self._lock:
            if self._is_closed:
                raise CancelledError
            if self._executor is broken:
                self._executor = self._start()
            return self._executor


_held: list[Any] = []


def _begin(data: Any) -> None:
    """Keep the data, leave Ctrl-C to the parent, and do not outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _held[:] = [data]


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _call(work: Callable[..., Any], task: Any) -> Any:
    return work(_held[0], task)
