"""The notifier as the bot sees it: a child process is given message and URLs, and is killed when its time is over.

So no service, and no bug in what talks to it, can hang, crash or slow down whoever notifies. The child gets nothing of
the bot's environment that is secret, and what it says of a URL is shown without what may be secret in it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trader.adapters.notices.message import message_of
from trader.adapters.notices.urls import redacted, shown
from trader.core.notices import Delivered, Notice

_SCRIPT = Path(__file__).with_name("apprise.py")
_NOT_FOR_OTHERS = ("TRADER__", "AWS_", "NEPTUNE_", "MLFLOW_", "BINANCE_")
_LAST_WORDS_SECONDS = 1.0
_LONGEST = 300
_UNKNOWN = "unknown-url"
"""What the child says of a URL that it cannot use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message at one URL: where, as far as that may be shown, and what went wrong ("" for nothing)."""

    where: str
    error: str


class AppriseNotifier:
    """Sends through Apprise URLs; all notices of a call are one message to each of them."""

    def __init__(self, urls: Sequence[str], *, bot_id: str) -> None:
        self._urls = tuple(SecretStr(url) for url in urls)
        self._bot_id = bot_id

    def send(self, notices: Sequence[Notice], *, seconds: float) -> Delivered:
        """Send all of them as one message, at most this long, and return what became of it."""
        deliveries = self.deliver(notices, seconds=seconds)
        wrong = [f"{each.where}: {each.error}" for each in deliveries if each.error]
        error = f"{len(wrong)} of {len(deliveries)} services not told: {'; '.join(wrong)}" if wrong else ""
        return Delivered(reached=len(deliveries) - len(wrong), error=error)

    def deliver(self, notices: Sequence[Notice], *, seconds: float) -> tuple[Delivery, ...]:
        """Send, at most this long, and return what became of it at each URL; nothing to say is said nowhere."""
        if not notices or not self._urls:
            return ()
        urls = [url.get_secret_value() for url in self._urls]
        message = asdict(message_of(notices, bot_id=self._bot_id))
        errors = _ask({**message, "urls": urls}, seconds=seconds)
        return tuple(
            Delivery(where=_name(entry, url), error=_words(errors[entry], url)) for entry, url in enumerate(urls)
        )


def check_urls(urls: Sequence[str], *, seconds: float = 20.0) -> list[str]:
    """Return what is wrong with the URLs as far as that can be known without sending anything, in a line each."""
    errors = _ask({"urls": list(urls), "check": True}, seconds=seconds) if urls else {}
    wrong = [(entry, _words(error, urls[entry])) for entry, error in errors.items() if error]
    return [f"notify.urls: {_name(entry, urls[entry])}: {error}" for entry, error in wrong]


def _name(entry: int, url: str) -> str:
    return f"entry {entry + 1} ({shown(url)})"


def _words(error: str, url: str) -> str:
    """Return an error as one short line without secrets."""
    if error == _UNKNOWN:
        return "it is no URL that Apprise knows; https://appriseit.com/services/ says how they are written"
    line = redacted(" ".join("".join(each if each.isprintable() else " " for each in error).split()), url)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _ask(request: Mapping[str, Any], *, seconds: float) -> dict[int, str]:
    """Return for every URL what went wrong; those that the child said nothing about have the reason why not."""
    count = len(request["urls"])
    if seconds <= 0:
        return dict.fromkeys(range(count), "no time was left to tell it")
    try:
        bounded = {**request, "deadline": time.monotonic() + seconds}
        said, end = _converse(json.dumps(bounded).encode(), seconds=seconds)
    except OSError as error:
        return dict.fromkeys(range(count), f"no process could be started for it ({error.strerror})")
    otherwise = "" if request.get("check") and not end else end or "the process that tells it said nothing"
    return dict.fromkeys(range(count), otherwise) | _answers(said, count=count)


def _answers(said: bytes, *, count: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in said.splitlines():
        try:
            answer = json.loads(line)
            entry, error = int(answer["entry"]), str(answer["error"])
        except (ValueError, KeyError, TypeError):  # half a line of a process that was killed
            continue
        if 0 <= entry < count:
            found[entry] = error
    return found


def _converse(request: bytes, *, seconds: float) -> tuple[bytes, str]:
    """Return what the child said in its time, and how it ended if not well. Nothing of it is left."""
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-P", str(_SCRIPT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_OTHERS)},
    ) as child:
        try:
            said, _ = child.communicate(request, timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(child)
            return _last_words(child), f"given up after {seconds:g} s"
        except BaseException:  # Ctrl-C: it goes with us
            _kill(child)
            raise
    return said, "" if child.returncode == 0 else f"the process that tells it ended with code {child.returncode}"


def _last_words(child: subprocess.Popen[bytes]) -> bytes:
    try:
        return child.communicate(timeout=_LAST_WORDS_SECONDS)[0]
    except subprocess.TimeoutExpired as error:  # something it started holds the pipe, and cannot be reached
        return error.stdout or b""


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it has started; nothing of it stays, not even its exit code."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
