"""The exchange's engine: an account and a request in, a new account and an order out. No I/O, clock or randomness.

It must never be kinder than Binance, whose documentation it follows
(https://github.com/binance/binance-spot-api-docs):

    faqs/market_orders_faq.md   "If you do not have sufficient balance for the order to be completely filled, the order
                                will be rejected." "If the exchange does not have enough liquidity to fill the order,
                                your MARKET order will be partially filled to the extent of available liquidity, and
                                the remaining quantity will expire": status EXPIRED, and nothing may have been executed
    rest-api.md, New order      newClientOrderId is "a unique id among open orders": a market order is never open
                                afterwards, so **the same id sent again executes a second time**
    rest-api.md, Test order     validated, "but does not send it into the matching engine": what only that one refuses
                                (balance, duplicate id, number of open orders) a test order passes
    rest-api.md, Query order    origClientOrderId finds one order; of several with that id, here the newest (which one
                                Binance gives is not documented)
    enums.md                    the rest of an order waits in the book (GTC) or is EXPIRED (IOC); FOK is filled whole
                                or EXPIRED with nothing
    faqs/commission_faq.md      the received amount times the rate: of a BUY the base quantity, of a SELL the notional

A request that is refused leaves the account as it was: Rejected carries Binance's code and words.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trader.core.errors import BadConfig, Rejected
from trader.core.orders import ZERO, ExecutionReport, Fill, OrderStatus, Side, SymbolRules
from trader.simulator.account import Account, NewOrder, Order, TimeInForce, Trade
from trader.simulator.book import Level, OrderBook
from trader.simulator.filters import NEW_ORDER_REJECTED, USUAL_FILTERS, VenueFilters, check_account, check_filters
from trader.simulator.matching import Match, match
from trader.simulator.parameters import check_parameters
from trader.simulator.settlement import recorded, settled, trades_of, unlocked

CANCEL_REJECTED = -2011


def place_order(
    account: Account,
    order: NewOrder,
    *,
    rules: SymbolRules,
    book: OrderBook,
    reference_price: Decimal,
    now: datetime,
    commission_rate: Decimal,
    fill_limit: Decimal | None = None,
    filters: VenueFilters = USUAL_FILTERS,
) -> tuple[Account, Order]:
    """Return the account after the order, and what became of it. Raises Rejected when it was not taken.

    `commission_rate` is a fraction (0.001 = 10 basis points), taken from what each trade receives. `reference_price` is
    what the filters on prices and notionals go by. `fill_limit` is a fault: at most this much base is filled.
    """
    _check_rate(commission_rate)
    check_order(order, rules=rules, reference_price=reference_price, filters=filters)
    _check_duplicate(account, order)
    matched = match(order, rules=rules, book=book, reference_price=reference_price, fill_limit=fill_limit)
    check_account(account, side=order.side, quantity=matched.quantity, rules=rules, filters=filters)
    spent = rules.quote_asset if order.side is Side.BUY else rules.base_asset
    _check_balance(account, spent, matched=matched)
    trades = trades_of(
        matched.taken,
        first_id=account.next_trade_id,
        side=order.side,
        rules=rules,
        commission_rate=commission_rate,
        now=now,
        is_maker=False,
    )
    placed = _placed(order, matched=matched, order_id=account.next_order_id, trades=trades, spent=spent, now=now)
    after = settled(account, order=placed, trades=trades, lock_change=placed.locked, rules=rules)
    return recorded(after, placed), placed


def check_order(
    order: NewOrder, *, rules: SymbolRules, reference_price: Decimal, filters: VenueFilters = USUAL_FILTERS
) -> None:
    """Raise Rejected for what Binance refuses of a test order: everything before the matching engine."""
    check_parameters(order, rules=rules)
    check_filters(order, rules=rules, filters=filters, reference_price=reference_price)


def cancel_order(
    account: Account, *, symbol: str, order_id: int | None, client_order_id: str | None, now: datetime
) -> tuple[Account, Order]:
    """Return the account with an open order cancelled and what it held back free again.

    Raises Rejected, -2011, when no open order has this id; of both ids, both have to be its own.
    """
    if order_id is None and client_order_id is None:
        raise Rejected("Cancel order is invalid. Check origClOrdId and orderId.", code=CANCEL_REJECTED)
    for order in account.open_orders:
        if _is_it(order, symbol, order_id=order_id, client_order_id=client_order_id):
            cancelled = replace(order, status=OrderStatus.CANCELED, updated_at=now)
            return recorded(unlocked(account, order), cancelled), cancelled
    raise Rejected("Unknown order sent.", code=CANCEL_REJECTED)


def match_open(
    account: Account,
    *,
    rules: SymbolRules,
    low: Decimal,
    high: Decimal,
    now: datetime,
    commission_rate: Decimal,
) -> Account:
    """Return the account after the price went from `low` to `high` in any order, itself when nothing was filled.

    A resting order of `rules.symbol` is filled whole, at its own price and as maker, when the range went *through* its
    price: a touch may not have reached it in the queue. How much was traded there is not looked at.
    """
    _check_rate(commission_rate)
    for order in account.open_orders:
        reached = order.price > low if order.side is Side.BUY else order.price < high
        if order.symbol == rules.symbol and reached:
            account = _filled(account, order, rules=rules, now=now, commission_rate=commission_rate)
    return account


def find_order(
    account: Account, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
) -> Order | None:
    """Return the newest order with this id, or with both, None where Binance's query answers -2013."""
    if order_id is None and client_order_id is None:
        return None
    for order in reversed(account.orders):
        if _is_it(order, symbol, order_id=order_id, client_order_id=client_order_id):
            return order
    return None


