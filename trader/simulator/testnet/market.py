"""One symbol's market at a moment: price, klines with the forming one, and what happened between two moments.

Nothing after the moment that is asked about is shown. An hour that was never published has no kline, not even a
forming one; the price stands still in it, and after the last kline. Klines carry no trades: their count, the quote
volume and the taker's share are made up from price and volume.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from trader.core.errors import BadConfig
from trader.core.klines import INTERVALS, Klines, concat, from_ms, interval_ms, to_ms
from trader.core.orders import LotSize, SymbolRules, as_decimal
from trader.simulator.intervals import join
from trader.simulator.rules import usual_rules
from trader.simulator.testnet.path import path_of

_AVERAGE_MINUTES = 5
_FOR_EVER = 2**62
_SMALL = Decimal(10)
"""Prices from here on are on the usual tick of 0.01."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What the price did within one kline between two moments; `until` is the later one."""

    low: Decimal
    high: Decimal
    until: datetime


class SymbolMarket:
    """The real klines of one symbol and its rules. Raises BadConfig when there are none."""

    def __init__(self, *, rules: SymbolRules, klines: Klines) -> None:
        self.rules = rules
        self.klines = klines.real
        if not len(self.klines):
            raise BadConfig(f"{rules.symbol}: there are no klines; ingest some, or name files that hold them")
        self._step = interval_ms(klines.interval)
        self._series: dict[str, tuple[Klines, list[str | None]]] = {}

    @property
    def end(self) -> datetime:
        """The close of the newest kline; nothing moves after it."""
        return from_ms(int(self.klines.open_time[-1]) + self._step)

    def price(self, now: datetime) -> Decimal:
        """Return the price on the path, on the tick; the first open before there was any."""
        at = to_ms(now)
        row = self._row(at)
        if row < 0:
            return self._tick(float(self.klines.open[0]))
        share = self._share(row, at)
        if share >= 1.0:
            return self._tick(float(self.klines.close[row]))
        return self._tick(path_of(self.klines, row).price(share))

    def average_price(self, now: datetime) -> Decimal:
        """Return the mean price of the last five minutes, on the tick."""
        at = to_ms(now)
        prices = [self.price(from_ms(at - minute * 60_000)) for minute in range(_AVERAGE_MINUTES + 1)]
        return self._tick(float(sum(prices, Decimal(0)) / len(prices)))

    def stretches(self, after: datetime, until: datetime) -> Iterator[Stretch]:
        """Yield what happened in (after, until], one entry for each kline that was touched, oldest first."""
        first, last = to_ms(after), to_ms(until)
        for row in range(max(self._row(first), 0), self._row(last) + 1):
            opened = int(self.klines.open_time[row])
            begin, end = max(first, opened), min(last, opened + self._step)
            if end <= begin:
                continue
            low, high = path_of(self.klines, row).extremes(self._share(row, begin), self._share(row, end))
            yield Stretch(low=self._tick(low), high=self._tick(high), until=from_ms(end))

    def rows(self, interval: str, *, now: datetime, start_ms: int | None, end_ms: int | None, limit: int) -> list[str]:
        """Return klines as JSON texts, the forming one last: from `start_ms` on if given, else the newest.

        Raises BadConfig for an interval that cannot be made of the stored one.
        """
        series, texts = self._joined(interval)
        start_ms, end_ms = (None if moment is None else min(moment, _FOR_EVER) for moment in (start_ms, end_ms))
        at, step = to_ms(now), interval_ms(interval)
        closed = int(np.searchsorted(series.open_time, at - step, side="right"))
        first = 0 if start_ms is None else int(np.searchsorted(series.open_time, start_ms))
        last = closed if end_ms is None else min(closed, int(np.searchsorted(series.open_time, end_ms, side="right")))
        forming = self._forming(interval, at)
        if forming is not None:
            opened = int(forming.open_time[0])
            within = (start_ms is None or opened >= start_ms) and (end_ms is None or opened <= end_ms)
            forming = forming if within else None
        count = max(last - first, 0) + (forming is not None)
        if start_ms is None and count > limit:
            first = last + (forming is not None) - limit
        found = [texts[row] or _remembered(texts, series, row) for row in range(first, min(last, first + limit))]
        if forming is not None and len(found) < limit:
            found.append(_text(forming, 0))
        return found

    def window(self, after: datetime, until: datetime) -> Klines:
        """Return the klines that opened in (after, until], the forming one as it stands."""
        at = to_ms(until)
        closed = self.klines[: int(np.searchsorted(self.klines.open_time, at - self._step, side="right"))]
        closed = closed[closed.index_of(after) :]
        forming = self._forming(self.klines.interval, at)
        return closed if forming is None else concat([closed, forming], self.klines.interval)

    def _row(self, at: int) -> int:
        return int(np.searchsorted(self.klines.open_time, at, side="right")) - 1

    def _share(self, row: int, at: int) -> float:
        return (at - int(self.klines.open_time[row])) / self._step

    def _joined(self, interval: str) -> tuple[Klines, list[str | None]]:
        """Return all klines of an interval, the ones to come among them: callers cut."""
        if interval not in self._series:
            if INTERVALS.get(interval, 0) % self._step or INTERVALS.get(interval, 0) < self._step:
                raise BadConfig(f"interval {interval!r} cannot be made of klines of {self.klines.interval}")
            same = interval == self.klines.interval
            series = self.klines if same else join(self.klines, interval)
            self._series[interval] = series, [None] * len(series)
        return self._series[interval]

    def _forming(self, interval: str, at: int) -> Klines | None:
        """Return the kline of `interval` that is not closed yet, None where there is nothing in it."""
        opened = at - at % interval_ms(interval)
        start = int(np.searchsorted(self.klines.open_time, opened))
        closed = int(np.searchsorted(self.klines.open_time, at - self._step, side="right"))
        parts = [self.klines[start:closed]]
        row = self._row(at)
        if row >= 0 and self._share(row, at) < 1.0:
            parts.append(self._cut(row, at))
        found = concat(parts, self.klines.interval)
        if not len(found):
            return None
        return found if interval == self.klines.interval else join(found, interval)

    def _cut(self, row: int, at: int) -> Klines:
        """Return a kline as far as it has come."""
        path, share = path_of(self.klines, row), self._share(row, at)
        low, high = path.extremes(0.0, share)
        last = float(self._tick(path.price(share)))
        now = self.klines[row : row + 1]
        return replace(
            now,
            high=np.array([max(float(self._tick(high)), float(now.open[0]), last)]),
            low=np.array([min(float(self._tick(low)), float(now.open[0]), last)]),
            close=np.array([last]),
            volume=np.array([round(path.volume_until(share), 8)]),
        )

    def _tick(self, price: float) -> Decimal:
        tick = self.rules.tick_size
        if tick <= 0:
            return as_decimal(price)
        return (as_decimal(price) / tick).to_integral_value(rounding=ROUND_HALF_EVEN) * tick


