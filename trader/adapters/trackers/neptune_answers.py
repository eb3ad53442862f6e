"""What the server has answered to what was handed over to a Neptune client.

The client sends in a thread of its own, and tells only its log what the server refused and that the connection is lost.
"""

import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from trader.adapters.trackers.neptune_refusals import LATER, translated
from trader.core.errors import Retryable


class Answers(logging.Handler):
    """Listens to a client's log, and to the end of its sending thread. There may be one in a process."""

    def __init__(self, library: str) -> None:
        super().__init__(logging.WARNING)
        self._news = threading.Event()
        self._lost = ""
        self._fatal: BaseException | None = None
        self._refused: list[str] = []
        logging.getLogger(library.partition(".")[0]).addHandler(self)
        threading.excepthook = self._note_end

    def wait(self, run: Any) -> list[str]:
        """Wait for the answers to all that was handed over to a run, and return what was refused.

        Raises Retryable when the connection is lost, and what `translated` says when the client gave up.
        """
        future: Future[None] = Future()
        threading.Thread(target=_fulfil, args=(future, run.wait), daemon=True).start()
        future.add_done_callback(lambda _: self._news.set())
        while not future.done():
            self._news.wait()
            self._news.clear()
            if self._lost and not future.done():
                raise Retryable(f"the connection was lost ({self._lost}); {LATER}")
        if error := future.exception():
            raise translated(self._fatal or error) from error
        refused, self._refused = self._refused, []
        return refused

    def emit(self, record: logging.LogRecord) -> None:
        """Heed a record: an operation that was refused, a connection that was lost."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        if record.levelno == logging.ERROR and "operation processing" in record.msg and arguments:
            self._refused.append(str(arguments[-1]))
        elif record.levelno == logging.WARNING and "onnection" in record.msg and "%s" in record.msg:
            self._lost = next((text for text in map(str, arguments) if text.isidentifier()), "no answer")
            self._news.set()

    def _note_end(self, end: threading.ExceptHookArgs) -> None:
        if end.thread and "AsyncOp" in end.thread.name:
            self._fatal = end.exc_value
        sys.stderr.write(f"a thread of the client ended with {end.exc_type.__name__}\n")


def _fulfil(future: "Future[None]", call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - it is raised where the future is asked
        future.set_exception(error)
    else:
        future.set_result(None)
