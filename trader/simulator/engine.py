"""The matching engine: an account and a market order in, a new account and a report out. No I/O, clock or randomness.

It must never be kinder than Binance, whose documentation it follows
(https://github.com/binance/binance-spot-api-docs):

    faqs/market_orders_faq.md   "If you do not have sufficient balance for the order to be completely filled, the order
                                will be rejected." "If the exchange does not have enough liquidity to fill the order,
                                your MARKET order will be partially filled to the extent of available liquidity, and
                                the remaining quantity will expire": status EXPIRED, and nothing may have been executed
    rest-api.md, New order      newClientOrderId is "a unique id among open orders": a market order is never open
                                afterwards, so **the same id sent again executes a second time**
    rest-api.md, Query order    origClientOrderId finds one order; of several with that id, here the newest (which one
                                Binance gives is not documented)
    faqs/commission_faq.md      the received amount times the rate: of a BUY the base quantity, of a SELL the notional

A request that is refused leaves the account as it was: Rejected carries Binance's code and words.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_UP, Decimal

from trader.core.errors import BadConfig, Rejected
from trader.core.orders import ZERO, ExecutionReport, Fill, OrderIntent, OrderStatus, Side, SymbolRules
from trader.simulator.account import HISTORY, Account, Order
from trader.simulator.book import Level, OrderBook, take
from trader.simulator.filters import NEW_ORDER_REJECTED, check_filters, check_parameters

_SATOSHI = Decimal("0.00000001")


def place_market_order(
    account: Account,
    *,
    intent: OrderIntent,
    rules: SymbolRules,
    book: OrderBook,
    reference_price: Decimal,
    now: datetime,
    commission_rate: Decimal,
) -> tuple[Account, ExecutionReport]:
    """Return the account after the order, and what became of it. Raises Rejected when it was not taken.

    `commission_rate` is a fraction (0.001 = 10 basis points), taken from what each fill receives. `reference_price` is
    what the notional filters go by.
    """
    if not 0 <= commission_rate < 1:
        raise BadConfig(f"commission rate {commission_rate} is not a fraction; write 10 basis points as 0.001")
    check_parameters(intent, rules=rules)
    check_filters(intent, rules=rules, reference_price=reference_price)
    if any(order.is_open and order.report.client_order_id == intent.client_order_id for order in account.orders):
        raise Rejected("Duplicate order sent.", code=NEW_ORDER_REJECTED)
    taken = take(book.facing(intent.side), intent.quantity)
    _check_balance(account, intent=intent, rules=rules, taken=taken, reference_price=reference_price)
    fills = tuple(_fill(level, side=intent.side, rules=rules, commission_rate=commission_rate) for level in taken)
    report = _report(intent, order_id=account.next_order_id, fills=fills, now=now)
    first_trade = account.next_trade_id
    order = Order(symbol=intent.symbol, report=report, trade_ids=tuple(range(first_trade, first_trade + len(fills))))
    after = replace(
        account,
        balances=_settled(account.balances, fills=fills, side=intent.side, rules=rules),
        orders=(*account.orders, order)[-HISTORY:],
        next_order_id=account.next_order_id + 1,
        next_trade_id=first_trade + len(fills),
    )
    return after, report


def find_order(account: Account, symbol: str, client_order_id: str) -> ExecutionReport | None:
    """Return the newest order with this id, None where Binance's origClientOrderId query answers -2013."""
    for order in reversed(account.orders):
        if order.symbol == symbol and order.report.client_order_id == client_order_id:
            return order.report
    return None


def _check_balance(
    account: Account, *, intent: OrderIntent, rules: SymbolRules, taken: tuple[Level, ...], reference_price: Decimal
) -> None:
    """Raise Rejected unless the account could pay for the order *completely filled*.

    What the book does not hold is priced at the worst level that was reached: Binance does not say at which price it
    checks, and asking for less would be kinder than its rule.
    """
    if intent.side is Side.SELL:
        needed, asset = intent.quantity, rules.base_asset
    else:
        worst = max((level.price for level in taken), default=reference_price)
        missing = intent.quantity - sum((level.quantity for level in taken), ZERO)
        needed = sum((level.price * level.quantity for level in taken), ZERO) + missing * worst
        asset = rules.quote_asset
    if account.free(asset) < needed:
        raise Rejected("Account has insufficient balance for requested action.", code=NEW_ORDER_REJECTED)


def _fill(level: Level, *, side: Side, rules: SymbolRules, commission_rate: Decimal) -> Fill:
    """Return one trade. Its commission is rounded up at 8 decimals.

    commission_faq.md prints 17491.25 * 0.0000023 = 0.040229875 as 0.04022988: up, or half up. Up is the one that is
    never kinder. It cannot exceed what was received, which is at least one unit of the last decimal.
    """
    received = level.quantity if side is Side.BUY else level.price * level.quantity
    return Fill(
        price=level.price,
        quantity=level.quantity,
        commission=min((received * commission_rate).quantize(_SATOSHI, rounding=ROUND_UP), received),
        commission_asset=rules.base_asset if side is Side.BUY else rules.quote_asset,
    )


def _report(intent: OrderIntent, *, order_id: int, fills: tuple[Fill, ...], now: datetime) -> ExecutionReport:
    executed = sum((fill.quantity for fill in fills), ZERO)
    return ExecutionReport(
        client_order_id=intent.client_order_id,
        order_id=order_id,
        side=intent.side,
        status=OrderStatus.FILLED if executed == intent.quantity else OrderStatus.EXPIRED,
        quantity=intent.quantity,
        executed=executed,
        fills=fills,
        at=now,
    )


def _settled(
    balances: Mapping[str, Decimal], *, fills: tuple[Fill, ...], side: Side, rules: SymbolRules
) -> dict[str, Decimal]:
    """Return the balances after the fills: base against quote, less the commissions."""
    sign = 1 if side is Side.BUY else -1
    after = dict(balances)
    for fill in fills:
        after[rules.base_asset] = after.get(rules.base_asset, ZERO) + sign * fill.quantity
        after[rules.quote_asset] = after.get(rules.quote_asset, ZERO) - sign * fill.quantity * fill.price
        after[fill.commission_asset] -= fill.commission
    return {asset: amount for asset, amount in after.items() if amount != 0}
