"""What a symbol's rules usually are on Binance, for replays that have klines but no exchange to ask.

The filters are those of BTCUSDT in the documented examples: lots of 0.00001, prices of 0.01, at least 5 in quote
units. A dry run asks Binance itself.
"""

from decimal import Decimal

from trader.core.errors import BadConfig
from trader.core.orders import LotSize, SymbolRules

_QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "JPY", "BRL")


def usual_rules(symbol: str) -> SymbolRules:
    """Return plausible rules of a symbol. Raises BadConfig when its quote asset is not one that Binance uses."""
    quote = next((asset for asset in _QUOTES if symbol.endswith(asset) and symbol != asset), None)
    if quote is None:
        raise BadConfig(f"{symbol}: the quote asset is not one of {', '.join(_QUOTES)}; check the symbol's name")
    return SymbolRules(
        symbol=symbol,
        status="TRADING",
        base_asset=symbol.removesuffix(quote),
        quote_asset=quote,
        lot_size=LotSize(minimum=Decimal("0.00001"), maximum=Decimal(9000), step=Decimal("0.00001")),
        market_lot_size=LotSize(minimum=Decimal(0), maximum=Decimal(0), step=Decimal(0)),
        min_notional=Decimal(5),
        max_notional=None,
        tick_size=Decimal("0.01"),
    )
