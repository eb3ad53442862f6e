"""The process that sends: a message and its URLs as JSON on standard input, a line of JSON for each URL on the output.

It is a script: it imports nothing of this package, so that it starts quickly and depends on no path. What it says may
hold secrets; whoever started it takes them out. It ends by itself, also when nobody waits for it any more.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, TextIO

import apprise

_SPARE_SECONDS = 0.4
_LEAST_SECONDS = 0.2
UNKNOWN = "unknown-url"
"""The answer for what is no URL of a service."""


def main() -> None:
    """Send one message to every URL at once, and tell what became of each as soon as it is known."""
    request = json.load(sys.stdin)
    deadline = float(request["deadline"])  # of a clock that is the same in every process
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0) + 1)  # nobody may be waiting any more
    answers = _only_for_answers()
    for entry, error in send(request, until=deadline - _SPARE_SECONDS):
        answers.write(json.dumps({"entry": entry, "error": error}) + "\n")
        answers.flush()
    os._exit(0)  # a thread that still waits for a service must not be waited for


def send(request: dict[str, Any], *, until: float) -> Iterator[tuple[int, str]]:
    """Give the index of each URL with what went wrong, "" for nothing; one that is dead hinders no other."""
    services = [_loaded(url) for url in request["urls"]]  # not in threads: loading them takes a lock
    pool = ThreadPoolExecutor(len(services))
    work = {
        pool.submit(_send, service, request, until=until): entry
        for entry, service in enumerate(services)
        if service is not None and not request.get("check")
    }
    yield from ((entry, UNKNOWN) for entry, service in enumerate(services) if service is None)
    for done in as_completed(work):
        problem = done.exception()
        yield work[done], done.result() if problem is None else f"{type(problem).__name__}: {problem}"


def _loaded(url: str) -> Any:
    """Return the service of a URL, None when there is none."""
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(app_id="hourly-trader", app_desc="a paper trading bot", storage_mode="memory")
    return apprise.Apprise.instantiate(url, asset=asset)


def _send(service: Any, request: dict[str, Any], *, until: float) -> str:
    seconds = max(until - time.monotonic(), _LEAST_SECONDS)
    service.socket_connect_timeout = min(service.socket_connect_timeout, seconds)
    service.socket_read_timeout = min(service.socket_read_timeout, seconds)
    one = apprise.Apprise()
    one.add(service)
    found = one.notify(
        title=request["title"],
        body=request["body"],
        notify_type=request["kind"],
        body_format=apprise.NotifyFormat.TEXT,
        timeout=seconds,
    )
    if found:
        return ""
    if found.status is apprise.AppriseResultStatus.TIMEOUT:
        return "it gave no answer in time"
    words = [entry.message for result in found.results for entry in result.logs()]
    return str(words[-1]) if words else "it did not take the message"


def _only_for_answers() -> TextIO:
    """Return the standard output; what libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return answers


if __name__ == "__main__":
    main()
