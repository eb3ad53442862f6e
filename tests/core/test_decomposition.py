"""What parts the two books, cause by cause, in hand-computed hours."""

from dataclasses import replace

import pytest

from trader.core.decomposition import Held, decompose

BOUGHT = Held(
    notional=500.0,
    close=100.0,
    gross=0.0,
    net=0.0,
    target=5.0,
    position=5.0,
    fees=0.5,
    basis=0.0,
    shortfall=0.0,
    owed=0.001,
)
"""500 quote units' worth was bought at the close, at 10 bp: 0.5 is paid, and owed by the paper book."""


def parts(found):
    return (found.rebalancing, found.unfilled, found.basis, found.shortfall, found.fees)


def test_costs_that_the_paper_book_charges_an_hour_later_part_nothing_meanwhile():
    assert parts(decompose(None, BOUGHT)) == (0, 0, 0, 0, 0)
    charged = replace(BOUGHT, close=101.0, gross=0.01, net=0.009, owed=0.0)
    assert parts(decompose(BOUGHT, charged)) == pytest.approx((0, 0, 0, 0, 0))


def test_commissions_above_the_modelled_ones_are_fees():
    assert decompose(None, replace(BOUGHT, fees=0.75)).fees == pytest.approx(0.25)


def test_a_quantity_that_is_not_rebalanced_earns_something_else_in_the_second_hour():
    """From 100 by 10 % to 110 and to 121: twice 50 on paper, 50 and 55 with five units."""
    first = replace(BOUGHT, close=110.0, gross=0.1, net=0.099, owed=0.0)
    second = replace(first, close=121.0, gross=0.2, net=0.199)
    assert decompose(BOUGHT, first).rebalancing == pytest.approx(0)
    assert parts(decompose(first, second)) == pytest.approx((-5, 0, 0, 0, 0))


def test_after_a_change_of_the_notional_each_hour_counts_with_its_own():
    """Twice the notional and the quantity from 110 on; both books make 10 % of their 1100 to 121 quote units."""
    doubled = replace(BOUGHT, notional=1000.0, close=110.0, gross=0.1, net=0.099, target=9.0909, position=9.0909)
    doubled = replace(doubled, fees=0.5 + 0.45, owed=0.00045)
    assert parts(decompose(BOUGHT, doubled)) == pytest.approx((0, 0, 0, 0, 0), abs=1e-9)
    later = replace(doubled, close=121.0, gross=0.2, net=0.2 - 0.00145, owed=0.0)
    assert parts(decompose(doubled, later)) == pytest.approx((0, 0, 0, 0, 0), abs=1e-3)


def test_what_was_not_filled_and_what_orders_cost_beyond_the_close():
    short = replace(BOUGHT, position=4.0)
    later = replace(short, close=90.0, gross=-0.1, net=-0.101, owed=0.0, basis=1.5, shortfall=0.25)
    found = decompose(short, later)
    assert parts(found) == pytest.approx((0, -10, 1.5, 0.25, 0))
    assert found.total == pytest.approx(-8.25)
