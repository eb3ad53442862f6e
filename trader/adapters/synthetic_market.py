"""The demo's market: one made-up symbol, the same on every machine for the same seed, without any network.

Its hours come from `trader/simulator/synthetic.py`, which says what is in them: **an edge was planted there**, so what
is earned here says nothing about real markets. Months are made in order and kept, two years in some 20 milliseconds;
what is returned are slices.
"""

from datetime import datetime
from decimal import Decimal

from trader.core.errors import BadConfig
from trader.core.klines import Klines, concat, interval_ms, to_ms
from trader.core.orders import LotSize, SymbolRules, as_decimal
from trader.ports import Clock
from trader.simulator.intervals import join, split_hours
from trader.simulator.synthetic import GENESIS, TICK_DECIMALS, State, generate_month, month_of

SYMBOL = "DEMOUSDT"

_STEP = Decimal(1).scaleb(-TICK_DECIMALS)
_RULES = SymbolRules(
    symbol=SYMBOL,
    status="TRADING",
    base_asset="DEMO",
    quote_asset="USDT",
    lot_size=LotSize(minimum=_STEP, maximum=Decimal(900000), step=_STEP),
    market_lot_size=LotSize(minimum=Decimal(0), maximum=Decimal(100000), step=Decimal(0)),
    min_notional=Decimal(5),
    max_notional=Decimal(9000000),
    tick_size=_STEP,
)


class SyntheticMarket:
    """Klines of DEMOUSDT from GENESIS on. Raises BadConfig for another symbol, an unknown interval or a bad seed."""

    def __init__(self, *, seed: int, clock: Clock) -> None:
        if seed < 0:
            raise BadConfig(f"the synthetic market's seed {seed} is negative; choose 0 or more")
        self._seed = seed
        self._clock = clock
        self._months: list[Klines] = []
        self._state = State()
        self._series: dict[str, tuple[int, Klines]] = {}

    def __repr__(self) -> str:
        return f"SyntheticMarket(seed={self._seed})"

    def klines(self, symbol: str, interval: str, *, start: datetime, end: datetime) -> Klines:
        """Return the klines with start <= open time < end that are closed by now; missing hours are left out."""
        _check_symbol(symbol)
        series = self._up_to(min(end, self._clock.now()), interval)
        first = series.index_of(start)
        return series[first : max(first, min(series.index_of(end), self._closed(series)))]

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""
        _check_symbol(symbol)
        return _RULES

    def price(self, symbol: str) -> Decimal:
        """Return the close of the newest closed hour. Raises BadConfig before there was one."""
        _check_symbol(symbol)
        now = self._clock.now()
        series = self._up_to(now, "1h")
        closed = self._closed(series)
        if not closed:
            raise BadConfig(
                f"the synthetic market begins at {GENESIS:%Y-%m-%d %H:%M} UTC; {now} is before its first close"
            )
        return as_decimal(series.close[closed - 1])

    def _closed(self, series: Klines) -> int:
        """Return how many klines are closed: their open time plus the interval is not after now."""
        newest = to_ms(self._clock.now()) - interval_ms(series.interval)
        return int(series.open_time.searchsorted(newest, side="right"))

    def _up_to(self, moment: datetime, interval: str) -> Klines:
        """Return all klines of an interval from GENESIS to at least the moment's month."""
        length = interval_ms(interval)
        while len(self._months) <= max(month_of(moment), 0):
            klines, self._state = generate_month(seed=self._seed, month=len(self._months), before=self._state)
            self._months.append(klines)
        months, series = self._series.get(interval, (0, None))
        if series is None or months < len(self._months):
            series = self._in_interval(interval, length)
            self._series[interval] = len(self._months), series
        return series

    def _in_interval(self, interval: str, length: int) -> Klines:
        hour = interval_ms("1h")
        if length == hour:
            return concat(self._months, interval)
        if length > hour:
            return join(self._up_to(GENESIS, "1h"), interval)
        quarters = [
            split_hours(klines, seed=(self._seed, month, 1), decimals=TICK_DECIMALS)
            for month, klines in enumerate(self._months)
        ]
        joined = concat(quarters, "15m")
        return joined if interval == "15m" else join(joined, interval)


def _check_symbol(symbol: str) -> None:
    if symbol != SYMBOL:
        raise BadConfig(f"the synthetic market has no {symbol}; it has {SYMBOL} only")
