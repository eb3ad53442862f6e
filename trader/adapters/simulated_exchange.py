"""An exchange in process: the matching engine of `trader/simulator` behind the exchange's port.

The account lives in one object of the storage and is changed by compare-and-swap only, so it outlives the process and
several processes may trade on it: who loses the race reads again and applies the order to what the other one left. An
order is filled against a book around the market's own last price; it costs one read and one write, a look-up one read.

A symbol is *used* when it is named at construction or when its rules are asked for or an order is sent; its assets get
their start balances then. An account whose object was deleted is a fresh one with fresh balances, as after a reset of
Binance's testnet.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from trader.core.errors import Conflict, Rejected, Retryable
from trader.core.orders import ExecutionReport, OrderIntent, SymbolRules
from trader.ports import Clock, Market, ObjectStorage
from trader.simulator.account import HISTORY, Account, NewOrder, OrderType, decode, encode
from trader.simulator.engine import execution_report, find_order, place_order
from trader.simulator.venue import VenueSettings, book_at, fund, is_funded

Answer = TypeVar("Answer")

KEY = "exchange/simulated.json"

_ATTEMPTS = 50
"""Lost races before giving up. One that is lost means that another process has written meanwhile, so that many in a row
are a crowd, not a coincidence."""


class SimulatedExchange:
    """Market orders against a synthetic book, on an account kept in storage.

    Raises BadData when the stored account cannot be read.
    """

    def __init__(
        self,
        *,
        storage: ObjectStorage,
        market: Market,
        clock: Clock,
        venue: VenueSettings,
        symbols: Sequence[str] = (),
    ) -> None:
        self._storage = storage
        self._market = market
        self._clock = clock
        self._venue = venue
        self._used: set[str] = set(symbols)
        self._opened: set[str] = set()
        self._read: tuple[str, Account] | None = None

    def __repr__(self) -> str:
        return f"SimulatedExchange({self._storage.locate(KEY)!r})"

    @property
    def window(self) -> timedelta:
        """Nothing: this exchange looks at nobody's timestamps, see `settle`."""
        return timedelta(0)

    def now(self) -> datetime:
        """Return the clock's time."""
        return self._clock.now()

    def price(self, symbol: str) -> Decimal:
        """Return the market's price: this venue has no other."""
        return self._market.price(symbol)

    def rules(self, symbol: str) -> SymbolRules:
        """Return the market's rules; the first call for a symbol opens the account for it."""
        rules = self._market.rules(symbol)
        if symbol not in self._opened:
            self._used.add(symbol)
            self._open()
        return rules

    def balances(self) -> Mapping[str, Decimal]:
        """Return the free amount of each asset that is not zero."""
        return self._open().balances

    def submit(self, intent: OrderIntent) -> ExecutionReport:
        """Fill a market order and return what became of it.

        Raises Rejected with Binance's code and words; Retryable when the storage did not answer, or when other
        processes were always faster: only `settle` can tell then.
        """
        rules = self._market.rules(intent.symbol)
        price = self._market.price(intent.symbol)
        book = book_at(price, rules=rules, venue=self._venue)
        order = NewOrder(
            symbol=intent.symbol,
            side=intent.side,
            type=OrderType.MARKET,
            quantity=intent.quantity,
            client_order_id=intent.client_order_id,
        )
        self._used.add(intent.symbol)
        attempts = itertools.count()

        def place(account: Account) -> tuple[Account, ExecutionReport]:
            ours = find_order(account, intent.symbol, client_order_id=intent.client_order_id)
            if next(attempts) and ours is not None:  # what seemed a lost race was our own write, its answer lost
                return account, execution_report(ours)
            if intent.client_order_id in account.closed:
                raise Rejected(f"order {intent.client_order_id} was settled as never sent; it comes too late")
            after, placed = place_order(
                self._funded(account),
                order,
                rules=rules,
                book=book,
                reference_price=price,
                now=self._clock.now(),
                commission_rate=self._venue.commission_rate,
            )
            return after, execution_report(placed)

        return self._change(place)

    def settle(self, intent: OrderIntent) -> ExecutionReport | None:
        """Return the order, or None after making sure that it will never be taken.

        The refusal is written into the account. Whoever was frozen just before sending finds it there; whoever was
        frozen in the middle of it loses the compare-and-swap, reads again, and finds it there.
        """

        def close(account: Account) -> tuple[Account, ExecutionReport | None]:
            found = find_order(account, intent.symbol, client_order_id=intent.client_order_id)
            if found is not None:
                return account, execution_report(found)
            if intent.client_order_id in account.closed:
                return account, None
            return replace(account, closed=(*account.closed, intent.client_order_id)[-HISTORY:]), None

        return self._change(close)

    def _open(self) -> Account:
        """Return the account with the start balances of every used symbol."""

        def give(account: Account) -> tuple[Account, Account]:
            account = self._funded(account)
            return account, account

        return self._change(give)

    def _funded(self, account: Account) -> Account:
        for symbol in sorted(self._used):
            rules = self._market.rules(symbol)
            if not is_funded(account, rules=rules):
                account = fund(account, rules=rules, price=self._market.price(symbol), venue=self._venue)
        return account

    def _change(self, change: Callable[[Account], tuple[Account, Answer]]) -> Answer:
        """Load, apply, compare and swap; on a lost race again, on what the winner left."""
        for attempt in range(_ATTEMPTS):
            account, etag = self._load()
            after, answer = change(account)
            try:
                if after is not account:
                    self._save(after, etag=etag)
            except Conflict:
                time.sleep(attempt / 1000)  # the machine's time, not the market's
                continue
            self._opened |= self._used
            return answer
        raise Retryable(f"{KEY} was changed by others {_ATTEMPTS} times in a row; nothing was sent, try again")

    def _load(self) -> tuple[Account, str | None]:
        """Return the stored account and its tag, a new one with None when there is none."""
        stored = self._storage.get(KEY)
        if stored is None:
            return Account(), None
        if self._read is None or self._read[0] != stored.etag:
            self._read = stored.etag, decode(stored.data, source=self._storage.locate(KEY))
        return self._read[1], stored.etag

    def _save(self, account: Account, *, etag: str | None) -> None:
        data = encode(account)
        written = self._storage.create(KEY, data) if etag is None else self._storage.replace(KEY, data, etag)
        self._read = written, account
