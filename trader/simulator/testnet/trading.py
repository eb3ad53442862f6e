"""The signed endpoints that place, cancel and show orders (rest-api.md, "Trading endpoints")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from trader.core.errors import Rejected
from trader.core.klines import to_ms
from trader.core.orders import OrderStatus, Side
from trader.simulator.account import NewOrder, Order, OrderType, TimeInForce
from trader.simulator.engine import find_order
from trader.simulator.testnet import answers
from trader.simulator.testnet.faults import FaultForm, of_kind
from trader.simulator.testnet.params import Parameters, either_missing
from trader.simulator.testnet.security import random_text
from trader.simulator.testnet.venue import Venue

INVALID_MESSAGE = -1013
INVALID_TIME_IN_FORCE = -1115
INVALID_TYPE = -1116
INVALID_SIDE = -1117
LOOKUP_TOO_BIG = -1127
BAD_RESTRICTION = -1145
NEW_ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
ARCHIVED = -2026

_ARCHIVE_AFTER = timedelta(days=90)
_DAY_MS = 86_400_000
_NOT_HERE = {
    "STOP_LOSS": "Stop loss orders",
    "STOP_LOSS_LIMIT": "Stop loss limit orders",
    "TAKE_PROFIT": "Take profit orders",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders",
}
"""Types that errors.md has words for when a symbol does not support them."""

Choice = TypeVar("Choice", Side, TimeInForce)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to an endpoint: what was sent, the server's time, and the faults scripted for it."""

    parameters: Parameters
    now: datetime
    faults: Sequence[FaultForm] = ()


def new_order(venue: Venue, call: Call) -> dict[str, Any]:
    """Place an order and answer what became of it at once."""
    order = _read_order(call.parameters)
    show = _response(call.parameters, order.type)
    venue.rules(order.symbol)
    now_ms = to_ms(call.now)
    venue.limits.check_orders(now_ms=now_ms)
    partial = of_kind(call.faults, "partial")
    placed = venue.place(order, now=call.now, fill_limit=None if partial is None else partial.fill)
    venue.limits.count_order(is_filled=placed.executed > 0, now_ms=now_ms)
    venue.visibility.hold_back(placed, list(call.faults), now=call.now)
    return show(venue.visibility.placed(placed))


def try_order(venue: Venue, call: Call) -> dict[str, Any]:
    """Validate an order without sending it into the matching engine."""
    order = _read_order(call.parameters)
    _response(call.parameters, order.type)
    venue.rules(order.symbol)
    venue.check(order, now=call.now)
    if not call.parameters.flag("computeCommissionRates"):
        return {}
    rate = answers.number(venue.settings.commission_rate)
    nothing = answers.number(Decimal(0))
    return {
        "standardCommissionForOrder": {"maker": rate, "taker": rate},
        "specialCommissionForOrder": {"maker": nothing, "taker": nothing},
        "taxCommissionForOrder": {"maker": nothing, "taker": nothing},
        "discount": answers.discount(),
    }


def query_order(venue: Venue, call: Call) -> dict[str, Any]:
    """Answer one order, by either id. Raises Rejected, -2013, when it is not found (yet)."""
    parameters = call.parameters
    symbol = venue.rules(parameters.needed("symbol")).symbol
    order_id, identity = parameters.number("orderId"), parameters.text("origClientOrderId")
    if order_id is None and identity is None:
        raise either_missing("origClientOrderId", "orderId")
    venue.match_until(call.now)
    found = find_order(venue.account, symbol, order_id=order_id, client_order_id=identity)
    shown = None if found is None else venue.visibility.shown(found, now=call.now)
    if shown is None:
        raise Rejected("Order does not exist.", code=NO_SUCH_ORDER)
    unfilled = shown.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) and not shown.executed
    if unfilled and call.now - shown.updated_at > _ARCHIVE_AFTER:
        message = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
        raise Rejected(message, code=ARCHIVED)
    return answers.queried(shown)


def cancel_order(venue: Venue, call: Call) -> dict[str, Any]:
    """Cancel one order, by either id."""
    parameters = call.parameters
    symbol = venue.rules(parameters.needed("symbol")).symbol
    order_id, identity = parameters.number("orderId"), parameters.text("origClientOrderId")
    if order_id is None and identity is None:
        raise either_missing("origClientOrderId", "orderId")
    venue.match_until(call.now)
    _check_restriction(venue, symbol, parameters)
    order = venue.cancel(symbol, order_id=order_id, client_order_id=identity, now=call.now)
    return answers.cancelled(order, cancel_id=parameters.text("newClientOrderId") or random_text(22))


