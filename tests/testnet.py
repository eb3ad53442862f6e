"""The local testnet for tests: a server in a thread of this process, with a client for its control door.

with running_testnet({"BTCUSDT": klines}, now=moment) as net:
    net.url, net.key, net.secret, net.control.advance(3600), net.client()
"""

import hashlib
import hmac
import json
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

from binance.client import Client

from tests.conftest import ROOT
from trader.core.klines import Klines
from trader.simulator.testnet.clock import ServerClock
from trader.simulator.testnet.control import PREFIX, control
from trader.simulator.testnet.exchange import Answer, Exchange, Request
from trader.simulator.testnet.market import SymbolMarket, rules_of
from trader.simulator.testnet.routes import ENDPOINTS
from trader.simulator.testnet.security import ApiKey
from trader.simulator.testnet.server import ExchangeServer
from trader.simulator.testnet.state import StateFile
from trader.simulator.testnet.venue import Venue
from trader.simulator.venue import VenueSettings

VENUE = VenueSettings(
    commission_rate=Decimal("0.001"),
    half_spread_rate=Decimal("0.0001"),
    level_notional=Decimal(20000),
    levels=10,
    start_quote=Decimal(10000),
    start_base_notional=Decimal(10000),
)


@dataclass(frozen=True)
class Control:
    """The control door of a server at `url`."""

    url: str

    def ask(self, method: str, door: str, content: object = None) -> dict:
        """Send JSON and return the answer; an error raises urllib.error.HTTPError."""
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}/_control/{door}", data=data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def state(self) -> dict:
        return self.ask("GET", "state")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.state()["now"])

    def advance(self, seconds: float) -> datetime:
        """Move the server's clock forward."""
        return datetime.fromisoformat(self.ask("POST", "clock", {"advance_seconds": seconds})["now"])

    def move_to(self, moment: datetime) -> None:
        self.ask("POST", "clock", {"now": moment.isoformat()})

    def ticking(self, *, on: bool) -> None:
        self.ask("POST", "clock", {"ticking": on})

    def fault(self, kind: str, **content: object) -> dict:
        """Script a fault; `method`, `path`, `symbol` and `client_order_id` say for which requests."""
        names = ("method", "path", "symbol", "client_order_id") if kind not in ("symbol-status",) else ()
        match = {name: content.pop(name) for name in names if name in content}
        return self.ask("POST", "faults", {"kind": kind, **({"match": match} if match else {}), **content})

    def order_fault(self, kind: str, **content: object) -> dict:
        """Script a fault for the next new order."""
        return self.fault(kind, method="POST", path="/api/v3/order", **content)

    def clear(self) -> None:
        self.ask("DELETE", "faults")

    def wipe(self) -> None:
        self.fault("wipe")

    def orders(self) -> dict:
        """Everything that was ever taken: `orders` and `by_client_order_id`."""
        return self.ask("GET", "orders")

    def times_placed(self, client_order_id: str) -> int:
        return self.orders()["by_client_order_id"].get(client_order_id, {"placed": 0})["placed"]

    def requests(self) -> list[dict]:
        return self.ask("GET", "requests")["requests"]


@dataclass(frozen=True)
class LocalTestnet:
    """A running server: where it is, how to get in, and what is behind it."""

    url: str
    key: str
    secret: str = field(repr=False)
    control: Control
    venue: Venue
    clients: list[Client] = field(default_factory=list)

    def client(self, **options):
        """A python-binance client that talks to it, closed with it; its clock is the server's."""
        client = client_of(self.url, **{"api_key": self.key, "api_secret": self.secret, **options})
        self.clients.append(client)
        return client


