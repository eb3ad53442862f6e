"""The public endpoints: time, rules, klines, prices, the book (rest-api.md, "General" and "Market Data endpoints").

Price, averages, statistics and the book are the venue's own; klines are the market's (they differ when a price basis is
set).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.core.errors import BadConfig, Rejected
from trader.core.klines import to_ms
from trader.core.orders import ZERO, as_decimal
from trader.simulator.testnet.answers import number
from trader.simulator.testnet.exchange_info import exchange_information, symbol_information
from trader.simulator.testnet.params import Parameters, bad_combination, invalid
from trader.simulator.testnet.venue import Venue

BAD_INTERVAL = -1120
BAD_STATUS = -1122
_DAY = timedelta(days=1)
_UTC_ZONES = ("0", "00:00", "0:00", "+0", "-0", "+00:00", "-00:00")


@dataclass(frozen=True, slots=True)
class RawJson:
    """A JSON text that is sent as it is."""

    text: str


def time_of_server(_venue: Venue, _parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Answer the server's time."""
    return {"serverTime": to_ms(now)}


def exchange_info(venue: Venue, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Answer the rules of one symbol, several, or all."""
    wanted = parameters.text("symbolStatus")
    if wanted not in (None, "TRADING", "HALT", "BREAK"):
        raise Rejected("Invalid symbolStatus.", code=BAD_STATUS)
    names, _ = _asked(venue, parameters)
    symbols = [
        symbol_information(rules, venue.filters(rules.symbol))
        for rules in map(venue.rules, names)
        if wanted in (None, rules.status)
    ]
    return exchange_information(symbols, now_ms=to_ms(now))


def klines(venue: Venue, parameters: Parameters, now: datetime) -> RawJson:
    """Answer the symbol's klines, the forming one among them."""
    symbol, interval = parameters.needed("symbol"), parameters.needed("interval")
    venue.rules(symbol)
    parameters.choice("timeZone", _UTC_ZONES, default="0")
    limit = parameters.limit()
    try:
        rows = venue.markets[symbol].rows(
            interval,
            now=now,
            start_ms=parameters.number("startTime"),
            end_ms=parameters.number("endTime"),
            limit=limit,
        )
    except BadConfig:
        raise Rejected("Invalid interval.", code=BAD_INTERVAL) from None
    return RawJson(f"[{','.join(rows)}]")


def average_price(venue: Venue, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Answer the mean price of five minutes."""
    symbol = venue.rules(parameters.needed("symbol")).symbol
    return {"mins": 5, "price": number(venue.average_price(symbol, now=now)), "closeTime": to_ms(now)}


def depth(venue: Venue, parameters: Parameters, now: datetime) -> dict[str, Any]:
    """Answer the book."""
    symbol = venue.rules(parameters.needed("symbol")).symbol
    asked = parameters.number("limit")
    if asked == 0:
        raise invalid("limit")
    limit = 100 if asked is None else asked
    book = venue.book(symbol, now=now)
    sides = {
        name: [[number(level.price), number(level.quantity)] for level in levels[:limit]]
        for name, levels in (("bids", book.bids), ("asks", book.asks))
    }
    return {"lastUpdateId": to_ms(now), **sides}


def price_ticker(venue: Venue, parameters: Parameters, now: datetime) -> Any:
    """Answer the price of one symbol, several, or all."""
    return _for_each(venue, parameters, lambda symbol: _price(venue, symbol, now))


def book_ticker(venue: Venue, parameters: Parameters, now: datetime) -> Any:
    """Answer the best bid and ask of one symbol, several, or all."""
    return _for_each(venue, parameters, lambda symbol: {"symbol": symbol, **_best(venue, symbol, now)})


def day_ticker(venue: Venue, parameters: Parameters, now: datetime) -> Any:
    """Answer the statistics of the last 24 hours."""
    small = parameters.choice("type", ("FULL", "MINI"), default="FULL") == "MINI"
    return _for_each(venue, parameters, lambda symbol: _day(venue, symbol, now, is_small=small))


def _asked(venue: Venue, parameters: Parameters) -> tuple[list[str], bool]:
    """Return the symbols that were asked for and whether it was a single one."""
    one, several = parameters.text("symbol"), parameters.names("symbols")
    if one is not None and several is not None:
        raise bad_combination()
    names = [one] if one is not None else several if several is not None else list(venue.markets)
    for name in names:
        venue.rules(name)
    return names, one is not None


def _for_each(venue: Venue, parameters: Parameters, answer: Callable[[str], dict[str, Any]]) -> Any:
    names, is_one = _asked(venue, parameters)
    return answer(names[0]) if is_one else [answer(name) for name in names]


def _price(venue: Venue, symbol: str, now: datetime) -> dict[str, Any]:
    return {"symbol": symbol, "price": number(venue.price(symbol, now=now))}


def _best(venue: Venue, symbol: str, now: datetime) -> dict[str, Any]:
    book = venue.book(symbol, now=now)
    best = {}
    for name, levels in (("bid", book.bids), ("ask", book.asks)):
        best[f"{name}Price"] = number(levels[0].price if levels else ZERO)
        best[f"{name}Qty"] = number(levels[0].quantity if levels else ZERO)
    return best


def _day(venue: Venue, symbol: str, now: datetime, *, is_small: bool) -> dict[str, Any]:
    """Return what happened in 24 hours, to the hour."""
    window = venue.markets[symbol].window(now - _DAY, now)
    last = venue.price(symbol, now=now)
    opened = as_decimal(window.open[0]) if len(window) else last
    volume = as_decimal(window.volume.sum()) if len(window) else ZERO
    quote = as_decimal((window.volume * window.close).sum()) if len(window) else ZERO
    mini = {
        "symbol": symbol,
        "openPrice": number(opened),
        "highPrice": number(as_decimal(window.high.max()) if len(window) else last),
        "lowPrice": number(as_decimal(window.low.min()) if len(window) else last),
        "lastPrice": number(last),
        "volume": number(volume),
        "quoteVolume": number(quote),
        "openTime": to_ms(now - _DAY),
        "closeTime": to_ms(now),
        "firstId": 0,
        "lastId": max(int(volume) - 1, 0),
        "count": int(volume),
    }
    if is_small:
        return mini
    return {**mini, **_best(venue, symbol, now), **_changes(opened=opened, last=last, volume=volume, quote=quote)}


def _changes(*, opened: Decimal, last: Decimal, volume: Decimal, quote: Decimal) -> dict[str, Any]:
    return {
        "priceChange": number(last - opened),
        "priceChangePercent": f"{(last - opened) / opened * 100:.3f}",
        "weightedAvgPrice": number(quote / volume if volume else last),
        "prevClosePrice": number(opened),
        "lastQty": number(Decimal(1)),
    }
