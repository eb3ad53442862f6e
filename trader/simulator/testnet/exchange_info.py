"""What exchangeInfo says: the symbols with the filters that the matching engine applies, and the rate limits."""

from collections.abc import Sequence
from typing import Any

from trader.core.orders import LotSize, SymbolRules
from trader.simulator.filters import VenueFilters
from trader.simulator.testnet.answers import number
from trader.simulator.testnet.limits import ORDER_LIMITS, WEIGHT_LIMIT

_AVERAGE_MINUTES = 5


def exchange_information(symbols: Sequence[dict[str, Any]], *, now_ms: int) -> dict[str, Any]:
    """Return the answer of exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", length=1, limit=WEIGHT_LIMIT),
            _limit("ORDERS", "SECOND", length=10, limit=ORDER_LIMITS["10S"][1]),
            _limit("ORDERS", "DAY", length=1, limit=ORDER_LIMITS["1D"][1]),
        ],
        "exchangeFilters": [],
        "symbols": list(symbols),
        "sors": [],
    }


def symbol_information(rules: SymbolRules, filters: VenueFilters) -> dict[str, Any]:
    """Return one symbol as exchangeInfo shows it; only what is simulated is allowed."""
    return {
        "symbol": rules.symbol,
        "status": rules.status,
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": rules.base_precision,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": rules.quote_precision,
        "quoteAssetPrecision": rules.quote_precision,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules, filters),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(rules: SymbolRules, filters: VenueFilters) -> list[dict[str, Any]]:
    """Return the symbol's filters in the shapes of filters.md."""
    found: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": number(filters.min_price),
            "maxPrice": number(filters.max_price),
            "tickSize": number(rules.tick_size),
        },
        _lots("LOT_SIZE", rules.lot_size),
        _lots("MARKET_LOT_SIZE", rules.market_lot_size),
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{filters.bid.up:f}",
            "bidMultiplierDown": f"{filters.bid.down:f}",
            "askMultiplierUp": f"{filters.ask.up:f}",
            "askMultiplierDown": f"{filters.ask.down:f}",
            "avgPriceMins": _AVERAGE_MINUTES,
        },
        *_notional(rules),
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": filters.max_num_orders},
    ]
    if filters.max_position > 0:
        found.append({"filterType": "MAX_POSITION", "maxPosition": number(filters.max_position)})
    return found


def _lots(name: str, lot: LotSize) -> dict[str, Any]:
    return {
        "filterType": name,
        "minQty": number(lot.minimum),
        "maxQty": number(lot.maximum),
        "stepSize": number(lot.step),
    }


def _notional(rules: SymbolRules) -> list[dict[str, Any]]:
    """Return NOTIONAL where there is an upper limit, MIN_NOTIONAL where there is only a lower one."""
    if rules.max_notional is not None:
        return [
            {
                "filterType": "NOTIONAL",
                "minNotional": number(rules.min_notional) if rules.min_notional is not None else "0.00000000",
                "applyMinToMarket": rules.min_notional is not None,
                "maxNotional": number(rules.max_notional),
                "applyMaxToMarket": True,
                "avgPriceMins": _AVERAGE_MINUTES,
            }
        ]
    if rules.min_notional is None:
        return []
    return [
        {
            "filterType": "MIN_NOTIONAL",
            "minNotional": number(rules.min_notional),
            "applyToMarket": True,
            "avgPriceMins": _AVERAGE_MINUTES,
        }
    ]


def _limit(kind: str, interval: str, *, length: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": length, "limit": limit}
