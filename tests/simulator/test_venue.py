"""The venue: which settings make none, its book, and the start balances of a fresh account."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import symbol_rules
from trader.core.errors import BadConfig
from trader.core.orders import LotSize
from trader.simulator.account import Account
from trader.simulator.venue import VenueSettings, book_at, fund, is_funded

D = Decimal
RULES = symbol_rules()
VENUE = VenueSettings(
    commission_rate=D("0.001"),
    half_spread_rate=D("0.0001"),
    level_notional=D(1000),
    levels=4,
    start_quote=D(10000),
    start_base_notional=D(5000),
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"commission_rate": D(1)},
        {"commission_rate": D("-0.1")},
        {"half_spread_rate": D(10)},
        {"level_notional": D(-1)},
        {"levels": -1},
        {"start_quote": D(-1)},
        {"start_base_notional": D(-1)},
    ],
)
def test_settings_that_make_no_venue_are_refused_by_name(wrong):
    with pytest.raises(BadConfig, match=next(iter(wrong))):
        replace(VENUE, **wrong)


def test_the_book_has_the_venues_spread_and_depth():
    book = book_at(D(100), rules=RULES, venue=VENUE)
    assert (len(book.bids), len(book.asks)) == (4, 4)
    assert (book.bids[0].price, book.asks[0].price) == (D("99.99"), D("100.01"))
    assert book.asks[0].quantity == D("9.99900")


def test_a_fresh_account_gets_quote_and_base_worth_the_notional_once():
    account = fund(Account(), rules=RULES, price=D("30000"), venue=VENUE)
    assert account.balances == {"USDT": D(10000), "BTC": D("0.16666")}
    assert is_funded(account, rules=RULES)
    assert fund(account, rules=RULES, price=D("1"), venue=VENUE) is account


def test_an_asset_that_was_spent_is_not_given_again():
    spent = replace(fund(Account(), rules=RULES, price=D(100), venue=VENUE), balances={})
    assert fund(spent, rules=RULES, price=D(100), venue=VENUE).balances == {}


def test_a_second_symbol_shares_the_quote_and_gets_its_own_base():
    first = fund(Account(), rules=RULES, price=D(100), venue=VENUE)
    other = symbol_rules(symbol="ETHUSDT", base_asset="ETH")
    assert not is_funded(first, rules=other)
    both = fund(first, rules=other, price=D(10), venue=VENUE)
    assert both.balances == {"USDT": D(10000), "BTC": D(50), "ETH": D(500)}


def test_without_a_lot_step_the_base_has_the_assets_decimals():
    off = LotSize(minimum=D(0), maximum=D(0), step=D(0))
    rules = symbol_rules(lot_size=off, market_lot_size=off)
    assert fund(Account(), rules=rules, price=D(3), venue=VENUE).free("BTC") == D("1666.66666666")
