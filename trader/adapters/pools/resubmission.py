"""Tasks that outlive the workers they were lost with: each is handed in again, a bounded number of times.

Whoever submits gets a promise that is kept once, whatever happened on the way. A task that takes its worker with it
every time (out of memory, a crash in a library) so ends in an error, and not in a circle.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from trader.core.errors import Retryable, TraderError

RETRIES = 3

Send = Callable[[Callable[..., Any], Any], Future[Any]]


@dataclass(slots=True, eq=False)
class _Errand:
    """A task under way; it has been lost `losses` times."""

    work: Callable[..., Any]
    task: Any
    promise: Future[Any] = field(default_factory=Future)
    attempt: Future[Any] | None = None
    losses: int = 0


class Resubmission:
    """Hands tasks to `send`, and again when a worker was lost: an error of the kinds `lost`, or a cancellation.

    Errors of the kinds `given_up` say that the executor has tried often enough by itself. `advice` is told to the
    person whose task was lost too often.
    """

    def __init__(
        self,
        send: Send,
        *,
        lost: tuple[type[Exception], ...] = (),
        given_up: tuple[type[Exception], ...] = (),
        advice: str,
    ) -> None:
        self._send = send
        self._lost = (*lost, CancelledError)
        self._given_up = given_up
        self._advice = advice
        self._lock = threading.Lock()
        self._under_way: set[_Errand] = set()
        self._end: TraderError | None = None
        self._is_closed = False
        # Executors call back with their locks held or from their event loop: a new attempt needs a thread of its own.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="resubmit")

    def submit(self, work: Callable[..., Any], task: Any) -> Future[Any]:
        """Return a future that is done when some attempt was not lost."""
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        errand = _Errand(work, task)
        with self._lock:
            self._under_way.add(errand)
        errand.promise.add_done_callback(partial(self._give_up, errand))
        self._try(errand)
        return errand.promise

    def fail(self, error: TraderError) -> None:
        """End everything that is under way, and whatever is submitted later, with an error."""
        self._end = error
        self._cancel_attempts()

    def close(self) -> None:
        """Cancel everything that is under way."""
        self._is_closed = True
        self._cancel_attempts()
        self._thread.shutdown(wait=False)

    def _cancel_attempts(self) -> None:
        with self._lock:
            under_way = list(self._under_way)
        for errand in under_way:
            if errand.attempt:
                errand.attempt.cancel()

    def _try(self, errand: _Errand) -> None:
        errand.attempt = None
        if self._is_over(errand):  # it may have queued for long
            self._failed(errand, CancelledError())
            return
        try:
            errand.attempt = self._send(errand.work, errand.task)
        except Exception as error:  # noqa: BLE001 - it belongs to who waits for the promise
            self._failed(errand, error)
            return
        if self._is_over(errand):
            errand.attempt.cancel()
        errand.attempt.add_done_callback(partial(self._ended, errand))

    def _is_over(self, errand: _Errand) -> bool:
        return errand.promise.cancelled() or self._is_closed or self._end is not None

    def _give_up(self, errand: _Errand, promise: Future[Any]) -> None:
        """Cancel the attempt when nobody wants the result any more."""
        if promise.cancelled() and errand.attempt:
            errand.attempt.cancel()

    def _ended(self, errand: _Errand, attempt: Future[Any]) -> None:
        if attempt.cancelled():
            self._failed(errand, CancelledError())
        elif error := attempt.exception():
            self._failed(errand, error)
        elif self._settles(errand):
            errand.promise.set_result(attempt.result())

    def _failed(self, errand: _Errand, error: BaseException) -> None:
        """Try again if it was lost, else pass the error on."""
        if isinstance(error, self._lost) and not self._end:
            if self._is_closed:
                errand.promise.cancel()
            elif not errand.promise.cancelled():
                errand.losses += 1
                if errand.losses <= RETRIES and self._hand_in_again(errand):
                    return
        is_lost = isinstance(error, (*self._lost, *self._given_up))
        cause = self._end or (self._too_often(error) if is_lost else error)
        if self._settles(errand):
            errand.promise.set_exception(cause)

    def _hand_in_again(self, errand: _Errand) -> bool:
        try:
            self._thread.submit(self._try, errand)
        except RuntimeError:  # closed meanwhile, or the interpreter is ending
            return not errand.promise.cancel()
        return True

    def _too_often(self, error: BaseException) -> Retryable:
        told = Retryable(f"workers were lost again and again, always with the same task; {self._advice}")
        told.__cause__ = error
        return told

    def _settles(self, errand: _Errand) -> bool:
        """Take an errand off the list, and say whether its promise is still waited for."""
        with self._lock:
            self._under_way.discard(errand)
        return errand.promise.set_running_or_notify_cancel()
