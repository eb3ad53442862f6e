"""The simulated account: free balances and the orders that were placed, as one value with a JSON form.

Nothing here is changed in place; the engine answers with a new account. History is bounded: only the newest
`HISTORY` orders are kept, so the stored object stays small however long the account lives; an older one is not found
any more. (Binance forgets less: only orders without a fill are archived, after 90 days, errors.md -2026.) Ids go on
counting.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError

from trader.core.errors import BadData
from trader.core.orders import ZERO, ExecutionReport, OrderStatus

SCHEMA = 1

HISTORY = 1000
"""Orders kept, counted over all symbols: six weeks of a bot that trades every hour."""

_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that was taken, and the trade id of each of its fills."""

    symbol: str
    report: ExecutionReport
    trade_ids: tuple[int, ...]

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits in the book; a market order never does."""
        return self.report.status in _OPEN

    @property
    def quote_quantity(self) -> Decimal:
        """What its fills came to in quote units, commissions apart (Binance's `cummulativeQuoteQty`)."""
        return sum((fill.price * fill.quantity for fill in self.report.fills), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Free balances by asset (zero ones left out), the orders oldest first, and the ids the next ones will get.

    `funded` names the assets that have had their start balance; an asset that was spent to nothing is not given more.
    `closed` are client order ids that were settled as never sent and are refused from then on.
    """

    schema: int = SCHEMA
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    funded: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    closed: tuple[str, ...] = ()
    next_order_id: int = 1
    next_trade_id: int = 1

    def free(self, asset: str) -> Decimal:
        """Return the free amount of an asset, 0 when there is none."""
        return self.balances.get(asset, ZERO)


_CODEC = TypeAdapter(Account)


def encode(account: Account) -> bytes:
    """Return the account as JSON, decimals as strings."""
    return _CODEC.dump_json(account)


def decode(data: bytes, *, source: str) -> Account:
    """Return the account of its JSON. Raises BadData, naming `source`, when it is damaged or of another schema."""
    try:
        account = _CODEC.validate_json(data)
    except ValidationError as error:
        _check_schema(_schema_of(data), source=source)
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole"
        raise BadData(f"{source}: {where}: {problem['msg']}; restore it, or delete it for a fresh account") from error
    _check_schema(account.schema, source=source)
    negative = [asset for asset, amount in account.balances.items() if amount < 0]
    if negative:
        raise BadData(
            f"{source}: the balance of {negative[0]} is negative; restore it, or delete it for a fresh account"
        )
    return account


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
