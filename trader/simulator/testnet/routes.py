"""The endpoints: which parameters each takes, whether it is signed, and what it weighs (rest-api.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trader.simulator.testnet import accounting, marketdata, trading
from trader.simulator.testnet.params import SIGNED, Parameters
from trader.simulator.testnet.trading import Call
from trader.simulator.testnet.venue import Venue

Sent = Mapping[str, str]
"""A request's parameters before anything is known about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path. `weight` looks at what was sent, however wrong it may be."""

    answer: Callable[[Venue, Call], Any]
    weight: Callable[[Sent], int]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    is_signed: bool = False
    is_free_on_success: bool = False
    counts_orders: bool = False


_DIGITS = 20
_MANY = 5000


def _weighs(weight: int) -> Callable[[Sent], int]:
    return lambda _: weight


def _public(
    answer: Callable[[Venue, Parameters, datetime], Any],
    weight: Callable[[Sent], int],
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> Endpoint:
    return Endpoint(
        answer=lambda venue, call: answer(venue, call.parameters, call.now),
        weight=weight,
        required=required,
        optional=optional,
    )


def _signed(
    answer: Callable[[Venue, Call], Any],
    weight: Callable[[Sent], int],
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    *,
    is_order: bool = False,
    is_free_on_success: bool = False,
) -> Endpoint:
    window, timestamp, signature = SIGNED
    return Endpoint(
        answer=answer,
        weight=weight,
        required=(*required, timestamp, signature),
        optional=(*optional, window),
        is_signed=True,
        is_free_on_success=is_free_on_success,
        counts_orders=is_order,
    )


def _depth_weight(sent: Sent) -> int:
    limit = sent.get("limit", "100")
    size = int(limit) if limit.isdecimal() and len(limit) <= _DIGITS else _MANY
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if size <= most), 250)


def _ticker_weight(sent: Sent) -> int:
    return 2 if "symbol" in sent else 4


def _day_weight(sent: Sent) -> int:
    if "symbol" in sent:
        return 2
    several = sent["symbols"].count(",") + 1 if "symbols" in sent else 101
    return next((weight for most, weight in ((20, 2), (100, 40)) if several <= most), 80)


def _ping(_venue: Venue, _parameters: Parameters, _now: datetime) -> dict[str, Any]:
    return {}


_KLINES = (("symbol", "interval"), ("startTime", "endTime", "timeZone", "limit"))
_ONE_OR_MORE = ("symbol", "symbols")
_ORDER_IDS = ("orderId", "origClientOrderId")
_NEW_ORDER = (
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
)

ENDPOINTS: Mapping[str, Mapping[str, Endpoint]] = {
    "/api/v3/ping": {"GET": _public(_ping, _weighs(1))},
    "/api/v3/time": {"GET": _public(marketdata.time_of_server, _weighs(1))},
    "/api/v3/exchangeInfo": {
        "GET": _public(
            marketdata.exchange_info,
            _weighs(20),
            optional=(*_ONE_OR_MORE, "permissions", "showPermissionSets", "symbolStatus"),
        )
    },
    "/api/v3/klines": {"GET": _public(marketdata.klines, _weighs(2), *_KLINES)},
    "/api/v3/uiKlines": {"GET": _public(marketdata.klines, _weighs(2), *_KLINES)},
    "/api/v3/avgPrice": {"GET": _public(marketdata.average_price, _weighs(2), ("symbol",))},
    "/api/v3/depth": {"GET": _public(marketdata.depth, _depth_weight, ("symbol",), ("limit",))},
    "/api/v3/ticker/price": {"GET": _public(marketdata.price_ticker, _ticker_weight, optional=_ONE_OR_MORE)},
    "/api/v3/ticker/bookTicker": {"GET": _public(marketdata.book_ticker, _ticker_weight, optional=_ONE_OR_MORE)},
    "/api/v3/ticker/24hr": {"GET": _public(marketdata.day_ticker, _day_weight, optional=(*_ONE_OR_MORE, "type"))},
    "/api/v3/order": {
        "GET": _signed(trading.query_order, _weighs(4), ("symbol",), _ORDER_IDS),
        "POST": _signed(
            trading.new_order,
            _weighs(1),
            ("symbol", "side", "type"),
            _NEW_ORDER,
            is_order=True,
            is_free_on_success=True,
        ),
        "DELETE": _signed(
            trading.cancel_order,
            _weighs(1),
            ("symbol",),
            (*_ORDER_IDS, "newClientOrderId", "cancelRestrictions"),
            is_free_on_success=True,
        ),
    },
    "/api/v3/order/test": {
        "POST": _signed(
            trading.try_order,
            lambda sent: 20 if sent.get("computeCommissionRates") == "true" else 1,
            ("symbol", "side", "type"),
            (*_NEW_ORDER, "computeCommissionRates"),
        )
    },
    "/api/v3/openOrders": {
        "GET": _signed(trading.open_orders, lambda sent: 6 if "symbol" in sent else 80, (), ("symbol",)),
        "DELETE": _signed(trading.cancel_open_orders, _weighs(1), ("symbol",), is_free_on_success=True),
    },
    "/api/v3/allOrders": {
        "GET": _signed(trading.all_orders, _weighs(20), ("symbol",), ("orderId", "startTime", "endTime", "limit"))
    },
    "/api/v3/account": {"GET": _signed(accounting.account, _weighs(20), (), ("omitZeroBalances",))},
    "/api/v3/account/commission": {"GET": _signed(accounting.commission, _weighs(20), ("symbol",))},
    "/api/v3/myTrades": {
        "GET": _signed(
            accounting.my_trades,
            lambda sent: 5 if "orderId" in sent else 20,
            ("symbol",),
            ("orderId", "startTime", "endTime", "fromId", "limit"),
        )
    },
    "/api/v3/rateLimit/order": {"GET": _signed(accounting.order_count, _weighs(40))},
}
