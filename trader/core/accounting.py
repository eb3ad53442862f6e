"""The two books.

The *paper book* prices every hour at the market's close with modelled fee and slippage. Decisions, the retraining
trigger and the halt read nothing else, so live is what a backtest would give. Return on kline K, with the exposure
decided at its close:

    gross = exposure * (close[K+1] / close[K] - 1)        net = gross - (fee + slippage) * |change of exposure|

Cumulative return is the plain sum of hourly net returns (a fixed notional, not compounded).

The *execution book* holds what the exchange really filled, in exact decimals. Its position is the sum of our own fills,
net of commissions taken in the base asset; balances only check it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import numpy as np

from trader.core.errors import BadData
from trader.core.klines import FloatArray
from trader.core.orders import ZERO, ExecutionReport, Fill, Side, SymbolRules

Number = TypeVar("Number", float, FloatArray)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Modelled costs of changing exposure by 1, as fractions of the notional (0.001 = 10 basis points)."""

    fee_rate: float
    slippage_rate: float

    @property
    def rate(self) -> float:
        """Fee and slippage together."""
        return self.fee_rate + self.slippage_rate

    def __str__(self) -> str:
        return f"fee {self.fee_rate * 1e4:g} bp, slippage {self.slippage_rate * 1e4:g} bp a side"


def gross_return(*, exposure: Number, close: Number, next_close: Number) -> Number:
    """Return the hourly return of an exposure before costs; takes numbers or arrays of equal length."""
    return exposure * (next_close / close - 1.0)


def net_return(*, gross: Number, change: Number, costs: Costs) -> Number:
    """Return the hourly return after the cost of having changed exposure by |change|; numbers or arrays."""
    return gross - costs.rate * change


def cumulative(returns: FloatArray) -> FloatArray:
    """Return the running sum of hourly returns, added one after the other as the paper book does."""
    return np.cumsum(returns)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourReturn:
    """What the paper book earned on the kline that opened at `open_time`, known one kline later."""

    open_time: datetime
    exposure: float
    gross: float
    net: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBook:
    """What was really traded. Quantities in base units, `cash` in quote units from 0 at the start of the epoch.

    `target` is the position the last change of paper exposure asked for. `fees` are in quote units, those taken in the
    base asset valued at their fill's price; commissions in any third asset are kept by asset in `other_fees`.
    `carried` is the equity at the end of the earlier epochs.
    """

    target: Decimal = ZERO
    position: Decimal = ZERO
    cash: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Mapping[str, Decimal] = field(default_factory=dict)
    carried: Decimal = ZERO

    def equity(self, price: Decimal) -> Decimal:
        """Return profit and loss so far in quote units, the position valued at `price`."""
        return self.carried + self.cash + self.position * price


def apply_fill(book: ExecutionBook, fill: Fill, *, side: Side, rules: SymbolRules) -> ExecutionBook:
    """Return the book after one fill. A commission in the base asset makes the position smaller, not the cash."""
    sign = 1 if side is Side.BUY else -1
    position = book.position + sign * fill.quantity
    cash = book.cash - sign * fill.quantity * fill.price
    fees, other_fees = book.fees, dict(book.other_fees)
    if fill.commission_asset == rules.base_asset:
        position -= fill.commission
        fees += fill.commission * fill.price
    elif fill.commission_asset == rules.quote_asset:
        cash -= fill.commission
        fees += fill.commission
    else:
        other_fees[fill.commission_asset] = other_fees.get(fill.commission_asset, ZERO) + fill.commission
    return replace(book, position=position, cash=cash, fees=fees, other_fees=other_fees)


def apply_report(book: ExecutionBook, report: ExecutionReport, *, rules: SymbolRules) -> ExecutionBook:
    """Return the book after all fills of an order.

    Raises BadData when they are not what the order executed, and for an order that may still be filled further.
    """
    if not report.status.is_final:
        raise BadData(f"order {report.client_order_id} is {report.status}, not final; ask the exchange again later")
    filled = sum((fill.quantity for fill in report.fills), ZERO)
    if filled != report.executed:
        raise BadData(
            f"order {report.client_order_id}: {report.executed} executed, but its fills sum to {filled}; ask the"
            " exchange for its trades before the position is trusted"
        )
    for fill in report.fills:
        book = apply_fill(book, fill, side=report.side, rules=rules)
    return book
