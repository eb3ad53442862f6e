"""The ports: what the bot needs from the world, as protocols that adapters fulfil.

Nothing here knows a vendor. Adapters translate their vendor's errors into the tree of `core/errors.py`, in one place
each, and raise nothing else for what the world does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from trader.core.errors import BadConfig
from trader.core.klines import Klines
from trader.core.notices import Delivered, Notice
from trader.core.orders import ExecutionReport, OrderIntent, SymbolRules
from trader.core.tracking import Dispatch, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's bytes and the tag that a conditional write has to name."""

    data: bytes
    etag: str


class ObjectStorage(Protocol):
    """Bytes by key, `/`-separated. A write is never half visible, and a failure is never taken for absence.

    Every method raises Retryable when the storage cannot be reached and BadConfig when it may not be used.
    """

    def get(self, key: str) -> StoredObject | None:
        """Return the object, None only when it certainly does not exist."""

    def put(self, key: str, data: bytes) -> str:
        """Write unconditionally and return the new tag."""

    def create(self, key: str, data: bytes) -> str:
        """Write only if the key does not exist; raises Conflict otherwise. Returns the new tag."""

    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Write only if the object still has this tag; raises Conflict otherwise. Returns the new tag."""

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is fine."""

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below a prefix, sorted."""

    def locate(self, key: str) -> str:
        """Return the place of a key for people (a path, an s3:// address)."""


class Clock(Protocol):
    """Time. `now` is the market's time as far as the bot is concerned; `monotonic` is this machine's."""

    def now(self) -> datetime:
        """Return the current aware UTC time."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait; a clock that is not the wall's moves itself forward instead."""


class Market(Protocol):
    """Where klines come from. Raises BadConfig for a symbol it does not have, Retryable when it does not answer."""

    def klines(self, symbol: str, interval: str, *, start: datetime, end: datetime) -> Klines:
        """Return the real klines with start <= open time < end that are closed by now; missing ones are left out."""

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""

    def price(self, symbol: str) -> Decimal:
        """Return the last price in quote units."""


class Exchange(Protocol):
    """Where orders go.

    `submit` raises Rejected when the exchange certainly did not take the order and never will, and Retryable when that
    is *unknown*: only `settle` can tell then.
    """

    @property
    def window(self) -> timedelta:
        """How long after it was signed a request is still taken; what is signed now says so."""

    def now(self) -> datetime:
        """Return the exchange's own aware UTC time: what a request that is signed now has to bear."""

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules on this venue."""

    def price(self, symbol: str) -> Decimal:
        """Return the venue's own price now, in quote units; it need not be the market's."""

    def balances(self) -> Mapping[str, Decimal]:
        """Return the free amount of each asset that is not zero."""

    def submit(self, intent: OrderIntent) -> ExecutionReport:
        """Send a market order and return what became of it."""

    def settle(self, intent: OrderIntent) -> ExecutionReport | None:
        """Return what became of an order, None only when it was not taken *and never will be*.

        An owner that was frozen may still be about to send it: whoever answers None has seen to it that this is too
        late. Raises Retryable as long as that is not certain.
        """


class KlineArchive(Protocol):
    """A published archive of kline files, by path. Paths are the archive's own (`data/spot/monthly/klines/...`)."""

    def checksum(self, path: str) -> str | None:
        """Return the published SHA-256 of a file in lower-case hex, None when none is published."""

    def revision(self, path: str) -> str | None:
        """Return a tag that changes whenever the file does, for files without a checksum.

        None when the archive does not have the file, "" when it has it but cannot tell one version from another.
        """

    def fetch(self, path: str) -> bytes | None:
        """Return a file, None when the archive does not have it. Raises Retryable when it does not answer."""

    def locate(self, path: str) -> str:
        """Return the file's address for people; the archive's own for an empty path."""


class Sending(Protocol):
    """A tracker at work in the background: it takes dispatches while it is getting ready, and can be given up."""

    def add(self, dispatch: Dispatch) -> None:
        """Hand over one more dispatch; returns at once."""

    def finish(self, seconds: float) -> tuple[Receipt, ...]:
        """Wait, at most this long, and return a receipt for each dispatch in its order. Never raises.

        Afterwards nothing of it is left: no process, no thread, no connection.
        """


class Tracker(Protocol):
    """Where figures and charts are sent. Nothing that it does can fail or hang its caller."""

    @property
    def name(self) -> str:
        """Its short name: `mlflow`, `neptune`."""

    def begin(self) -> Sending:
        """Begin to get ready in the background; returns at once."""


class Notifier(Protocol):
    """Tells people. Nothing that it does can fail or hang its caller."""

    def send(self, notices: Sequence[Notice], *, seconds: float) -> Delivered:
        """Send all of them as one message, at most this long, and return what became of it. Never raises."""


class Progress(Protocol):
    """Shows how far long work has come; the composition root decides how, or that it does not."""

    def start(self, what: str, total: int) -> None:
        """Begin a stretch of `total` steps."""

    def step(self, count: int = 1) -> None:
        """Advance it."""

    def finish(self) -> None:
        """End it."""


_NAME = "[A-Za-z0-9_=-][A-Za-z0-9._=-]*"
_KEY = re.compile(f"{_NAME}(/{_NAME})*")
_PREFIX = re.compile(f"({_NAME}/)*({_NAME})?")


def is_key(text: str) -> bool:
    """Tell whether a text can be a storage key: names of letters, digits and . _ = -, none beginning with a dot."""
    return _KEY.fullmatch(text) is not None


def check_key(key: str) -> None:
    """Refuse with BadConfig what can be no storage key, so that no key leaves the store or means two things."""
    if not is_key(key):
        raise BadConfig(f"storage key {key!r} is not allowed; names are letters, digits and . _ = -")


def check_prefix(prefix: str) -> None:
    """Refuse with BadConfig what no key can begin with; the empty prefix is that of every key."""
    if not _PREFIX.fullmatch(prefix):
        raise BadConfig(f"storage prefix {prefix!r} is not allowed; names are letters, digits and . _ = -")
