"""What the account's queries do not show yet: orders and trades that a fault holds back.

Binance answers an order from its matching engine and queries from memory and then a database (rest-api.md, "Data
Sources"), so an order that was just taken may be unknown to a query, and a filled one may have no trades yet.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trader.core.orders import OrderStatus
from trader.simulator.account import Order, Trade
from trader.simulator.testnet.faults import FaultForm


@dataclass(slots=True)
class _Veil:
    """Until when, or for how many queries, something is held back."""

    until: datetime | None
    queries: int
    keep: int

    def lifts(self, now: datetime) -> bool:
        """Tell whether it is over for this query, and count the query."""
        if self.until is not None:
            return now >= self.until
        if self.queries > 0:
            self.queries -= 1
            return False
        return True


class Visibility:
    """Which orders and trades are held back, by order id; not thread-safe, the venue's lock is around it."""

    def __init__(self) -> None:
        self._veils: dict[str, dict[int, _Veil]] = {}

    def clear(self) -> None:
        """Show everything."""
        self._veils = {}

    def hold_back(self, order: Order, faults: list[FaultForm], *, now: datetime) -> None:
        """Begin to hold back what the faults of the request that placed this order say."""
        for fault in faults:
            if fault.kind in ("order-lag", "trades-lag", "stuck-new"):
                until = None if fault.seconds is None else now + timedelta(seconds=fault.seconds)
                veil = _Veil(until=until, queries=fault.queries, keep=fault.keep)
                self._veils.setdefault(fault.kind, {})[order.order_id] = veil

    def placed(self, order: Order) -> Order:
        """Return an order as the answer to its placing shows it; that is no query."""
        return _as_new(order) if order.order_id in self._veils.get("stuck-new", {}) else order

    def shown(self, order: Order, *, now: datetime) -> Order | None:
        """Return an order as a query shows it, None when it is not found yet."""
        if self._holds("order-lag", order.order_id, now):
            return None
        return _as_new(order) if self._holds("stuck-new", order.order_id, now) else order

    def trades(self, order: Order, *, now: datetime) -> tuple[Trade, ...]:
        """Return an order's trades as far as they are listed."""
        if order.order_id in self._veils.get("stuck-new", {}):
            return ()
        if self._holds("trades-lag", order.order_id, now):
            return order.trades[: self._veils["trades-lag"][order.order_id].keep]
        return order.trades

    def _holds(self, kind: str, order_id: int, now: datetime) -> bool:
        veils = self._veils.get(kind, {})
        veil = veils.get(order_id)
        if veil is None:
            return False
        if veil.lifts(now):
            del veils[order_id]
            return False
        return True


def _as_new(order: Order) -> Order:
    return replace(order, status=OrderStatus.NEW, trades=(), updated_at=order.at)
