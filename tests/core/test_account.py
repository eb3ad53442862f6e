"""What the account should hold, from our own fills; and what is left when it was reset."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import START, symbol_rules
from trader.core.account import current, find_unexplained, opening_of, renewed
from trader.core.accounting import ExecutionBook
from trader.core.journal import Allocation, BotState
from trader.core.orders import OrderIntent, Side
from trader.core.strategy import PaperBook

D = Decimal
BTC = symbol_rules(symbol="BTCUSDT", base_asset="BTC", quote_asset="USDT", min_notional=D(5))
ETH = symbol_rules(symbol="ETHUSDT", base_asset="ETH", quote_asset="USDT", min_notional=D(5))
RULES = {"BTCUSDT": BTC, "ETHUSDT": ETH}
INTENT = OrderIntent(symbol="BTCUSDT", side=Side.BUY, quantity=D(1), client_order_id="x", signed_at=START)


def state(*, opening, position="0", cash="0", epoch=1, close=100.0, other=None, **book):
    """A symbol's state in the middle of an epoch."""
    return BotState(
        paper=PaperBook(open_time=START, close=close),
        execution=ExecutionBook(position=D(position), cash=D(cash), other_fees=other or {}, **book),
        allocation=Allocation(base=D(1), quote=D(1000)),
        epoch=epoch,
        opening={asset: D(amount) for asset, amount in opening.items()},
        last_filled=INTENT,
    )


STATES = {
    "BTCUSDT": state(opening={"BTC": "1", "USDT": "10000"}, position="0.5", cash="-50"),
    "ETHUSDT": state(opening={"ETH": "4", "USDT": "10000"}, position="-1", cash="20"),
}
BALANCES = {"BTC": D("1.5"), "ETH": D(3), "USDT": D(9970), "DOGE": D(7)}


def test_balances_that_our_fills_explain_are_no_matter():
    assert find_unexplained(BALANCES, states=STATES, rules=RULES) == ()


@pytest.mark.parametrize(("asset", "change"), [("BTC", "0.1"), ("ETH", "-3"), ("USDT", "-1"), ("USDT", "0.06")])
def test_a_change_in_either_direction_is_found_with_what_was_expected(asset, change):
    (odd,) = find_unexplained({**BALANCES, asset: BALANCES[asset] + D(change)}, states=STATES, rules=RULES)
    assert (odd.asset, odd.expected, odd.found - odd.expected) == (asset, BALANCES[asset], D(change))
    assert asset in str(odd)
    assert f"a difference of {D(change)})" in str(odd)


def test_an_asset_that_is_gone_altogether_counts_as_nothing():
    (odd,) = find_unexplained({"BTC": D("1.5"), "ETH": D(3)}, states=STATES, rules=RULES)
    assert (odd.asset, odd.found) == ("USDT", D(0))


def test_dust_is_a_lot_step_of_base_and_a_hundredth_of_the_smallest_order_of_quote():
    almost = {"BTC": BALANCES["BTC"] + BTC.step, "ETH": BALANCES["ETH"], "USDT": BALANCES["USDT"] - D("0.05")}
    assert find_unexplained(almost, states=STATES, rules=RULES) == ()
    beyond = {**almost, "BTC": BALANCES["BTC"] + 2 * BTC.step}
    assert [odd.asset for odd in find_unexplained(beyond, states=STATES, rules=RULES)] == ["BTC"]


def test_an_asset_that_nobody_trades_is_nobodys_business():
    assert find_unexplained({**BALANCES, "DOGE": D(0)}, states=STATES, rules=RULES) == ()


def test_commissions_in_a_third_asset_are_taken_from_it_when_it_is_traded_too():
    paid = {
        **STATES,
        "BTCUSDT": state(opening={"BTC": "1", "USDT": "10000"}, position="0.5", cash="-50", other={"ETH": D("0.25")}),
    }
    assert find_unexplained({**BALANCES, "ETH": D("2.75")}, states=paid, rules=RULES) == ()


amounts = st.decimals(min_value=-5, max_value=5, places=5)


@given(positions=st.tuples(amounts, amounts), cash=st.tuples(amounts, amounts))
def test_what_a_symbol_finds_when_it_opens_late_agrees_with_what_the_first_one_found(positions, cash):
    first = state(opening={"BTC": "10", "USDT": "100"}, position=positions[0], cash=cash[0])
    balances = {"BTC": 10 + positions[0], "USDT": 100 + cash[0], "ETH": D(9)}
    opening = opening_of(balances, states={"BTCUSDT": first}, own=ETH)
    assert opening == {"ETH": D(9), "USDT": D(100)}
    both = {"BTCUSDT": first, "ETHUSDT": state(opening=opening, position=positions[1], cash=cash[1])}
    after = {**balances, "ETH": 9 + positions[1], "USDT": balances["USDT"] + cash[1]}
    assert find_unexplained(after, states=both, rules=RULES) == ()


def test_only_symbols_with_an_allocation_in_the_newest_epoch_count():
    old = state(opening={"BTC": "1"}, epoch=1)
    new = state(opening={"ETH": "1"}, epoch=2)
    assert current({"BTCUSDT": old, "ETHUSDT": new, "XRPUSDT": BotState(epoch=2)}) == {"ETHUSDT": new}
    assert current({}) == {}


def test_a_new_epoch_begins_with_nothing_held_and_keeps_target_fees_and_equity():
    before = state(opening={"BTC": "1"}, position="0.5", cash="-60", close=110.0, target=D("0.5"), fees=D(2))
    after = renewed(before, epoch=2)
    assert (after.epoch, after.allocation, after.opening, after.last_filled) == (2, None, {}, None)
    assert after.execution == ExecutionBook(target=D("0.5"), fees=D(2), carried=D(-5))
    assert after.execution.equity(D(999)) == before.execution.equity(D(110)) == D(-5)
    assert after.paper == before.paper
    assert renewed(replace_cash(after, "-3"), epoch=3).execution.carried == D(-8), "epochs add up"


def replace_cash(found, cash):
    """The state after some quote was spent."""
    return BotState(
        paper=found.paper,
        execution=ExecutionBook(cash=D(cash), carried=found.execution.carried),
        allocation=found.allocation,
        epoch=found.epoch,
    )
