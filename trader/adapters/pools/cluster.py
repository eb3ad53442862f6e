"""A Dask cluster: the data are scattered to its workers once, tasks go through an executor that Dask provides.

Dask finds a lost worker's tasks new ones by itself. What it cannot mend is handed in again here: data that were lost
with the last worker that held them. Without any worker, or without a scheduler, everything ends in words, not in a
wait. Nothing is checked by Dask that pickles: whoever can talk to the scheduler can run code on its workers.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Generic, TypeVar

from distributed import Client, KilledWorker, Security
from distributed import Future as Remote
from distributed.comm import connect

from trader.adapters.pools.environment import check_environment, environment
from trader.adapters.pools.resubmission import Resubmission
from trader.core.errors import BadConfig, Retryable

Data = TypeVar("Data")
Task = TypeVar("Task")
Result = TypeVar("Result")

log = logging.getLogger(__name__)
CONNECT_SECONDS = 5.0
WORKER_SECONDS = 60.0
_DEADLINE = CONNECT_SECONDS + 1
_WATCH_SECONDS = 2.0
_ADVICE = "they were killed or ran out of memory; give the workers more memory or fewer threads, then try again"


class DaskPool(Generic[Data]):
    """Workers of a cluster that hold the data.

    Raises Retryable when nobody answers, or when there is no worker for `patience` seconds, then or later, and
    BadConfig for an address that is none and for workers that run something else than this process.
    """

    def __init__(self, data: Data, *, address: str, patience: float = WORKER_SECONDS) -> None:
        self._data = data
        self._address = address
        self._patience = patience
        self._expected = environment()
        self._is_closed = threading.Event()
        self._client = _connect(address)
        try:
            self._check_workers()
            self._scattered = self._scatter(by_content=True)
        except BaseException:
            self._client.close(timeout=1)
            raise
        self._executor: Executor = self._client.get_executor()
        self._tasks = Resubmission(self._send, given_up=(KilledWorker,), advice=_ADVICE)
        threading.Thread(target=self._watch, name="dask-watch", daemon=True).start()

    @property
    def workers(self) -> int:
        """How many tasks the workers of this moment work on at the same time."""
        try:
            return max(1, self._threads())
        except Exception as error:
            raise Retryable(self._gone()) from error

    def submit(self, work: Callable[[Data, Task], Result], task: Task) -> Future[Result]:
        """Have a module-level function called with the data and a task; its exceptions come with the future."""
        return self._tasks.submit(work, task)

    def close(self) -> None:
        """Cancel what is under way, forget the data, and leave; the cluster stays."""
        if self._is_closed.is_set():
            return
        self._is_closed.set()
        self._tasks.close()
        self._client.close(timeout=1)

    def _threads(self) -> int:
        """Return how many threads all workers have. Raises TimeoutError, or whatever Dask does without a scheduler."""
        found = _within(self._patience, self._client.nthreads)
        return sum(map(int, found.values()))

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=self._patience)
            found = _within(self._patience, partial(self._client.run, environment, on_error="return"))
        except TimeoutError as error:
            raise Retryable(self._no_worker()) from error
        for worker, each in found.items():
            if isinstance(each, Mapping):
                check_environment(self._expected, each, where=worker)
            elif not isinstance(each, OSError):  # that one has just left
                raise BadConfig(f"the Dask worker {worker} cannot import trader ({each}); start it from the same image")

    def _scatter(self, *, by_content: bool) -> Remote:
        """Send the data to all workers of this moment; later ones get them from those."""
        scatter = partial(self._client.scatter, [self._data], broadcast=True, hash=by_content, timeout=self._patience)
        try:
            (remote,) = _within(2 * self._patience, scatter)
        except TimeoutError as error:
            raise Retryable(self._no_worker()) from error
        return remote

    def _send(self, work: Callable[..., Any], task: Any) -> Future[Any]:
        try:
            if self._scattered.status != "finished":  # lost with the last worker that held them
                self._scattered = self._scatter(by_content=False)
            return self._executor.submit(_call, self._scattered, work, task, self._expected)
        except Exception as error:
            if self._client.status == "running":
                raise
            raise Retryable(self._gone()) from error

    def _watch(self) -> None:
        """End everything when the cluster is gone: Dask itself would wait for ever."""
        missing = 0.0
        while not self._is_closed.wait(_WATCH_SECONDS):
            try:
                missing = 0.0 if self._threads() else missing + _WATCH_SECONDS
            except Exception as error:  # noqa: BLE001 - whatever it is, the scheduler does not answer
                if not self._is_closed.is_set():
                    log.debug("no answer from %s: %r", self._address, error)
                    self._tasks.fail(Retryable(self._gone()))
                return
            if missing >= self._patience:
                self._tasks.fail(Retryable(self._no_worker()))
                return

    def _no_worker(self) -> str:
        return (
            f"no worker of the Dask cluster at {self._address} answers for {self._patience:g} s; start some, try again"
        )

    def _gone(self) -> str:
        return f"the Dask scheduler at {self._address} was lost; is it running? Then try again"


def _connect(address: str) -> Client:
    try:
        asyncio.run(_knock(address))
        return _within(_DEADLINE, partial(Client, address, timeout=CONNECT_SECONDS, set_as_default=False))
    except OSError as error:  # a time-out is one
        raise Retryable(
            f"no Dask scheduler answers at {address} (train.dask_address) within {CONNECT_SECONDS:g} s;"
            f" is it running, and does the network let us through? {error}".rstrip()
        ) from error
    except (ValueError, TypeError) as error:
        raise BadConfig(f"train.dask_address {address!r}: {error}; write tcp://host:8786 or tls://host:8786") from error


async def _knock(address: str) -> None:
    """Raise what is wrong with an address; a client that fails would stay around and be noisy at the end.

    Dask's own time-out does not hold for a port that takes a connection and says nothing.
    """
    security = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS, **security), _DEADLINE)
    await comm.close()


def _within(seconds: float, call: Callable[[], Result]) -> Result:
    """Return what a call returns, or raise TimeoutError and leave it to a thread that nobody waits for."""
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised where the outcome is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name="dask-call", daemon=True).start()
    return outcome.result(seconds)


def _call(data: Any, work: Callable[..., Any], task: Any, expected: Mapping[str, str]) -> Any:
    """Do one task on a worker, unless it came later than the client looked and runs something else."""
    check_environment(expected, environment(), where="that joined later")
    return work(data, task)
