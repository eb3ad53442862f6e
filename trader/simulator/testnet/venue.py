"""The venue behind the endpoints: one account, its markets, the clock, and everything scripted, under one lock.

Resting orders are matched against the way of the price: whenever the account is looked at, everything that happened
since the last time is gone through kline by kline.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trader.core.errors import BadConfig, Rejected
from trader.core.orders import ZERO, Side, SymbolRules
from trader.simulator import engine
from trader.simulator.account import Account, NewOrder, Order
from trader.simulator.book import OrderBook
from trader.simulator.filters import USUAL_FILTERS, VenueFilters
from trader.simulator.testnet.clock import ServerClock
from trader.simulator.testnet.faults import Faults
from trader.simulator.testnet.history import History
from trader.simulator.testnet.limits import Limits
from trader.simulator.testnet.market import SymbolMarket
from trader.simulator.testnet.security import ApiKey, new_secret_key
from trader.simulator.testnet.state import State, StateFile
from trader.simulator.testnet.visibility import Visibility
from trader.simulator.venue import VenueSettings, book_at, fund

BAD_SYMBOL = -1121


class Venue:
    """Everything the endpoints read and change; hold `lock` around whatever belongs together."""

    def __init__(
        self,
        *,
        markets: Mapping[str, SymbolMarket],
        settings: VenueSettings,
        clock: ServerClock,
        state: StateFile,
        keys: tuple[ApiKey, ...] = (),
    ) -> None:
        self.lock = threading.RLock()
        self.markets = markets
        self.settings = settings
        self.clock = clock
        self.limits = Limits()
        self.faults = Faults()
        self.visibility = Visibility()
        self.basis = Decimal(1)
        self.statuses: dict[str, str] = {}
        self._state = state
        kept = state.load()
        first = kept.keys if kept else (new_secret_key(),)
        registered = {key.public_key for key in first}
        self.keys = (*first, *(key for key in keys if key.public_key not in registered))
        self.account = kept.account if kept else Account()
        self.history = History(kept.history if kept else ())
        if kept is not None and kept.now > clock.now():
            clock.move_to(kept.now)
        self.updated_at = clock.now()
        self._matched_until = kept.now if kept else clock.now()  # the market went on while the server was away
        self.fund()

    def rules(self, symbol: str) -> SymbolRules:
        """Return a symbol's rules with its status of now. Raises Rejected, -1121, when it is not traded here."""
        market = self.markets.get(symbol)
        if market is None:
            raise Rejected("Invalid symbol.", code=BAD_SYMBOL)
        status = self.statuses.get(symbol)
        return market.rules if status is None else replace(market.rules, status=status)

    def filters(self, symbol: str) -> VenueFilters:
        """Return the filters that bind orders with a price; the lowest price is one tick."""
        return replace(USUAL_FILTERS, min_price=self.rules(symbol).tick_size)

    def price(self, symbol: str, *, now: datetime) -> Decimal:
        """Return the venue's own price: the market's times the basis, on the tick."""
        return self._based(self.markets[symbol].price(now), self.rules(symbol))

    def average_price(self, symbol: str, *, now: datetime) -> Decimal:
        """Return the mean price of the last five minutes."""
        return self._based(self.markets[symbol].average_price(now), self.rules(symbol))

    def book(self, symbol: str, *, now: datetime) -> OrderBook:
        """Return the book around the price."""
        return book_at(self.price(symbol, now=now), rules=self.rules(symbol), venue=self.settings)

    def place(self, order: NewOrder, *, now: datetime, fill_limit: Decimal | None = None) -> Order:
        """Take an order. Raises Rejected when it is not taken."""
        self.match_until(now)
        after, placed = engine.place_order(
            self.account,
            order,
            rules=self.rules(order.symbol),
            book=self.book(order.symbol, now=now),
            reference_price=self.average_price(order.symbol, now=now),
            now=now,
            commission_rate=self.settings.commission_rate,
            fill_limit=fill_limit,
            filters=self.filters(order.symbol),
        )
        self.change(after, now=now)
        return placed

    def check(self, order: NewOrder, *, now: datetime) -> None:
        """Raise Rejected when an order would not get as far as the matching engine."""
        engine.check_order(
            order,
            rules=self.rules(order.symbol),
            reference_price=self.average_price(order.symbol, now=now),
            filters=self.filters(order.symbol),
        )

    def cancel(self, symbol: str, *, order_id: int | None, client_order_id: str | None, now: datetime) -> Order:
        """Cancel an open order. Raises Rejected, -2011, when there is none."""
        self.match_until(now)
        after, order = engine.cancel_order(
            self.account, symbol=symbol, order_id=order_id, client_order_id=client_order_id, now=now
        )
        self.change(after, now=now)
        return order

    def match_until(self, now: datetime) -> None:
        """Match resting orders with everything that happened since the last time."""
        after, since = self.account, self._matched_until
        for symbol in sorted({order.symbol for order in after.open_orders} & set(self.markets)):
            rules = self.rules(symbol)
            waiting = [order for order in after.open_orders if order.symbol == symbol]
            for stretch in self.markets[symbol].stretches(since, now) if rules.status == "TRADING" else ():
                low, high = self._based(stretch.low, rules), self._based(stretch.high, rules)
                if not any(low <= order.price if order.side is Side.BUY else order.price <= high for order in waiting):
                    continue
                after = engine.match_open(
                    after,
                    rules=rules,
                    low=low,
                    high=high,
                    now=stretch.until,
                    commission_rate=self.settings.commission_rate,
                )
                waiting = [order for order in after.open_orders if order.symbol == symbol]
        self._matched_until = max(now, since)
        if after is not self.account:
            self.change(after, now=now)

    def change(self, account: Account, *, now: datetime) -> None:
        """Take over a changed account and keep it."""
        self.account, self.updated_at = account, now
        self.history.note(account.orders)
        self.save()

    def save(self) -> None:
        """Write the state file."""
        if self._state.path is not None:
            records = tuple(self.history.records())
            self._state.save(State(now=self.clock.now(), keys=self.keys, account=self.account, history=records))

    def fund(self) -> None:
        """Give every symbol's assets their start balances, once in the account's life."""
        account, now = self.account, self.clock.now()
        for symbol, market in self.markets.items():
            account = fund(account, rules=market.rules, price=self.price(symbol, now=now), venue=self.settings)
        self.change(account, now=now)

    def wipe(self) -> None:
        """Reset as the testnet does: no orders, fresh balances, the same keys."""
        self.account = engine.wipe(self.account)
        self.visibility.clear()
        self.history.begin_epoch()
        self.fund()

    def transfer(self, asset: str, amount: Decimal) -> None:
        """Add to a free balance, or take from it. Raises BadConfig when it would become negative."""
        free = self.account.free(asset) + amount
        if free < 0:
            raise BadConfig(f"{asset}: {amount} cannot be taken, only {self.account.free(asset)} is free")
        balances = {name: held for name, held in {**self.account.balances, asset: free}.items() if held != ZERO}
        self.change(replace(self.account, balances=balances), now=self.clock.now())

    def move_clock(self, moment: datetime) -> None:
        """Move the time forward and match everything on the way. Raises BadConfig for a time that is past."""
        self.clock.move_to(moment)
        self.match_until(self.clock.now())
        self.save()

    def _based(self, price: Decimal, rules: SymbolRules) -> Decimal:
        if self.basis == 1:
            return price
        return max((price * self.basis // rules.tick_size) * rules.tick_size, rules.tick_size)
