"""No exchange: for commands that look and do not trade, so that they need no key."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn

from trader.core.errors import BadConfig
from trader.core.orders import ExecutionReport, OrderIntent, SymbolRules


class ClosedExchange:
    """Raises BadConfig whatever it is asked."""

    def __repr__(self) -> str:
        return "ClosedExchange()"

    @property
    def window(self) -> timedelta:
        """Refuse."""
        self._refuse()

    def now(self) -> datetime:
        """Refuse."""
        self._refuse()

    def rules(self, symbol: str) -> SymbolRules:
        """Refuse."""
        self._refuse(symbol)

    def price(self, symbol: str) -> Decimal:
        """Refuse."""
        self._refuse(symbol)

    def balances(self) -> Mapping[str, Decimal]:
        """Refuse."""
        self._refuse()

    def submit(self, intent: OrderIntent) -> ExecutionReport:
        """Refuse."""
        self._refuse(intent.client_order_id)

    def settle(self, intent: OrderIntent) -> ExecutionReport | None:
        """Refuse."""
        self._refuse(intent.client_order_id)

    def _refuse(self, what: str = "the account") -> NoReturn:
        raise BadConfig(f"this command does not trade, and asked an exchange for {what}; use `trader run`")
