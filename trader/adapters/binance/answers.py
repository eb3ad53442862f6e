"""The account's answers as values; what does not look exactly as documented is not understood.

https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md: "New order", "Query order", "Account trade
list", "Account information". Numbers are strings there; one that is not has lost digits.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.core.errors import BadData
from trader.core.klines import from_ms
from trader.core.orders import ZERO, ExecutionReport, Fill, OrderIntent, OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """How far an order has come; `executed` is in base units, `at` is when it was placed."""

    order_id: int
    status: OrderStatus
    executed: Decimal
    at: datetime


@contextmanager
def understood(base_url: str, what: str) -> Iterator[None]:
    """Turn an answer of an unexpected shape into BadData."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise BadData(f"{base_url} answered unexpectedly for {what} ({problem}); check the URL") from error


def order_state(answer: Mapping[str, Any], *, intent: OrderIntent, at: str) -> OrderState:
    """Return the state of an intent's order; `at` names the field with the time.

    Raises BadData for another order under the intent's id, and what `understood` catches for an unexpected shape.
    """
    theirs = (answer["clientOrderId"], answer["symbol"], answer["side"], answer["type"], _number(answer["origQty"]))
    ours = (intent.client_order_id, intent.symbol, intent.side.value, "MARKET", intent.quantity)
    if theirs != ours:
        raise BadData(
            f"order {intent.client_order_id} is {' '.join(map(str, theirs[1:]))} at the exchange and"
            f" {' '.join(map(str, ours[1:]))} here; somebody else uses this bot's ids, give it an account of its own"
        )
    status, executed = _status(answer["status"]), _number(answer["executedQty"])
    if executed > intent.quantity or (status is OrderStatus.FILLED and executed != intent.quantity):
        raise ValueError(f"{status} with {executed} of {intent.quantity} executed")
    return OrderState(order_id=_whole(answer["orderId"]), status=status, executed=executed, at=_moment(answer[at]))


def fills(rows: Iterable[Mapping[str, Any]]) -> tuple[Fill, ...]:
    """Return the fills of a new order's answer, or of a list of trades."""
    return tuple(
        Fill(
            price=_positive(row["price"]),
            quantity=_positive(row["qty"]),
            commission=_number(row["commission"]),
            commission_asset=_name(row["commissionAsset"]),
        )
        for row in rows
    )


def report(state: OrderState, *, intent: OrderIntent, fills: tuple[Fill, ...]) -> ExecutionReport:
    """Return the report of an order that is over. Raises ValueError when it is not, or when fills are missing."""
    filled = sum((fill.quantity for fill in fills), ZERO)
    if not state.status.is_final or filled != state.executed:
        raise ValueError(f"{state.status} with {state.executed} executed and fills of {filled}")
    return ExecutionReport(
        client_order_id=intent.client_order_id,
        order_id=state.order_id,
        side=intent.side,
        status=state.status,
        quantity=intent.quantity,
        executed=state.executed,
        fills=fills,
        at=state.at,
    )


def balances(answer: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the free amounts that are not zero, by asset."""
    found: dict[str, Decimal] = {}
    for row in answer["balances"]:
        asset = _name(row["asset"])
        if asset in found:
            raise ValueError(f"{asset} twice")
        found[asset] = _number(row["free"])
        _number(row["locked"])
    return {asset: free for asset, free in found.items() if free}


def book_price(answer: Mapping[str, Any]) -> Decimal | None:
    """Return the middle of the best bid and ask, None when a side of the book is empty (its price is 0 then)."""
    bid, ask = _number(answer["bidPrice"]), _number(answer["askPrice"])
    return (bid + ask) / 2 if bid and ask else None


def last_price(answer: Mapping[str, Any]) -> Decimal:
    """Return the price of the last trade."""
    return _positive(answer["price"])


def trade_ids(rows: Iterable[Mapping[str, Any]], *, order_id: int) -> list[int]:
    """Return the ids of an order's trades. Raises ValueError for another order's trade."""
    ids = []
    for row in rows:
        if _whole(row["orderId"]) != order_id:
            raise ValueError(f"a trade of order {row['orderId']} among those of {order_id}")
        ids.append(_whole(row["id"]))
    return ids


def _status(text: Any) -> OrderStatus:
    # Expired because it would have met an order of the same account (enums.md): for us the same.
    return OrderStatus.EXPIRED if text == "EXPIRED_IN_MATCH" else OrderStatus(text)


def _number(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a number in quotes")
    number = Decimal(value)
    if not number.is_finite() or number < 0:
        raise ValueError(f"{value!r} is not an amount")
    return number


def _positive(value: Any) -> Decimal:
    number = _number(value)
    if number == 0:
        raise ValueError("0 where there must be an amount")
    return number


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _moment(value: Any) -> datetime:
    return from_ms(_whole(value))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not an asset")
    return value