def rules_of(symbol: str, klines: Klines) -> SymbolRules:
    """Return a symbol's usual rules; where its prices are small, with the tick they are on, and larger lots."""
    rules = usual_rules(symbol)
    recent = [as_decimal(price) for price in klines.real.close[-500:]]
    if not recent or max(recent) >= _SMALL:
        return rules
    finest = min(int(price.normalize().as_tuple().exponent) for price in recent)
    tick = min(rules.tick_size, Decimal(1).scaleb(max(finest, -8)))
    whole = Decimal(1)
    lot = LotSize(minimum=whole, maximum=Decimal(10) ** 9, step=whole) if max(recent) < whole else rules.lot_size
    return replace(rules, tick_size=tick, lot_size=lot)


def _remembered(texts: list[str | None], series: Klines, row: int) -> str:
    text = _text(series, row)
    texts[row] = text
    return text


def _text(klines: Klines, row: int) -> str:
    """Return a kline as the API writes it (rest-api.md, Kline data)."""
    opened = int(klines.open_time[row])
    values = [float(column[row]) for column in (klines.open, klines.high, klines.low, klines.close, klines.volume)]
    volume = values[4]
    quote = volume * sum(values[:4]) / 4
    prices = ",".join(f'"{value:.8f}"' for value in values)
    closes = opened + INTERVALS[klines.interval] - 1
    trades = max(1, round(volume)) if volume else 0
    return f'[{opened},{prices},{closes},"{quote:.8f}",{trades},"{volume / 2:.8f}","{quote / 2:.8f}","0"]'
