"""The signed endpoints that show the account: balances, trades, rates, counts (rest-api.md, "Account Endpoints")."""

from typing import Any

from trader.core.klines import to_ms
from trader.simulator.testnet import answers
from trader.simulator.testnet.limits import ORDER_LIMITS
from trader.simulator.testnet.params import bad_combination
from trader.simulator.testnet.trading import Call, check_span
from trader.simulator.testnet.venue import Venue

_COMBINATIONS: tuple[set[str], ...] = (
    set(),
    {"orderId"},
    {"startTime"},
    {"endTime"},
    {"fromId"},
    {"startTime", "endTime"},
    {"orderId", "fromId"},
)
"""What may be sent beside the symbol ("These are the supported combinations of all parameters")."""


def account(venue: Venue, call: Call) -> dict[str, Any]:
    """Answer the balances."""
    venue.match_until(call.now)
    return answers.account_information(
        venue.account,
        commission_rate=venue.settings.commission_rate,
        updated_at=venue.updated_at,
        omit_zero=call.parameters.flag("omitZeroBalances"),
    )


def my_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Answer the account's trades in a symbol: from an id or a time on, or the newest."""
    parameters = call.parameters
    symbol = venue.rules(parameters.needed("symbol")).symbol
    limit, order_id, first = parameters.limit(), parameters.number("orderId"), parameters.number("fromId")
    start, end = check_span(parameters)
    given = {"orderId": order_id, "fromId": first, "startTime": start, "endTime": end}
    if {name for name, value in given.items() if value is not None} not in _COMBINATIONS:
        raise bad_combination()
    venue.match_until(call.now)
    orders = [order for order in venue.account.orders if order.symbol == symbol and order_id in (None, order.order_id)]
    found = sorted(
        (
            (trade.id, answers.my_trade(order, trade))
            for order in orders
            for trade in venue.visibility.trades(order, now=call.now)
            if (first is None or trade.id >= first)
            and (start is None or to_ms(trade.at) >= start)
            and (end is None or to_ms(trade.at) <= end)
        ),
        key=lambda entry: entry[0],
    )
    page = found[-limit:] if first is None and start is None else found[:limit]
    return [trade for _, trade in page]


def commission(venue: Venue, call: Call) -> dict[str, Any]:
    """Answer a symbol's commission rates."""
    symbol = venue.rules(call.parameters.needed("symbol")).symbol
    return answers.commission(symbol, venue.settings.commission_rate)


def order_count(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Answer how many unfilled orders the current windows hold."""
    counts = venue.limits.order_counts(now_ms=to_ms(call.now))
    return [answers.order_count(name, limit=limit, count=counts[name]) for name, (_, limit) in ORDER_LIMITS.items()]
