"""Small things that tests are made of."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from trader.core.klines import Klines, checked, interval_ms, to_ms
from trader.core.orders import LotSize, SymbolRules

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def random_klines(count, *, seed=0, start=START, interval="1h", price=100.0) -> Klines:
    """A random walk with plausible highs, lows and volumes."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.005, count)))
    open_ = np.concatenate([[price], close[:-1]])
    high = np.maximum(open_, close) * (1 + rng.uniform(0, 0.002, count))
    low = np.minimum(open_, close) * (1 - rng.uniform(0, 0.002, count))
    return checked(
        interval=interval,
        open_time=to_ms(start) + interval_ms(interval) * np.arange(count),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=rng.uniform(10, 1000, count),
    )


def ticked(klines: Klines) -> Klines:
    """The klines with prices in whole hundredths and volumes in five decimals, as an exchange prints them."""
    prices = {name: np.round(getattr(klines, name), 2) for name in ("open", "high", "low", "close")}
    return checked(interval=klines.interval, open_time=klines.open_time, volume=np.round(klines.volume, 5), **prices)


def klines_of(closes, *, start=START, interval="1h", volume=1.0) -> Klines:
    """Klines with these closes; open is the previous close, high and low contain both."""
    close = np.array(closes, dtype=float)
    open_ = np.concatenate([close[:1], close[:-1]])
    return checked(
        interval=interval,
        open_time=to_ms(start) + interval_ms(interval) * np.arange(len(close)),
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.full(len(close), float(volume)),
    )


def without(klines: Klines, *hours: int) -> Klines:
    """The klines with some hours missing."""
    kept = np.ones(len(klines), dtype=bool)
    kept[list(hours)] = False
    return klines[kept]


def symbol_rules(**changes) -> SymbolRules:
    """BTCUSDT as Binance has it, near enough."""
    lot = LotSize(minimum=Decimal("0.00001"), maximum=Decimal(9000), step=Decimal("0.00001"))
    values = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "lot_size": lot,
        "market_lot_size": LotSize(minimum=Decimal(0), maximum=Decimal(100), step=Decimal(0)),
        "min_notional": Decimal(5),
        "max_notional": Decimal(9000000),
        "tick_size": Decimal("0.01"),
    }
    return SymbolRules(**{**values, **changes})


class Quiet:
    """A progress that nobody watches."""

    def start(self, what, total):
        pass

    def step(self, count=1):
        pass

    def finish(self):
        pass
