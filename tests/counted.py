"""The requests of one run, in order: of the S3 servers in this process up to the commit and after it, and of the venue.

with counted_world(tmp_path, klines, first=FIRST) as counted:
    counted.world.enter(monkeypatch)
    seen = counted.watch(FIRST, lambda: main(["run"]))
    len(seen.to_commit), len(seen.after), seen.market, seen.exchange
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.worlds import World, trading_world
from trader.core.klines import Klines
from trader.simulator.testnet.exchange import Exchange
from trader.simulator.testnet.server import ExchangeServer

STORE = "bots/store/"
"""The prefix of the store of a `trading_world` in its bucket."""


@dataclass(frozen=True, slots=True)
class StorageRequest:
    """One request as the S3 server got it; `at` and `until` are on this machine's monotonic clock."""

    kind: str
    key: str
    status: int
    at: float
    until: float

    def __str__(self) -> str:
        return f"{self.kind:<6} {self.key}  ({self.status})"


@dataclass(frozen=True, slots=True)
class VenueRequest:
    """One request as the testnet got it; `at` is in milliseconds of its own clock."""

    name: str
    at: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What one run asked: of the storage up to the completing write of its record, after it, and of the testnet."""

    to_commit: tuple[StorageRequest, ...]
    after: tuple[StorageRequest, ...]
    market: tuple[VenueRequest, ...]
    exchange: tuple[VenueRequest, ...]

    @property
    def storage(self) -> tuple[StorageRequest, ...]:
        return self.to_commit + self.after

    @property
    def order(self) -> VenueRequest | None:
        """The order, None for a run that sent none."""
        return next((request for request in self.exchange if request.name == "POST order"), None)

    def __str__(self) -> str:
        parts = {
            "of the storage up to the commit": self.to_commit,
            "of the storage after it": self.after,
            "of the market": self.market,
            "of the exchange": self.exchange,
        }
        lines = [
            line for name, part in parts.items() for line in (f"{len(part)} {name}:", *(f"  {each}" for each in part))
        ]
        return "\n".join(lines)


def kinds(requests: tuple[StorageRequest, ...]) -> str:
    """How many there are of each kind, in words: 7 get, 1 list, 2 put."""
    counts = Counter(request.kind for request in requests)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


class StorageLog:
    """Every request that the S3 servers of this process have answered, retries and refusals included."""

    def __init__(self) -> None:
        self._seen: list[StorageRequest] = []
        self._lock = threading.Lock()

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()

    def add(self, request: StorageRequest) -> None:
        with self._lock:
            self._seen.append(request)

    def requests(self) -> list[StorageRequest]:
        """In the order in which they arrived."""
        with self._lock:
            return sorted(self._seen, key=lambda request: request.at)


@contextmanager
def counting_s3() -> Iterator[StorageLog]:
    """Listen to the S3 servers of this process, by Flask's own signals: nothing stands between them and a client."""
    from flask import g, request, request_finished, request_started  # noqa: PLC0415 - only its users wait for it

    log = StorageLog()

    def began(_app: object, **_: object) -> None:
        g.counted_at = time.monotonic()

    def ended(_app: object, response, **_: object) -> None:
        kind, key = _named(request.method, request.url)
        log.add(StorageRequest(kind, key, response.status_code, g.counted_at, time.monotonic()))

    with request_started.connected_to(began), request_finished.connected_to(ended):
        yield log


def _named(method: str, url: str) -> tuple[str, str]:
    """Kind and key below the store; of a listing what is listed."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "list-type" in query:
        return "list", query.get("prefix", [""])[0].removeprefix(STORE)
    _, _, key = parts.path.removeprefix("/").partition("/")
    return method.lower(), key.removeprefix(STORE)


@dataclass(frozen=True)
class CountedWorld:
    """A world on S3 whose market and exchange are two doors of one testnet, so that each is counted by itself."""

    world: World
    storage: StorageLog
    market: Exchange
    symbol: str = "BTCUSDT"

    def watch(self, open_time: datetime, run: Callable[[], object]) -> Requests:
        """Move to just after the close of a kline, do its run, and return what was asked meanwhile."""
        exchange = self.world.net.control
        self.world.move_to_run(open_time)
        already = len(exchange.requests()), len(self.market.log)
        self.storage.clear()
        run()
        seen = self.storage.requests()
        split = _commit(seen, f"journal/{self.symbol}/1h/{open_time:%Y/%m/%dT%H%M}.json")
        return Requests(
            to_commit=tuple(seen[:split]),
            after=tuple(seen[split:]),
            market=_venue_requests(list(self.market.log)[already[1] :]),
            exchange=_venue_requests(exchange.requests()[already[0] :]),
        )


def _commit(seen: list[StorageRequest], record: str) -> int:
    """How many requests there were up to the last write of the record: a completed one never changes."""
    writes = [place for place, request in enumerate(seen, 1) if (request.kind, request.key) == ("put", record)]
    assert writes, f"{record} was not written, but there were:\n" + "\n".join(map(str, seen))
    return writes[-1]


def _venue_requests(entries: list[dict]) -> tuple[VenueRequest, ...]:
    return tuple(
        VenueRequest(f"{entry['method']} {entry['path'].removeprefix('/api/v3/')}", entry["at"]) for entry in entries
    )


@contextmanager
def counted_world(folder: Path, klines: dict[str, Klines], *, first: datetime) -> Iterator[CountedWorld]:
    """A `trading_world` on S3 of which every request is counted."""
    with (
        counting_s3() as log,
        trading_world(folder, klines, first=first, storage="s3") as world,
        ExchangeServer(Exchange(world.net.venue)) as market,
    ):
        environment = world.environment | {"TRADER__MARKET__BASE_URL": market.url}
        yield CountedWorld(world=replace(world, environment=environment), storage=log, market=market.exchange)
