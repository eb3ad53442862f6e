"""A symbol's trading rules from Binance's exchangeInfo, as exact decimals.

https://github.com/binance/binance-spot-api-docs/blob/master/filters.md: "0" switches a limit off.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trader.core.errors import BadConfig
from trader.core.orders import ZERO, LotSize, SymbolRules


def parse_rules(answer: Mapping[str, Any], *, symbol: str) -> SymbolRules:
    """Return a symbol's rules from Binance's exchangeInfo. Raises BadConfig when it is not among the answer's symbols.

    Notional limits are None where they do not apply to market orders; with both filters present the stricter one holds.
    """
    info = next((entry for entry in answer["symbols"] if entry["symbol"] == symbol), None)
    if info is None:
        raise BadConfig(f"{symbol} is not a symbol of this exchange; write it as Binance does, e.g. BTCUSDT")
    filters = {each["filterType"]: each for each in info["filters"]}
    old, new = filters.get("MIN_NOTIONAL", {}), filters.get("NOTIONAL", {})
    minima = [
        Decimal(each["minNotional"])
        for each, applies in ((old, old.get("applyToMarket")), (new, new.get("applyMinToMarket")))
        if applies
    ]
    return SymbolRules(
        symbol=symbol,
        status=info["status"],
        base_asset=info["baseAsset"],
        quote_asset=info["quoteAsset"],
        lot_size=_lot_size(filters["LOT_SIZE"]),
        market_lot_size=_lot_size(filters.get("MARKET_LOT_SIZE", {})),
        min_notional=max(minima, default=None),
        max_notional=Decimal(new["maxNotional"]) if new.get("applyMaxToMarket") else None,
        tick_size=Decimal(filters.get("PRICE_FILTER", {}).get("tickSize", ZERO)),
        base_precision=int(info["baseAssetPrecision"]),
        quote_precision=int(info["quoteAssetPrecision"]),
    )


def _lot_size(limits: Mapping[str, Any]) -> LotSize:
    """Return the limits of a quantity; a filter that is not there is off."""
    return LotSize(
        minimum=Decimal(limits.get("minQty", ZERO)),
        maximum=Decimal(limits.get("maxQty", ZERO)),
        step=Decimal(limits.get("stepSize", ZERO)),
    )
