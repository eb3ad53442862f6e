"""What the simulated venue is like: what it charges, how deep its book is, and what a fresh account starts with."""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.errors import BadConfig
from trader.core.orders import SymbolRules, floor_to_step
from trader.simulator.account import Account
from trader.simulator.book import OrderBook, synthetic_book


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """Rates are fractions (0.001 = 10 basis points), amounts in quote units. Raises BadConfig when they make no venue.

    `half_spread_rate` is the distance of the best bid and ask from the price, `level_notional` what each of the
    `levels` on either side offers. A fresh account gets `start_quote` of the quote asset and base worth
    `start_base_notional`, as an account on Binance's testnet does.
    """

    commission_rate: Decimal
    half_spread_rate: Decimal
    level_notional: Decimal
    levels: int
    start_quote: Decimal
    start_base_notional: Decimal

    def __post_init__(self) -> None:
        for name in ("commission_rate", "half_spread_rate"):
            rate = getattr(self, name)
            if not 0 <= rate < 1:
                raise BadConfig(f"simulated exchange: {name} {rate} is not a fraction; 10 basis points are 0.001")
        for name in ("level_notional", "levels", "start_quote", "start_base_notional"):
            if getattr(self, name) < 0:
                raise BadConfig(f"simulated exchange: {name} {getattr(self, name)} is negative; give 0 or more")


def book_at(price: Decimal, *, rules: SymbolRules, venue: VenueSettings) -> OrderBook:
    """Return the venue's book around a price."""
    return synthetic_book(
        price=price,
        rules=rules,
        half_spread=venue.half_spread_rate,
        level_notional=venue.level_notional,
        levels=venue.levels,
    )


def is_funded(account: Account, *, rules: SymbolRules) -> bool:
    """Tell whether both assets of a symbol have had their start balance."""
    return rules.base_asset in account.funded and rules.quote_asset in account.funded


def fund(account: Account, *, rules: SymbolRules, price: Decimal, venue: VenueSettings) -> Account:
    """Return the account with the start balances of a symbol's assets, each given once in the account's life.

    The base is worth `start_base_notional` at `price`, floored to the lot step.
    """
    step = rules.step if rules.step > 0 else Decimal(1).scaleb(-rules.base_precision)
    base = floor_to_step(venue.start_base_notional / price, step)
    for asset, amount in ((rules.base_asset, base), (rules.quote_asset, venue.start_quote)):
        if asset not in account.funded:
            balances = {**account.balances, asset: account.free(asset) + amount}
            account = replace(
                account,
                balances={name: free for name, free in balances.items() if free != 0},
                funded=(*account.funded, asset),
            )
    return account
