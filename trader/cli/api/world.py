"""The bot as the service sees it: its storage only reads, its klines are not kept, it can send no order.

Runs come and go beside it. In demo mode the clock is made up and moves with them; elsewhere it is the market's own,
asked for again now and then, because a machine that was suspended does not count on.
"""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

from trader.adapters.clocks import VirtualClock, WallClock
from trader.adapters.closed_exchange import ClosedExchange
from trader.bootstrap import build_bot, build_setup, demo_now, open_storage
from trader.config import Settings
from trader.core.errors import BadConfig
from trader.core.orders import SymbolRules
from trader.jobs.bot import Bot
from trader.jobs.predict import UnstoredKlines
from trader.ports import Market
from trader.store.control import STAMP_KEY, check_stamp
from trader.store.read_only import ReadOnly

_ASK_AGAIN = 900.0
"""Seconds after which the market's time is asked for anew, and the store's owner looked at again."""


class RulesOnly(ClosedExchange):
    """An exchange that knows the market's rules, which the size of a target needs, and refuses everything else."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def rules(self, symbol: str) -> SymbolRules:
        """Return the market's rules."""
        return self._market.rules(symbol)


class World:
    """Opens the bot when it is first asked for, and again from time to time. Any number of threads may ask."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.host = WallClock()
        self.audit = open_storage(settings)
        """The same store as it is, for the one thing that the service writes."""
        self.storage = ReadOnly(self.audit)
        self._klines = UnstoredKlines(self.storage)
        self._lock = threading.Lock()
        self._opened: tuple[Bot, float] | None = None
        self._was_stamped = False

    def bot(self) -> Bot:
        """Return the bot of this moment. Raises BadConfig for another bot's store, Retryable as the world is."""
        with self._lock:
            if self._opened is None or self.host.monotonic() - self._opened[1] > _ASK_AGAIN:
                self._opened = self._open(), self.host.monotonic()
            bot = self._opened[0]
            if isinstance(bot.clock, VirtualClock):
                bot.clock.move_to(demo_now(self.settings, self.storage))
            return bot

    def check(self) -> None:
        """Look whether the store is there and this bot's. Raises BadConfig when it is not, or not any more."""
        stamp = self.bot().stamp
        is_stamped = check_stamp(self.storage, mine=stamp)
        if self._was_stamped and not is_stamped:
            raise BadConfig(f"{self.storage.locate(STAMP_KEY)} is gone; bring the store back, or correct storage.url")
        self._was_stamped = is_stamped

    def now(self) -> datetime:
        """Return the time that ages are told by: this machine's, so that no market is needed, or the made-up one."""
        clock = self.bot().clock
        return clock.now() if isinstance(clock, VirtualClock) else self.host.now()

    def _open(self) -> Bot:
        built = build_bot(self.settings)
        market, clock = (built.market, built.clock)
        if not isinstance(clock, VirtualClock):
            market, clock = build_setup(self.settings).market()
        bot = replace(
            built,
            storage=self.storage,
            klines=self._klines,
            market=market,
            clock=clock,
            exchange=RulesOnly(market),
            wait=built.wait if isinstance(clock, VirtualClock) else timedelta(0),
        )
        check_stamp(self.storage, mine=bot.stamp)
        return bot