def cancel_open_orders(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Cancel all orders of a symbol. Raises Rejected, -2011, when there are none."""
    symbol = venue.rules(call.parameters.needed("symbol")).symbol
    venue.match_until(call.now)
    waiting = [order for order in venue.account.orders if order.is_open and order.symbol == symbol]
    if not waiting:
        raise Rejected("Unknown order sent.", code=CANCEL_REJECTED)
    cancel_id = random_text(22)
    gone = [venue.cancel(symbol, order_id=order.order_id, client_order_id=None, now=call.now) for order in waiting]
    return [answers.cancelled(order, cancel_id=cancel_id) for order in gone]


def open_orders(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Answer the orders that wait, of one symbol or of all."""
    symbol = call.parameters.text("symbol")
    if symbol is not None:
        venue.rules(symbol)
    venue.match_until(call.now)
    listed = [order for order in venue.account.orders if symbol in (None, order.symbol)]
    shown = (venue.visibility.shown(order, now=call.now) for order in listed)
    return [answers.queried(order) for order in shown if order is not None and order.is_open]


def all_orders(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Answer a symbol's orders, whatever became of them: from an id on, or the newest."""
    parameters = call.parameters
    symbol = venue.rules(parameters.needed("symbol")).symbol
    limit, first = parameters.limit(), parameters.number("orderId")
    start, end = check_span(parameters)
    venue.match_until(call.now)
    listed = [
        order
        for order in venue.account.orders
        if order.symbol == symbol
        and (first is None or order.order_id >= first)
        and (start is None or to_ms(order.at) >= start)
        and (end is None or to_ms(order.at) <= end)
    ]
    shown = [venue.visibility.shown(order, now=call.now) for order in listed]
    found = [order for order in shown if order is not None]
    page = found[-limit:] if first is None and start is None else found[:limit]
    return [answers.queried(order) for order in page]


def check_span(parameters: Parameters) -> tuple[int | None, int | None]:
    """Return startTime and endTime. Raises Rejected, -1127, when they are more than 24 hours apart."""
    start, end = parameters.number("startTime"), parameters.number("endTime")
    if start is not None and end is not None and end - start > _DAY_MS:
        raise Rejected("More than 24 hours between startTime and endTime.", code=LOOKUP_TOO_BIG)
    return start, end


def _read_order(parameters: Parameters) -> NewOrder:
    """Return the order that the parameters ask for; what they mean together is the engine's to judge."""
    side = _choice(parameters.needed("side"), Side, words="Invalid side.", code=INVALID_SIDE)
    kind = _type(parameters.needed("type"))
    text = parameters.text("timeInForce")
    words = "Invalid timeInForce."
    in_force = None if text is None else _choice(text, TimeInForce, words=words, code=INVALID_TIME_IN_FORCE)
    mode = parameters.choice(
        "selfTradePreventionMode",
        ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"),
        default="NONE",
    )
    if mode != "NONE":
        message = "This symbol does not allow the specified self-trade prevention mode."
        raise Rejected(message, code=INVALID_MESSAGE)
    if parameters.text("icebergQty") is not None:
        raise Rejected("Iceberg orders are not supported for this symbol.", code=INVALID_MESSAGE)
    return NewOrder(
        symbol=parameters.needed("symbol"),
        side=side,
        type=kind,
        quantity=parameters.amount("quantity"),
        quote_quantity=parameters.amount("quoteOrderQty"),
        price=parameters.amount("price"),
        time_in_force=in_force,
        client_order_id=parameters.text("newClientOrderId") or random_text(22),
    )


def _choice(text: str, kinds: type[Choice], *, words: str, code: int) -> Choice:
    try:
        return kinds(text)
    except ValueError:
        raise Rejected(words, code=code) from None


def _type(text: str) -> OrderType:
    if text in _NOT_HERE:
        raise Rejected(f"{_NOT_HERE[text]} are not supported for this symbol.", code=INVALID_MESSAGE)
    try:
        return OrderType(text)
    except ValueError:
        raise Rejected("Invalid orderType.", code=INVALID_TYPE) from None


def _response(parameters: Parameters, kind: OrderType) -> Callable[[Order], dict[str, Any]]:
    """Return how the answer is shown: "MARKET and LIMIT order types default to FULL, all other orders ... to ACK"."""
    shapes = {"ACK": answers.ack, "RESULT": answers.result, "FULL": answers.full}
    usual = "ACK" if kind is OrderType.LIMIT_MAKER else "FULL"
    return shapes[parameters.choice("newOrderRespType", shapes, default=usual)]


def _check_restriction(venue: Venue, symbol: str, parameters: Parameters) -> None:
    """Raise Rejected when the order's status is not the one that cancelRestrictions asks for."""
    wanted = parameters.text("cancelRestrictions")
    if wanted is None:
        return
    statuses = {"ONLY_NEW": OrderStatus.NEW, "ONLY_PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED}
    if wanted not in statuses:
        raise Rejected("Invalid cancelRestrictions", code=BAD_RESTRICTION)
    order: Order | None = find_order(
        venue.account,
        symbol,
        order_id=parameters.number("orderId"),
        client_order_id=parameters.text("origClientOrderId"),
    )
    if order is not None and order.is_open and order.status is not statuses[wanted]:
        raise Rejected("Order was not canceled due to cancel restrictions.", code=CANCEL_REJECTED)
