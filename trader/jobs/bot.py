"""The bot as a job sees it: settings that are needed, the ports, and the stores of one symbol."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from trader.core.journal import BotState, Origin
from trader.core.strategy import Rules
from trader.ml.recipe import Recipe
from trader.ports import Clock, Exchange, Market, ObjectStorage
from trader.store.control import Stamp
from trader.store.journal import Journal
from trader.store.klines import KlineStore
from trader.store.ledger import Ledger
from trader.store.models import ModelStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One bot: what it is configured with and what it is connected to.

    `clock` is the market's time (virtual in demo and replay), `host` this machine's, for leases and timings. `owner`
    names this process in the journal, `market_id` a market that must not change under a store. `notional` is in quote
    units.
    """

    bot_id: str
    mode: str
    interval: str
    symbols: tuple[str, ...]
    origin: Origin
    owner: str
    market_id: str = ""
    rules: Rules
    notional: Decimal
    recipe: Recipe
    max_lateness: timedelta
    wait: timedelta
    lease: timedelta
    versions: Mapping[str, str]
    storage: ObjectStorage
    market: Market
    exchange: Exchange
    clock: Clock
    host: Clock
    klines: KlineStore

    @property
    def stamp(self) -> Stamp:
        """What its store is marked with."""
        return Stamp(bot_id=self.bot_id, mode=self.mode, interval=self.interval, market=self.market_id)


@dataclass(slots=True, kw_only=True)
class Desk:
    """One symbol of a bot: the bot, and the symbol's own stores."""

    bot: Bot
    symbol: str
    journal: Journal = field(init=False)
    models: ModelStore = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        storage, interval = self.bot.storage, self.bot.interval
        self.journal = Journal(storage, bot_id=self.bot.bot_id, symbol=self.symbol, interval=interval)
        self.models = ModelStore(storage, symbol=self.symbol, interval=interval)
        self.ledger = Ledger(storage, symbol=self.symbol, interval=interval, journal=self.journal)


def states(bot: Bot, *, without: Collection[str], anew: bool = False) -> dict[str, BotState]:
    """Return the books of every symbol that this bot has ever run, but for some; `anew` from the journal's newest.

    The bot's own symbols are looked up in the journal also where the copy of their books is not there (yet).
    """
    symbols = ({key.split("/")[1] for key in bot.storage.keys("state/")} | set(bot.symbols)) - set(without)
    journals = {symbol: Desk(bot=bot, symbol=symbol).journal for symbol in sorted(symbols)}
    found = {
        symbol: journal.latest(before=bot.clock.now()).state if anew else journal.state()
        for symbol, journal in journals.items()
    }
    return {symbol: state for symbol, state in found.items() if state is not None}
