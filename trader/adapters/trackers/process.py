"""The near end of a tracker: it hands dispatches to a child process and does not wait longer for it than it may.

A host that swallows packets, a crash or a leak of a vendor's library stay in the child. Settings, which may hold
secrets, go through the pipe: arguments and environment can be read by others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trader.adapters.trackers import wire
from trader.adapters.trackers.pipes import ChildProcess
from trader.adapters.trackers.redaction import one_line, secrets_of
from trader.core.errors import BadData
from trader.core.tracking import Dispatch, Receipt
from trader.ports import Sending


class ProcessTracker:
    """A tracker whose work is done by `python -m trader.adapters.trackers.<module>`.

    What the settings are called and mean is that module's matter. A name with TOKEN, PASSWORD or SECRET in it, or that
    ends in KEY, and what stands before the @ of an address, make a value a secret: no receipt ever shows it.
    """

    def __init__(self, name: str, *, module: str, settings: Mapping[str, str]) -> None:
        self._name, self._module, self._settings = name, f"{__package__}.{module}", dict(settings)

    @property
    def name(self) -> str:
        """Its short name."""
        return self._name

    def begin(self) -> Sending:
        """Start the child, which gets ready on its own."""
        return ProcessSending(self._name, module=self._module, settings=self._settings)


@dataclass(slots=True, kw_only=True)
class _Known:
    """What has been reported of a dispatch."""

    run: str
    run_id: str | None
    sent: int | None = None
    error: str = ""
    is_done: bool = False


class ProcessSending:
    """What one child is told, and what it reports of it."""

    def __init__(self, name: str, *, module: str, settings: Mapping[str, str]) -> None:
        self._name, self._where, self._trouble = name, "", ""
        self._secrets = secrets_of(settings)
        self._known: list[_Known] = []
        self._told: list[_Known] = []
        self._child: ChildProcess | None = None
        try:
            self._child = ChildProcess(module)
        except OSError as error:
            self._trouble = f"its process cannot be started ({error.strerror}); what is missing is sent by a later run"
        else:
            self._child.say(wire.write_settings(settings))

    def add(self, dispatch: Dispatch) -> None:
        """Hand over one more dispatch; returns at once."""
        known = _Known(run=dispatch.run, run_id=dispatch.run_id)
        self._known.append(known)
        try:
            line = wire.write_dispatch(dispatch)
        except (TypeError, ValueError) as error:
            known.error = f"run {dispatch.run!r} cannot be sent: {error}"
            return
        self._told.append(known)
        if self._child:
            self._child.say(line)

    def finish(self, seconds: float) -> tuple[Receipt, ...]:
        """Wait, at most this long, for the child to end; kill it then, and return what is certain."""
        child, self._child = self._child, None
        if child:
            has_ended = False
            try:
                child.say(wire.END)
                has_ended = child.listen(seconds, self._note)
            finally:
                how = child.end(self._note)
            self._trouble = f"its process ended too early ({how})" if has_ended else _too_slow(seconds)
        return tuple(
            Receipt(run=known.run, run_id=known.run_id, sent=known.sent, error=self._error(known))
            for known in self._known
        )

    def _note(self, line: bytes) -> None:
        """Heed a report; anything else on that line is no evidence of anything."""
        try:
            report = wire.read_report(line)
        except BadData:
            return
        self._where = report.where or self._where
        if report.index is None:
            concerned = self._told if report.done else []
        else:
            concerned = self._told[report.index : report.index + 1] if report.index >= 0 else []
        for known in (known for known in concerned if not known.is_done):
            known.run_id, known.sent = report.run_id or known.run_id, report.sent
            known.is_done, known.error = report.done, report.error

    def _error(self, known: _Known) -> str:
        if known.is_done and not known.error:
            return ""
        text = known.error or self._trouble or "its process has not been waited for"
        place = f" at {self._where}" if self._where and self._where not in text else ""
        return one_line(f"{self._name}{place}: {text}", secrets=self._secrets)


def _too_slow(seconds: float) -> str:
    return (
        f"not done after {seconds:.1f} s, what is missing is sent by a later run;"
        " see that it answers, or raise tracker.timeout_seconds"
    )
