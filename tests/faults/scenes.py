"""An hour on the testnet in which something goes wrong.

The hour before (FIRST) is lived once, undisturbed, and copied into the store and the account of every scene. Commands
run in this process, as main() does; each of them is a new process for the bot, because it builds everything anew.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

from tests.builders import HOUR, random_klines, ticked
from tests.desks import FIRST
from tests.testnet import VENUE, Control, running_testnet
from tests.worlds import World, environment_of, stores
from trader.adapters import clocks
from trader.adapters.binance import api, weights
from trader.adapters.binance.exchange import BinanceExchange
from trader.adapters.binance.market import BinanceMarket
from trader.bootstrap import open_storage
from trader.cli import main
from trader.config import load_settings
from trader.core.journal import RunRecord
from trader.core.klines import close_of
from trader.jobs import refresh
from trader.jobs.bot import Desk

NOW = FIRST + HOUR
"""The hour of interest: it turns a long position into a short one, so an order is due."""

KLINES = ticked(random_klines(1980, seed=6, price=60000.0))
THIN = replace(VENUE, level_notional=Decimal(300))
"""A book on which an order is filled in several trades."""


@dataclass(frozen=True)
class Past:
    """What there is before the hour of interest: every object of the store, and the exchange's account."""

    objects: dict[str, bytes]
    account: bytes


@dataclass(frozen=True)
class Told:
    """What a run told its caller; `outcome` is empty when it ended before it could tell one."""

    code: int
    outcome: str
    error: str


DONE = Told(code=0, outcome="done", error="")
ALREADY_DONE = Told(code=0, outcome="already-done", error="")


class Scene:
    """One bot, its testnet and its store; the server's clock is the only one that matters."""

    def __init__(self, world: World, monkeypatch) -> None:
        self.world, self._monkeypatch = world, monkeypatch
        world.enter(monkeypatch)

    @property
    def control(self) -> Control:
        return self.world.net.control

    @property
    def desk(self) -> Desk:
        return self.world.desk()

    def run(self) -> Told:
        """Do the run of the newest closed kline in what is a new process to the bot."""
        code, said, error = command("run", "--json")
        answers = json.loads(said)["runs"] if said else []
        told = " ".join([error, *(answer["error"] or "" for answer in answers)]).strip()
        return Told(code=code, outcome=" ".join(answer["outcome"] for answer in answers), error=told)

    def run_at(self, open_time: datetime, *, after: float = 5.0) -> Told:
        """Do the run of a kline, some seconds after its close."""
        if self.control.now() < close_of(open_time, "1h") + timedelta(seconds=after - 0.5):
            self.world.move_to_run(open_time, after=after)
        return self.run()

    def records(self) -> list[RunRecord]:
        journal = self.desk.journal
        return [journal.read(time).record for time in journal.open_times()]

    def record(self, open_time: datetime) -> RunRecord:
        return self.desk.journal.read(open_time).record

    def executed(self) -> dict[str, int]:
        """How often each client order id was taken with something filled, over all resets."""
        found = self.control.orders()["by_client_order_id"]
        return {identity: count["executed"] for identity, count in found.items()}

    def orders_asked(self) -> int:
        """How many requests for a new order have reached the server, whatever became of them."""
        asked = self.control.requests()
        return sum(request["method"] == "POST" and request["path"] == "/api/v3/order" for request in asked)

    def just_before(self, step: str, happens: Callable[[], object]) -> None:
        """Let something happen just before the bot's next call of a method of the exchange."""
        real = getattr(BinanceExchange, step)

        def once(exchange, *arguments):
            self._monkeypatch.setattr(BinanceExchange, step, real)
            happens()
            return real(exchange, *arguments)

        self._monkeypatch.setattr(BinanceExchange, step, once)

    def be_patient(self) -> None:
        """Give orders and answers all the time they may need on a busy machine; what is found at once costs nothing."""
        patience = {"TRADER__EXCHANGE__RECV_WINDOW_MS": "10000", "TRADER__EXCHANGE__LAG_SECONDS": "10"}
        self.world.environment.update(patience)
        self.world.enter(self._monkeypatch)

    def lose_an_order(self, *, accept: bool) -> None:
        """Send NOW's order, taken or not, so that nobody hears of it: the run fails, and the window and lag pass."""
        self.be_patient()
        self.control.order_fault("drop", accept=accept)
        self.control.fault("error", method="GET", path="/api/v3/order", error="bad-gateway", times=0)
        told = self.run()
        assert (told.code, told.outcome) == (75, "failed")
        self.control.clear()
        self.control.advance(30)

    def give_up_soon(self) -> None:
        """Let a request that gets no answer time out after a second."""
        for adapter in (BinanceExchange, BinanceMarket):
            self._monkeypatch.setitem(adapter.__init__.__kwdefaults__, "timeout", (3.05, 1.0))

    def freeze(self, seconds: float) -> None:
        """Let time pass everywhere but in the bot: for the server, and on the monotonic clock that it wakes up to."""
        self.control.advance(seconds)
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds, sleep=time.sleep)
        self._monkeypatch.setattr(clocks, "time", later)

    def verified(self) -> dict[str, int]:
        """What `trader verify` finds different when it makes every run again, by cause: nothing, as a rule."""
        _, said, error = command("verify", "--symbol", "BTCUSDT", "--json")
        assert said, error
        return json.loads(said)["causes"]


def command(*words: str) -> tuple[int, str, str]:
    """Run a command; return its exit code and what it wrote to standard output and error."""
    weights._shared.clear()  # a new process knows nothing of the pauses that another one was asked for
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(words))
    return code, out.getvalue(), err.getvalue()


def be_quick(monkeypatch) -> None:
    """Shorten the waits that no setting reaches."""
    monkeypatch.setattr(api, "_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(refresh, "_POLL", 0.05)


def lived_past(folder: Path, monkeypatch) -> Past:
    """Live the hour before the one of interest."""
    state = folder / "account.json"
    with thin_testnet(close_of(FIRST, "1h"), state=state) as net:
        scene = Scene(
            World(net=net, environment=environment_of(net) | {"TRADER__STORAGE__URL": str(folder)}), monkeypatch
        )
        assert scene.run_at(FIRST) == DONE
        storage = open_storage(load_settings())
        objects = {key: storage.get(key).data for key in storage.keys("") if key != "account.json"}
        return Past(objects=objects, account=state.read_bytes())


def thin_testnet(now: datetime, *, state: Path):
    return running_testnet({"BTCUSDT": KLINES}, now=now, state=state, settings=THIN)


@contextmanager
def scene_of(past: Past, folder: Path, monkeypatch, *, storage: str = "folder") -> Iterator[Scene]:
    """A scene of its own with this past; the clock stands a second after the close of NOW."""
    state, start = folder / "account.json", close_of(NOW, "1h") + timedelta(seconds=1)
    state.write_bytes(past.account)
    with stores(storage, folder) as store, thin_testnet(start, state=state) as net:
        scene = Scene(World(net=net, environment=environment_of(net) | store("store")), monkeypatch)
        kept = open_storage(load_settings())
        for key, data in past.objects.items():
            kept.put(key, data)
        yield scene
