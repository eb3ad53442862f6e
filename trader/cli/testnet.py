"""The command that serves a local testnet: Binance's REST dialect on stored, given or made-up klines."""

import json
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import AsJson, Symbols, app
from trader.cli.output import parse_moment, plain, say
from trader.config import Settings, load_settings
from trader.core.errors import BadConfig
from trader.core.klines import Klines

if TYPE_CHECKING:
    from trader.simulator.testnet.market import SymbolMarket
    from trader.simulator.testnet.security import ApiKey
    from trader.simulator.testnet.server import ExchangeServer
    from trader.simulator.testnet.venue import Venue

_AHEAD = timedelta(days=400)
"""How far made-up klines go beyond the start, so that the clock can be moved."""


@app.command("testnet")
def serve_testnet(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0 takes a free one")] = 8081,
    host: Annotated[str, typer.Option(help="address to listen on; whoever reaches it can ask")] = "127.0.0.1",
    klines: Annotated[
        Path | None, typer.Option(help="Binance zips or CSVs, or parquet files; default: the store's klines")
    ] = None,
    now: Annotated[str | None, typer.Option(help="ISO time (UTC) its clock starts at; default: the real time")] = None,
    state: Annotated[Path | None, typer.Option(help="file that keeps account and key; default: forgotten")] = None,
    public_key: Annotated[Path | None, typer.Option(help="Ed25519 public key (PEM) that gets an API key too")] = None,
    symbol: Symbols = None,
    as_json: AsJson = False,
) -> None:
    """Serve a simulated exchange that speaks Binance's spot REST dialect, for any client to trade against."""
    from trader.adapters.clocks import WallClock
    from trader.bootstrap import venue_of
    from trader.simulator.testnet.clock import ServerClock
    from trader.simulator.testnet.exchange import Exchange
    from trader.simulator.testnet.server import ExchangeServer
    from trader.simulator.testnet.state import StateFile
    from trader.simulator.testnet.venue import Venue

    settings = load_settings()
    start = WallClock().now() if now is None else parse_moment(now)
    venue = Venue(
        markets=_markets(settings, path=klines, symbols=symbol, now=start),
        settings=venue_of(settings),
        clock=ServerClock(start),
        state=StateFile(state),
        keys=() if public_key is None else (_registered(public_key),),
    )
    try:
        server = ExchangeServer(Exchange(venue), host=host, port=port)
    except OSError as error:
        raise BadConfig(f"--host {host} --port {port} cannot be used ({error.strerror}); choose another") from error
    told = _told_to_end()
    with server:
        _announce(server, venue, as_json=as_json)
        told.wait()
    venue.save()


def _markets(
    settings: Settings, *, path: Path | None, symbols: list[str] | None, now: datetime
) -> "dict[str, SymbolMarket]":
    """Return the markets of the files that were named, or of the store, or else the made-up one."""
    from trader.simulator.testnet.kline_files import read_klines
    from trader.simulator.testnet.market import SymbolMarket, rules_of

    interval = settings.bot.interval
    if path is not None:
        if not path.exists():
            raise BadConfig(f"--klines {path} does not exist; name a file or a folder")
        found = read_klines(path, interval=interval)
    else:
        found = _stored(settings, symbols=symbols)
    if not found:
        return _made_up(settings, symbols=symbols, now=now)
    missing = [name for name in symbols or () if name not in found]
    if missing:
        raise BadConfig(f"--symbol {missing[0]}: there are no klines of it; there are some of {', '.join(found)}")
    wanted = symbols or list(found)
    return {name: SymbolMarket(rules=rules_of(name, found[name]), klines=found[name]) for name in wanted}


def _stored(settings: Settings, *, symbols: list[str] | None) -> dict[str, Klines]:
    from trader.bootstrap import open_storage
    from trader.store.klines import KlineStore

    store = KlineStore(open_storage(settings))
    names = symbols or settings.symbols
    found = {name: store.load(name, settings.bot.interval) for name in names}
    return {name: columns for name, columns in found.items() if len(columns)}


def _made_up(settings: Settings, *, symbols: list[str] | None, now: datetime) -> "dict[str, SymbolMarket]":
    """Return the demo's market, which goes on for more than a year."""
    from trader.adapters.clocks import VirtualClock
    from trader.adapters.synthetic_market import SYMBOL, SyntheticMarket
    from trader.simulator.synthetic import GENESIS
    from trader.simulator.testnet.market import SymbolMarket

    others = [name for name in symbols or () if name != SYMBOL]
    if others:
        raise BadConfig(f"--symbol {others[0]}: the store has no klines of it; ingest some, or name files: --klines")
    end = max(now, GENESIS) + _AHEAD
    market = SyntheticMarket(seed=settings.demo.seed, clock=VirtualClock(end))
    klines = market.klines(SYMBOL, settings.bot.interval, start=GENESIS, end=end)
    return {SYMBOL: SymbolMarket(rules=market.rules(SYMBOL), klines=klines)}


def _registered(path: Path) -> "ApiKey":
    from trader.simulator.testnet.security import new_public_key

    try:
        return new_public_key(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"--public-key {path} cannot be read; name a PEM file") from error


def _announce(server: "ExchangeServer", venue: "Venue", *, as_json: bool) -> None:
    """Say where it is and how to get in; the secret is for whoever started it."""
    secret, *others = venue.keys
    now, end = venue.clock.now(), max(market.end for market in venue.markets.values())
    note = f"the newest kline closed at {end:%Y-%m-%d %H:%M} UTC: nothing moves, give an earlier --now"
    if as_json:
        keys = [{"key": key.key, "type": "Ed25519"} for key in others]
        about: dict[str, object] = {"url": server.url, "key": secret.key, "secret": secret.secret, "other_keys": keys}
        about |= {"now": now, "symbols": list(venue.markets), "note": note if end < now else None}
        say(json.dumps(plain(about)))
    else:
        say(
            f"testnet   {server.url}  ({', '.join(venue.markets)}; its clock is at {now:%Y-%m-%d %H:%M:%S} UTC)",
            f"API key   {secret.key}",
            f"secret    {secret.secret}",
            *(f"Ed25519   {key.key}" for key in others),
            "for this bot:",
            f"export TRADER__BOT__MODE=testnet TRADER__BOT__SYMBOLS={','.join(venue.markets)}",
            f"export TRADER__MARKET__BASE_URL={server.url} TRADER__EXCHANGE__BASE_URL={server.url}",
            f"export TRADER__EXCHANGE__API_KEY={secret.key} TRADER__EXCHANGE__API_SECRET={secret.secret}",
            *([f"note      {note}"] if end < now else []),
        )
    sys.stdout.flush()


def _told_to_end() -> threading.Event:
    """Return what is set when the process is told to end, by SIGTERM or Ctrl-C."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told
