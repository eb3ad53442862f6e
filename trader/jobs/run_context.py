"""Which run is under way in this thread, for whoever writes log lines; nothing is decided by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trader.core.journal import RunKey

_CURRENT: ContextVar[RunKey | None] = ContextVar("run", default=None)


def current_run() -> RunKey | None:
    """Return the run that is under way, None outside of one."""
    return _CURRENT.get()


@contextmanager
def run_context(key: RunKey | None) -> Iterator[None]:
    """Say that everything within belongs to this run, or to none."""
    token = _CURRENT.set(key)
    try:
        yield
    finally:
        _CURRENT.reset(token)