def make_venue(
    klines: dict[str, Klines],
    *,
    now: datetime,
    ticking: bool = True,
    state: Path | None = None,
    settings: VenueSettings = VENUE,
    keys: tuple[ApiKey, ...] = (),
) -> Venue:
    """A venue on these klines; with `ticking` off its clock only moves when it is told to."""
    return Venue(
        markets={
            symbol: SymbolMarket(rules=rules_of(symbol, columns), klines=columns) for symbol, columns in klines.items()
        },
        settings=settings,
        clock=ServerClock(now, ticking=ticking),
        state=StateFile(state),
        keys=keys,
    )


@contextmanager
def running_testnet(klines: dict[str, Klines], **options):
    """A running local testnet; the options are those of `make_venue`."""
    venue = make_venue(klines, **options)
    with ExchangeServer(Exchange(venue)) as server:
        first = venue.keys[0]
        net = LocalTestnet(url=server.url, key=first.key, secret=first.secret, control=Control(server.url), venue=venue)
        try:
            yield net
        finally:
            for client in net.clients:
                client.session.close()


@contextmanager
def running_process(folder: Path, *words: str, number: int = signal.SIGTERM):
    """The start-up line of `trader testnet` as its own process, which has to end cleanly when it is told to."""
    command = [sys.executable, str(ROOT / "main.py"), "testnet", "--port", "0", "--json", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()


class Asker:
    """Asks an exchange without any socket; signs with its first key, at its own time, unless told otherwise."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.venue = exchange.venue

    def ask(self, method: str, path: str, *, address="10.0.0.1", key=None, **parameters) -> Answer | None:
        """Send parameters in the query string, unsigned."""
        request = Request(
            method=method, path=f"/api/v3/{path}", query=urlencode(parameters), api_key=key, address=address
        )
        return self.exchange.answer(request)

    def signed(self, method: str, path: str, **parameters) -> Answer | None:
        """Send parameters with timestamp and signature."""
        first = self.venue.keys[0]
        parameters.setdefault("timestamp", self.venue.clock.now_ms())
        signature = hmac.new(first.secret.encode(), urlencode(parameters).encode(), hashlib.sha256).hexdigest()
        return self.ask(method, path, key=first.key, **parameters, signature=signature)

    def value(self, method: str, path: str, **parameters):
        """The JSON of an answer that has to be a success; signed where that is needed."""
        answer = (
            self.signed(method, path, **parameters) if needs_key(method, path) else self.ask(method, path, **parameters)
        )
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refusal(self, method: str, path: str, **parameters) -> tuple[int, int, str]:
        """Status, code and message of an answer that has to be a refusal."""
        answer = (
            self.signed(method, path, **parameters) if needs_key(method, path) else self.ask(method, path, **parameters)
        )
        content = json.loads(answer.body)
        return answer.status, content["code"], content["msg"]

    def buy(self, quantity="0.01", **parameters):
        """The answer to a market order."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": quantity, **parameters}
        return self.value("POST", "order", **order)

    def bid(self, price, quantity="0.01", **parameters):
        """The answer to a limit order."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": price}
        return self.value("POST", "order", **order, quantity=quantity, **parameters)

    def control(self, method: str, door: str, content: object = None) -> dict:
        """The JSON of the control door."""
        body = "" if content is None else json.dumps(content)
        return json.loads(control(self.exchange, Request(method=method, path=f"{PREFIX}{door}", body=body)).body)

    def fault(self, kind: str, *, path="order", method="POST", **content: object) -> dict:
        """Script a fault for requests to a path."""
        match = {"method": method, "path": f"/api/v3/{path}"}
        return self.control("POST", "faults", {"kind": kind, "match": match, **content})


def needs_key(method: str, path: str) -> bool:
    return ENDPOINTS[f"/api/v3/{path}"][method].is_signed


def client_of(url: str, **options) -> Client:
    """A python-binance client for a server at `url`, its clock set by the server's."""
    client = Client(ping=False, **options)
    client.API_URL = f"{url}/api"
    client.timestamp_offset = client.get_server_time()["serverTime"] - int(time.time() * 1000)
    return client
