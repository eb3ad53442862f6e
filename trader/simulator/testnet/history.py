"""What was ever executed: every order, by the reset it belongs to.

Neither a reset nor the account's bounded memory clears it. Whoever tests a client counts here how often each client
order id was taken.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from trader.core.klines import to_ms
from trader.core.orders import ZERO
from trader.simulator.account import Order
from trader.simulator.testnet.answers import number

LONGEST = 20_000
"""Orders remembered; older ones are forgotten, counts with them."""


class Record:
    """An order as it stands, and how many resets came before it."""

    def __init__(self, *, epoch: int, order: Mapping[str, Any]) -> None:
        self.epoch = epoch
        self.order = order
        self.text = json.dumps({"epoch": epoch, "order": order})
        """Its JSON, made once: all records are written again with every order."""


class History:
    """Orders by reset and id, oldest first; not thread-safe, the venue's lock is around it."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = {(record.epoch, int(record.order["orderId"])): record for record in records}
        self._seen: dict[int, Order] = {}
        self.epoch = max((record.epoch for record in self._records.values()), default=0)

    def note(self, orders: tuple[Order, ...]) -> None:
        """Remember the account's orders as they stand."""
        for order in orders:
            if self._seen.get(order.order_id) is not order:
                self._seen[order.order_id] = order
                self._records[self.epoch, order.order_id] = Record(epoch=self.epoch, order=_plain(order))
        while len(self._records) > LONGEST:
            del self._records[next(iter(self._records))]

    def begin_epoch(self) -> None:
        """Start anew after a reset; what was before stays."""
        self.epoch += 1
        self._seen = {}

    def records(self) -> list[Record]:
        """Return everything that is remembered."""
        return list(self._records.values())

    def as_json(self) -> dict[str, Any]:
        """Return all orders, and by client order id how many were taken and how many of them got a fill."""
        placed: dict[str, dict[str, int]] = {}
        for record in self._records.values():
            counts = placed.setdefault(record.order["clientOrderId"], {"placed": 0, "executed": 0})
            counts["placed"] += 1
            counts["executed"] += record.order["executedQty"] != number(ZERO)
        orders = [{"epoch": record.epoch, **record.order} for record in self._records.values()]
        return {"epoch": self.epoch, "orders": orders, "by_client_order_id": placed}


def _plain(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "clientOrderId": order.client_order_id,
        "side": order.side.value,
        "type": order.type.value,
        "status": order.status.value,
        "origQty": number(order.quantity),
        "executedQty": number(order.executed),
        "cummulativeQuoteQty": number(order.quote_executed),
        "time": to_ms(order.at),
    }
