"""A whole world for a bot in testnet mode: the local testnet over HTTP, and a folder or a real S3 server to keep it in.

with trading_world(tmp_path, {"BTCUSDT": klines}, first=FIRST, storage="s3") as world:
    world.enter(monkeypatch)
    world.move_to_run(FIRST)
    main(["run"])
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.s3_server import clean_aws, s3_server
from tests.testnet import LocalTestnet, running_testnet
from trader.bootstrap import build_bot
from trader.config import load_settings
from trader.core.klines import Klines, close_of
from trader.jobs.bot import Desk

STORAGES = ("folder", "s3")

SMALL_MODEL = {
    "TRADER__TRAIN__LOOK_BACK_DAYS": "15",
    "TRADER__TRAIN__N_ESTIMATORS": "30",
    "TRADER__TRAIN__LEARNING_RATE": "0.01",
    "TRADER__TRAIN__MAX_BIN": "256",
    "TRADER__TRAIN__GAMMA": "0",
    "TRADER__TRAIN__HORIZON": "1",
    "TRADER__DECISION__BAND": "0",
    "TRADER__DECISION__MIN_VOLATILITY": "0",
}
"""A model that is trained in no time, changes its mind, and is acted on every hour, whatever the defaults are."""

SMALL_SEARCH = {
    "TRADER__SEARCH__SPAN_DAYS": "60",
    "TRADER__SEARCH__STARTUP_TRIALS": "2",
    "TRADER__SEARCH__FEWEST_TREES": "3",
    "TRADER__SEARCH__MOST_TREES": "8",
    "TRADER__SEARCH__MIN_ROUND_TRIPS": "3",
    "TRADER__SEARCH__LONGEST_LOOK_BACK_DAYS": "30",
    "TRADER__PROMOTION__HOLD_OUT_DAYS": "21",
    "TRADER__PROMOTION__DRAWS": "100",
}
"""A search and a gate that take seconds; how many trials and workers is each test's own."""

QUICK = {
    "TRADER__EXCHANGE__RECV_WINDOW_MS": "400",
    "TRADER__EXCHANGE__LAG_SECONDS": "0.3",
    "TRADER__RUN__LEASE_SECONDS": "0.5",
    "TRADER__MARKET__WAIT_SECONDS": "1",
}
"""Waits that a test can afford: what is bounded is bounded more tightly."""

NEVER_DUE = {"TRADER__RETRAIN__THRESHOLD": "-100"}
"""No return is so bad that a run trains: orders and processes are what happens here."""


@dataclass(frozen=True)
class World:
    """The server, and the environment variables that a bot needs to live there."""

    net: LocalTestnet
    environment: dict[str, str]

    def enter(self, monkeypatch) -> None:
        """Give this process the bot's environment, and nothing of the user's own."""
        clean_aws(monkeypatch)
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def move_to_run(self, open_time: datetime, *, after: float = 5.0) -> None:
        """Set the exchange's clock some seconds after the close of a kline, if it is not later in that hour already."""
        closed = close_of(open_time, "1h")
        moment = closed + timedelta(seconds=after)
        if not moment <= self.net.control.now() < closed + timedelta(hours=1):
            self.net.control.move_to(moment)

    def desk(self, symbol: str = "BTCUSDT") -> Desk:
        """Look at the store, from the environment of this process."""
        return Desk(bot=build_bot(load_settings()), symbol=symbol)


@contextmanager
def stores(kind: str, folder: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """A function from a name to the environment of an empty store of that kind."""
    if kind == "folder":
        yield lambda name: {"TRADER__STORAGE__URL": str(folder / name)}
        return
    with s3_server() as s3:
        yield lambda name: s3.environment | {"TRADER__STORAGE__URL": f"s3://{s3.bucket}/bots/{name}"}


def environment_of(net: LocalTestnet, *, symbols: Iterable[str] = ("BTCUSDT",)) -> dict[str, str]:
    """What a bot has to be told to trade there; its store is not among it."""
    return {
        "TRADER__BOT__MODE": "testnet",
        "TRADER__BOT__SYMBOLS": ",".join(symbols),
        "TRADER__MARKET__BASE_URL": net.url,
        "TRADER__EXCHANGE__BASE_URL": net.url,
        "TRADER__EXCHANGE__API_KEY": net.key,
        "TRADER__EXCHANGE__API_SECRET": net.secret,
        **SMALL_MODEL,
        **QUICK,
        **NEVER_DUE,
    }


@contextmanager
def trading_world(
    folder: Path, klines: dict[str, Klines], *, first: datetime, storage: str, **options: Any
) -> Iterator[World]:
    """A running testnet whose clock stands at the close of `first`, and an empty store beside it."""
    with running_testnet(klines, now=close_of(first, "1h"), **options) as net, stores(storage, folder) as store:
        yield World(net=net, environment=environment_of(net, symbols=klines) | store("store"))
