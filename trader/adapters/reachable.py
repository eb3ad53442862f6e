"""Whether something answers at an address, asked once and for no longer than said. For who looks, not for who works.

A name that does not resolve, a host that swallows packets and a server that never ends its answer all take as long as
they are given: the question is asked in a thread that nobody waits for any longer.
"""

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import requests

from trader.core.errors import Retryable

_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def ask_http(url: str, *, seconds: float) -> int:
    """Return the HTTP status that a GET is answered with, redirects not followed. Raises Retryable without one."""

    def ask() -> int:
        with requests.get(url, timeout=seconds, allow_redirects=False, stream=True) as answer:
            return answer.status_code

    return _within(seconds, ask, where=_host(url))


def connect(url: str, *, seconds: float) -> None:
    """Raise Retryable unless the host and port of a URL can be connected to."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0], 0)

    def ask() -> int:
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return port

    _within(seconds, ask, where=f"{parts.hostname}:{port}")


def _within(seconds: float, ask: Callable[[], int], *, where: str) -> int:
    answers: list[int] = []
    problems: list[str] = []

    def work() -> None:
        try:
            answers.append(ask())
        except (OSError, ValueError) as error:  # what requests raises is an OSError
            problems.append(type(error).__name__)

    thread = threading.Thread(target=work, daemon=True, name=f"asks {where}")
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    why = problems[0] if problems else f"not within {seconds:g} s"
    raise Retryable(f"{where} does not answer ({why}); see that it runs and can be reached from here")


def _host(url: str) -> str:
    """Return scheme, host and port: what else is in a URL may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
