"""A market made of klines that were recorded before, with a clock that the caller moves.

It shows what Binance would have shown at that moment: only klines that were closed by then, none for an hour that was
never published. Nothing is copied: what it returns are slices of what it was given.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from trader.core.errors import BadConfig
from trader.core.klines import Klines, interval_ms, to_ms
from trader.core.orders import SymbolRules, as_decimal
from trader.ports import Clock


class RecordedMarket:
    """Klines and rules by symbol; every symbol has the klines of one interval. Filled klines are left out."""

    def __init__(self, *, klines: Mapping[str, Klines], rules: Mapping[str, SymbolRules], clock: Clock) -> None:
        self._klines = {
            symbol: recorded.real if recorded.filled.any() else recorded for symbol, recorded in klines.items()
        }
        self._rules = dict(rules)
        self._clock = clock

    def __repr__(self) -> str:
        return f"RecordedMarket({self._contents()})"

    def klines(self, symbol: str, interval: str, *, start: datetime, end: datetime) -> Klines:
        """Return the real klines with start <= open time < end that are closed by now; missing ones are left out."""
        recorded = self._recorded(symbol)
        if interval != recorded.interval:
            raise BadConfig(f"recorded market has no {symbol} {interval}; it has {self._contents()}")
        first = recorded.index_of(start)
        return recorded[first : max(first, min(recorded.index_of(end), self._closed(recorded)))]

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""
        try:
            return self._rules[symbol]
        except KeyError:
            known = ", ".join(sorted(self._rules)) or "none"
            raise BadConfig(f"recorded market has no rules of {symbol}; it has those of {known}") from None

    def price(self, symbol: str) -> Decimal:
        """Return the close of the newest closed kline. Raises BadConfig when none was closed by now."""
        recorded = self._recorded(symbol)
        closed = self._closed(recorded)
        if not closed:
            now = self._clock.now()
            raise BadConfig(
                f"recorded market has no {symbol} closed by {now:%Y-%m-%d %H:%M} UTC; it has {self._contents()}"
            )
        return as_decimal(recorded.close[closed - 1])

    def _recorded(self, symbol: str) -> Klines:
        try:
            return self._klines[symbol]
        except KeyError:
            raise BadConfig(f"recorded market has no {symbol}; it has {self._contents()}") from None

    def _closed(self, recorded: Klines) -> int:
        """Return how many klines are closed: their open time plus the interval is not after now."""
        newest = to_ms(self._clock.now()) - interval_ms(recorded.interval)
        return int(recorded.open_time.searchsorted(newest, side="right"))

    def _contents(self) -> str:
        parts = [
            f"{symbol} {klines.interval} {klines.first:%Y-%m-%d %H:%M}..{klines.last:%Y-%m-%d %H:%M}"
            if len(klines)
            else f"{symbol} {klines.interval} (empty)"
            for symbol, klines in sorted(self._klines.items())
        ]
        return ", ".join(parts) or "nothing"
