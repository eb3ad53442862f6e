"""What trades do to an account: balances move, commissions go, locks change, and the order is written down."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_UP, Decimal

from trader.core.orders import ZERO, Side, SymbolRules
from trader.simulator.account import HISTORY, Account, Order, Trade
from trader.simulator.book import Level

_SATOSHI = Decimal("0.00000001")


def trades_of(
    levels: tuple[Level, ...],
    *,
    first_id: int,
    side: Side,
    rules: SymbolRules,
    commission_rate: Decimal,
    now: datetime,
    is_maker: bool,
) -> tuple[Trade, ...]:
    """Return one trade for each level that was taken. Each commission is rounded up at 8 decimals.

    commission_faq.md prints 17491.25 * 0.0000023 = 0.040229875 as 0.04022988: up, or half up. Up is the one that is
    never kinder. It cannot exceed what was received, which is at least one unit of the last decimal.
    """
    trades: list[Trade] = []
    for number, level in enumerate(levels):
        received = level.quantity if side is Side.BUY else level.price * level.quantity
        trade = Trade(
            id=first_id + number,
            price=level.price,
            quantity=level.quantity,
            commission=min((received * commission_rate).quantize(_SATOSHI, rounding=ROUND_UP), received),
            commission_asset=rules.base_asset if side is Side.BUY else rules.quote_asset,
            at=now,
            is_maker=is_maker,
        )
        trades.append(trade)
    return tuple(trades)


def settled(
    account: Account, *, order: Order, trades: tuple[Trade, ...], lock_change: Decimal, rules: SymbolRules
) -> Account:
    """Return the account after new trades of an order: base against quote, less the commissions.

    `lock_change` is what the order holds back now more than before, negative for less, of the asset it spends.
    """
    base = sum((trade.quantity for trade in trades), ZERO)
    quote = sum((trade.quantity * trade.price for trade in trades), ZERO)
    if order.side is Side.BUY:
        spent, cost, received, proceeds = rules.quote_asset, quote, rules.base_asset, base
    else:
        spent, cost, received, proceeds = rules.base_asset, base, rules.quote_asset, quote
    commission = sum((trade.commission for trade in trades), ZERO)
    return replace(
        account,
        balances=_plus(account.balances, {spent: -cost - lock_change, received: proceeds - commission}),
        locked=_plus(account.locked, {spent: lock_change}),
        next_trade_id=account.next_trade_id + len(trades),
    )


def unlocked(account: Account, order: Order) -> Account:
    """Return the account with what an open order holds back free again."""
    return replace(
        account,
        balances=_plus(account.balances, {order.locked_asset: order.locked}),
        locked=_plus(account.locked, {order.locked_asset: -order.locked}),
    )


def recorded(account: Account, order: Order) -> Account:
    """Return the account with an order written down: in the place of its earlier self, or as the newest.

    What is too old is forgotten, unless it is open.
    """
    if order.order_id < account.next_order_id:
        orders = tuple(order if other.order_id == order.order_id else other for other in account.orders)
        return replace(account, orders=orders)
    return replace(account, orders=_newest((*account.orders, order)), next_order_id=order.order_id + 1)


def _newest(orders: tuple[Order, ...]) -> tuple[Order, ...]:
    excess = max(0, len(orders) - HISTORY)
    return (*(order for order in orders[:excess] if order.is_open), *orders[excess:])


def _plus(amounts: Mapping[str, Decimal], changes: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return amounts by asset after changes, those that are zero left out."""
    after = dict(amounts)
    for asset, change in changes.items():
        after[asset] = after.get(asset, ZERO) + change
    return {asset: amount for asset, amount in after.items() if amount != 0}
