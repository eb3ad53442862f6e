"""Where folds are fitted: any `concurrent.futures` executor whose workers hold the data already.

Work is a function of the shared data and one small task, so that the data travel once, however many tasks there are.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

Data = TypeVar("Data")
Data_co = TypeVar("Data_co", covariant=True)
Task = TypeVar("Task")
Result = TypeVar("Result")


class Pool(Protocol[Data_co]):
    """Workers that hold the data. Results do not depend on how many there are."""

    @property
    def workers(self) -> int:
        """How many tasks are worked on at the same time."""

    def submit(self, work: Callable[[Data_co, Task], Result], task: Task) -> Future[Result]:
        """Have a module-level function called with the data and a task; its exceptions come with the future."""

    def close(self) -> None:
        """Let go of the workers without waiting for tasks that have not begun."""


class ThreadPool(Generic[Data]):
    """Threads of this process: XGBoost lets go of the interpreter's lock, so folds really run side by side."""

    def __init__(self, data: Data, *, workers: int) -> None:
        self._data = data
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="fold")
        self.workers = workers

    def submit(self, work: Callable[[Data, Task], Result], task: Task) -> Future[Result]:
        """Have a function called with the data and a task."""
        return self._executor.submit(work, self._data, task)

    def close(self) -> None:
        """Let go of the threads without waiting for tasks that have not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def in_order(pool: Pool[Data], work: Callable[[Data, Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """Yield the results in the order of the tasks; whoever stops listening, or an error, cancels what has not begun.

    No more tasks are handed out than keep the workers busy, so that little is lost when nobody listens any more.
    """
    waiting: deque[Future[Result]] = deque()
    ahead = 2 * pool.workers
    try:
        for number in range(len(tasks) + ahead):
            if number < len(tasks):
                waiting.append(pool.submit(work, tasks[number]))
            if number >= ahead - 1 and waiting:
                yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
