"""The far end of a tracker: the program of a child process, whatever the tracker is.

It gets ready as soon as it knows its settings, while its parent still has other things to do. It holds nothing that
has to be closed when it is killed, which is how it ends whenever it is too slow.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NoReturn, Protocol

from trader.adapters.trackers.redaction import one_line, secrets_of
from trader.adapters.trackers.wire import END, Report, read_dispatch, read_settings, write_report
from trader.core.errors import Retryable, TraderError
from trader.core.tracking import Dispatch

Arrived = Callable[[str, int | None], None]
"""Called with the tracker's id of a run, and the number of the last step that has arrived for certain."""


class Client(Protocol):
    """A connection to a tracker.

    Both methods raise TraderError with one line that says what to do; Retryable when it is of no use to try another
    dispatch now. Anything else that they raise is reported by its type and its first line.
    """

    def send(self, dispatch: Dispatch, arrived: Arrived) -> None:
        """Send a dispatch, steps in their order, and call `arrived` whenever more of it has; the id at once."""

    def close(self) -> None:
        """Let go of the connection; everything has been sent."""


def serve(connect: Callable[[Mapping[str, str]], Client], *, where: Callable[[Mapping[str, str]], str]) -> NoReturn:
    """Be the program of a child process: read settings and dispatches, write reports, end.

    `where` returns the tracker's address for people, `connect` imports the vendor's library.
    """
    tell = _reporter()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    settings = read_settings(inbox.get())
    secrets = secrets_of(settings)
    try:
        tell(Report(where=one_line(where(settings), secrets=secrets)))
        client = connect(settings)
    except Exception as error:  # noqa: BLE001 - whatever a vendor's library raises is told, not shown as a traceback
        tell(Report(done=True, error=one_line(_message(error), secrets=secrets)))
        os._exit(1)
    _send_all(client, inbox, tell=tell, secrets=secrets)
    os._exit(0)  # a vendor's exit handlers may wait for minutes; everything that counts has been told


def _send_all(
    client: Client, inbox: "SimpleQueue[bytes]", *, tell: Callable[[Report], None], secrets: frozenset[str]
) -> None:
    index = 0
    while (line := inbox.get()) != END:
        report = Report(index=index)

        def arrived(run_id: str, sent: int | None, index: int = index) -> None:
            nonlocal report
            report = Report(index=index, run_id=run_id, sent=sent)
            tell(report)

        error: Exception | None = None
        try:
            client.send(read_dispatch(line), arrived)
        except Exception as raised:  # noqa: BLE001 - as above
            error = raised
        message = one_line(_message(error), secrets=secrets) if error else ""
        tell(Report(index=index, run_id=report.run_id, sent=report.sent, done=True, error=message))
        if isinstance(error, Retryable):
            return tell(Report(done=True, error=message))
        index += 1
    client.close()
    return None


def _message(error: Exception) -> str:
    if isinstance(error, TraderError):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _reporter() -> Callable[[Report], None]:
    """Return what writes a report, and turn everything else that is printed into the standard error."""
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(report: Report) -> None:
        rest = write_report(report)
        while rest:
            rest = rest[os.write(kept, rest) :]

    return tell


def _listen(inbox: "SimpleQueue[bytes]") -> None:
    """Hand over what the parent says; when its end of the pipe is closed, nobody waits for this process."""
    for line in sys.stdin.buffer:
        inbox.put(line)
    os._exit(1)
