"""The account's answers as JSON values, in the shapes of the documented examples (rest-api.md, testnet/rest-api.md)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.core.klines import to_ms
from trader.core.orders import ZERO, Side
from trader.simulator.account import Account, Order, OrderType, Trade

NO_LIST = -1
"""`orderListId` of an order that is not part of a list."""


def number(value: Decimal) -> str:
    """Return a decimal as the API writes it: eight decimals."""
    return f"{value:.8f}"


def ack(order: Order) -> dict[str, Any]:
    """Return the answer to a new order, ACK."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": to_ms(order.at),
    }


def result(order: Order) -> dict[str, Any]:
    """Return the answer to a new order, RESULT."""
    return {
        **ack(order),
        **_state(order),
        "workingTime": to_ms(order.at),
        "selfTradePreventionMode": "NONE",
    }


def full(order: Order) -> dict[str, Any]:
    """Return the answer to a new order, FULL."""
    fills = [
        {
            "price": number(trade.price),
            "qty": number(trade.quantity),
            "commission": number(trade.commission),
            "commissionAsset": trade.commission_asset,
            "tradeId": trade.id,
        }
        for trade in order.trades
    ]
    return {**result(order), "fills": fills}


def queried(order: Order) -> dict[str, Any]:
    """Return an order as queries show it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        **_state(order),
        "stopPrice": number(ZERO),
        "icebergQty": number(ZERO),
        "time": to_ms(order.at),
        "updateTime": to_ms(order.updated_at),
        "isWorking": True,
        "workingTime": to_ms(order.at),
        "origQuoteOrderQty": number(order.quote_quantity),
        "selfTradePreventionMode": "NONE",
    }


def cancelled(order: Order, *, cancel_id: str) -> dict[str, Any]:
    """Return the answer to a cancel."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": to_ms(order.updated_at),
        **_state(order),
        "selfTradePreventionMode": "NONE",
    }


def my_trade(order: Order, trade: Trade) -> dict[str, Any]:
    """Return one of the account's trades."""
    return {
        "symbol": order.symbol,
        "id": trade.id,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "price": number(trade.price),
        "qty": number(trade.quantity),
        "quoteQty": number(trade.price * trade.quantity),
        "commission": number(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": to_ms(trade.at),
        "isBuyer": order.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account_information(
    account: Account, *, commission_rate: Decimal, updated_at: datetime, omit_zero: bool
) -> dict[str, Any]:
    """Return the account's balances and rates."""
    points = int(commission_rate * 10_000)
    assets = sorted({*account.funded, *account.balances, *account.locked})
    balances = [
        {"asset": asset, "free": number(account.free(asset)), "locked": number(account.locked_of(asset))}
        for asset in assets
        if not omit_zero or account.free(asset) or account.locked_of(asset)
    ]
    return {
        "makerCommission": points,
        "takerCommission": points,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(commission_rate),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": to_ms(updated_at),
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def commission(symbol: str, commission_rate: Decimal) -> dict[str, Any]:
    """Return a symbol's commission rates."""
    return {
        "symbol": symbol,
        "standardCommission": _rates(commission_rate),
        "specialCommission": _rates(ZERO),
        "taxCommission": _rates(ZERO),
        "discount": discount(),
    }


def discount() -> dict[str, Any]:
    """Return the terms of paying commissions in BNB: not offered here."""
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": number(ZERO)}


def order_count(name: str, *, limit: int, count: int) -> dict[str, Any]:
    """Return how many unfilled orders a window holds."""
    intervals = {"10S": ("SECOND", 10), "1D": ("DAY", 1)}
    interval, length = intervals[name]
    return {
        "rateLimitType": "ORDERS",
        "interval": interval,
        "intervalNum": length,
        "limit": limit,
        "count": count,
    }


def _rates(rate: Decimal) -> dict[str, str]:
    return {"maker": number(rate), "taker": number(rate), "buyer": number(ZERO), "seller": number(ZERO)}


def _state(order: Order) -> dict[str, Any]:
    return {
        "price": number(ZERO if order.type is OrderType.MARKET else order.price),
        "origQty": number(order.quantity),
        "executedQty": number(order.executed),
        "cummulativeQuoteQty": number(order.quote_executed),
        "origQuoteOrderQty": number(order.quote_quantity),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "side": order.side.value,
    }