def wipe(account: Account) -> Account:  # noqa: ARG001 - nothing of it survives
    """Return what a reset of the testnet leaves of an account: no orders, no balances, nothing funded or closed.

    Whether ids go on counting is not documented. They start again at 1, which is the harder reading for a client: an
    order id that it remembers may be another order's.
    """
    return Account()


def execution_report(order: Order) -> ExecutionReport:
    """Return what the bot's port says of an order."""
    return ExecutionReport(
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        side=order.side,
        status=order.status,
        quantity=order.quantity,
        executed=order.executed,
        fills=tuple(
            Fill(
                price=trade.price,
                quantity=trade.quantity,
                commission=trade.commission,
                commission_asset=trade.commission_asset,
            )
            for trade in order.trades
        ),
        at=order.updated_at,
    )


def _check_rate(commission_rate: Decimal) -> None:
    if not 0 <= commission_rate < 1:
        raise BadConfig(f"commission rate {commission_rate} is not a fraction; write 10 basis points as 0.001")


def _check_duplicate(account: Account, order: NewOrder) -> None:
    if any(other.client_order_id == order.client_order_id for other in account.open_orders):
        raise Rejected("Duplicate order sent.", code=NEW_ORDER_REJECTED)


def _check_balance(account: Account, asset: str, *, matched: Match) -> None:
    if account.free(asset) < matched.needed:
        raise Rejected("Account has insufficient balance for requested action.", code=NEW_ORDER_REJECTED)


def _is_it(order: Order, symbol: str, *, order_id: int | None, client_order_id: str | None) -> bool:
    return (
        order.symbol == symbol
        and order_id in (None, order.order_id)
        and client_order_id in (None, order.client_order_id)
    )


def _placed(
    order: NewOrder, *, matched: Match, order_id: int, trades: tuple[Trade, ...], spent: str, now: datetime
) -> Order:
    return Order(
        symbol=order.symbol,
        order_id=order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force or TimeInForce.GTC,
        price=order.price or ZERO,
        quantity=matched.quantity,
        quote_quantity=order.quote_quantity or ZERO,
        status=matched.status,
        trades=trades,
        at=now,
        updated_at=now,
        locked_asset="" if matched.status.is_final else spent,
    )


def _filled(account: Account, order: Order, *, rules: SymbolRules, now: datetime, commission_rate: Decimal) -> Account:
    """Return the account with the rest of a resting order filled at its own price."""
    rest = Level(price=order.price, quantity=order.quantity - order.executed)
    trades = trades_of(
        (rest,),
        first_id=account.next_trade_id,
        side=order.side,
        rules=rules,
        commission_rate=commission_rate,
        now=now,
        is_maker=True,
    )
    filled = replace(order, status=OrderStatus.FILLED, trades=(*order.trades, *trades), updated_at=now)
    after = settled(account, order=filled, trades=trades, lock_change=-order.locked, rules=rules)
    return recorded(after, filled)
