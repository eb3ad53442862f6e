"""The same work on many items side by side, with progress, where a damaged item stops nothing but itself."""

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Self, TypeVar

from trader.core.errors import BadData
from trader.ports import Progress

Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")

_NAMED = 3


class _Over(Exception):
    """An item was not begun, because another one has failed."""


class Parallel:
    """Threads that wait for a network or a disk; `damaged` collects the BadData that items raised."""

    def __init__(self, progress: Progress, *, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._progress = progress
        self._is_over = False
        self.damaged: list[BadData] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, what: str, items: Iterable[Item], work: Callable[[Item], Result]) -> dict[Item, Result]:
        """Return the results by item, in the items' order, without those that were damaged.

        Any other error than BadData cancels what has not begun and is raised.
        """

        def begin(item: Item) -> Result:
            if self._is_over:
                raise _Over
            try:
                return work(item)
            except BadData:
                raise
            except BaseException:
                self._is_over = True  # said here, or this thread would begin another item before that is cancelled
                raise

        futures = {self._pool.submit(begin, item): item for item in dict.fromkeys(items)}
        results: dict[Item, Result] = {}
        if not futures:
            return results
        self._progress.start(what, len(futures))
        try:
            for future in as_completed(futures):
                try:
                    results[futures[future]] = future.result()
                except BadData as error:
                    self.damaged.append(error)
                except _Over:
                    continue  # to the error that was raised
                self._progress.step()
        finally:
            for future in futures:
                future.cancel()
            self._progress.finish()
        return {item: results[item] for item in futures.values() if item in results}

    def raise_damaged(self) -> None:
        """Raise one BadData for everything that was damaged, if anything was."""
        if len(self.damaged) == 1:
            raise self.damaged[0]
        if self.damaged:
            named = "; ".join(sorted(map(str, self.damaged))[:_NAMED])
            raise BadData(f"{len(self.damaged)} files are damaged, the others are stored: {named}") from self.damaged[0]
