"""The simulated account as one value with a JSON form: balances, orders and trades in the exchange's own vocabulary.

Nothing here is changed in place; the engine answers with a new account. History is bounded: only the newest `HISTORY`
orders are kept besides the open ones, so the stored object stays small however long the account lives; an older one
is not found any more. (Binance forgets less: only orders without a fill are archived, after 90 days, errors.md -2026.)
Ids go on counting.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from trader.core.errors import BadData
from trader.core.orders import ZERO, OrderStatus, Side

SCHEMA = 2

HISTORY = 500
"""Orders kept, counted over all symbols: three weeks of a bot that trades every hour, some 110 kB."""


class OrderType(StrEnum):
    """The order types that are simulated (enums.md)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"


class TimeInForce(StrEnum):
    """How long an order waits (enums.md): until cancelled, not at all, or only if it is filled whole at once."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as it was asked for. `quantity` is in base units; `quote_quantity` is Binance's `quoteOrderQty`.

    None is a parameter that was not sent.
    """

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution: price in quote units, quantity in base units, commission in its own asset."""

    id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    at: datetime
    is_maker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that was taken, and what became of it.

    `price` is 0 for a market order. `quantity` is Binance's `origQty`; of an order by quote amount it is what that
    amount came to, and `quote_quantity`, its `origQuoteOrderQty`, is 0 for every other. `at` is when it was placed,
    which is when it began to work. `locked_asset` names what an open order holds back, "" when it never rested.
    """

    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    status: OrderStatus
    trades: tuple[Trade, ...]
    at: datetime
    updated_at: datetime
    locked_asset: str = ""

    @property
    def executed(self) -> Decimal:
        """What was filled, in base units."""
        return sum((trade.quantity for trade in self.trades), ZERO)

    @property
    def quote_executed(self) -> Decimal:
        """What its trades came to in quote units, commissions apart (Binance's `cummulativeQuoteQty`)."""
        return sum((trade.price * trade.quantity for trade in self.trades), ZERO)

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits in the book; a market order never does."""
        return not self.status.is_final

    @property
    def locked(self) -> Decimal:
        """What it holds back, in units of `locked_asset`: a BUY the price of what is unfilled, a SELL that itself."""
        if not self.is_open:
            return ZERO
        unfilled = self.quantity - self.executed
        return unfilled * self.price if self.side is Side.BUY else unfilled


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Balances by asset (zero ones left out), the orders oldest first, and the ids the next ones will get.

    `balances` are the free amounts, `locked` what open orders hold back. `funded` names the assets that have had their
    start balance; an asset that was spent to nothing is not given more. `closed` are client order ids that were settled
    as never sent and are refused from then on.
    """

    schema: int = SCHEMA
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    locked: Mapping[str, Decimal] = field(default_factory=dict)
    funded: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    closed: tuple[str, ...] = ()
    next_order_id: int = 1
    next_trade_id: int = 1

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """The orders that wait in the book, oldest first. Each of them locks something, so no lock means none."""
        return tuple(order for order in self.orders if order.is_open) if self.locked else ()

    def free(self, asset: str) -> Decimal:
        """Return the free amount of an asset, 0 when there is none."""
        return self.balances.get(asset, ZERO)

    def locked_of(self, asset: str) -> Decimal:
        """Return what open orders hold back of an asset, 0 when nothing."""
        return self.locked.get(asset, ZERO)


class _TradeRow(NamedTuple):
    """A trade as it is stored: its values in this order, without names."""

    id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    at: datetime
    is_maker: bool


class _OrderRow(NamedTuple):
    """An order as it is stored: its values in this order, without names, which would be two thirds of its bytes."""

    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    status: OrderStatus
    trades: tuple[_TradeRow, ...]
    at: datetime
    updated_at: datetime
    locked_asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredAccount:
    schema: int
    balances: dict[str, Decimal]
    locked: dict[str, Decimal]
    funded: tuple[str, ...]
    orders: tuple[_OrderRow, ...]
    closed: tuple[str, ...]
    next_order_id: int
    next_trade_id: int


_CODEC = TypeAdapter(_StoredAccount)
_trade_values = attrgetter(*_TradeRow._fields)
_order_values = attrgetter(*_OrderRow._fields)
_TRADES = _OrderRow._fields.index("trades")


def encode(account: Account) -> bytes:
    """Return the account as JSON, decimals as strings."""
    return _CODEC.dump_json(
        _StoredAccount(
            schema=account.schema,
            balances=dict(account.balances),
            locked=dict(account.locked),
            funded=account.funded,
            orders=tuple(map(_order_row, account.orders)),
            closed=account.closed,
            next_order_id=account.next_order_id,
            next_trade_id=account.next_trade_id,
        )
    )


def decode(data: bytes, *, source: str) -> Account:
    """Return the account of its JSON. Raises BadData, naming `source`, when it is damaged or of another schema."""
    try:
        stored = _CODEC.validate_json(data)
    except ValidationError as error:
        _check_schema(_schema_of(data), source=source)
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole"
        raise BadData(f"{source}: {where}: {problem['msg']}; restore it, or delete it for a fresh account") from error
    _check_schema(stored.schema, source=source)
    for balances in (stored.balances, stored.locked):
        for asset, amount in balances.items():
            if amount < 0:
                raise BadData(
                    f"{source}: the balance of {asset} is negative; restore it, or delete it for a fresh account"
                )
    return Account(
        balances=stored.balances,
        locked=stored.locked,
        funded=stored.funded,
        orders=tuple(map(_order_of, stored.orders)),
        closed=stored.closed,
        next_order_id=stored.next_order_id,
        next_trade_id=stored.next_trade_id,
    )


def _order_row(order: Order) -> _OrderRow:
    values = list(_order_values(order))
    values[_TRADES] = tuple(_TradeRow._make(_trade_values(trade)) for trade in order.trades)
    return _OrderRow._make(values)


def _order_of(row: _OrderRow) -> Order:
    values = row._asdict()
    values["trades"] = tuple(Trade(**trade._asdict()) for trade in row.trades)
    return Order(**values)


def _check_schema(schema: object, *, source: str) -> None:
    if isinstance(schema, int) and schema != SCHEMA:
        raise BadData(
            f"{source}: written with schema {schema}, this version reads {SCHEMA}; use the version it is from"
        )


def _schema_of(data: bytes) -> object:
    """Return the schema number of what would not validate, None when it is not even JSON."""
    try:
        content = json.loads(data)
    except ValueError:
        return None
    return content.get("schema") if isinstance(content, dict) else None
