"""The matching engine: orders worked out by hand, refusals that change nothing, and what is conserved."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import symbol_rules
from trader.core.accounting import ExecutionBook, apply_report
from trader.core.errors import BadConfig, Rejected
from trader.core.orders import ExecutionReport, Fill, OrderIntent, OrderStatus, Side
from trader.simulator.account import HISTORY, Account, Order
from trader.simulator.book import Level, OrderBook
from trader.simulator.engine import find_order, place_market_order

D = Decimal
NOW = datetime(2024, 5, 1, 12, 0, 3, tzinfo=UTC)
RULES = symbol_rules()
RICH = Account(balances={"BTC": D(10), "USDT": D(1000000)})


def book(*, bids=((99, 1), (98, 2)), asks=((101, 1), (102, 2))):
    def side(pairs):
        return tuple(Level(price=D(price), quantity=D(quantity)) for price, quantity in pairs)

    return OrderBook(bids=side(bids), asks=side(asks))


def intent(side=Side.BUY, quantity="1.5", identity="leg-1"):
    return OrderIntent(symbol="BTCUSDT", side=side, quantity=D(quantity), client_order_id=identity, signed_at=NOW)


def place(account=RICH, *, order=None, offered=None, rate="0.001", rules=RULES, reference="100"):
    return place_market_order(
        account,
        intent=order or intent(),
        rules=rules,
        book=offered or book(),
        reference_price=D(reference),
        now=NOW,
        commission_rate=D(rate),
    )


def refused(account=RICH, **arguments):
    with pytest.raises(Rejected) as caught:
        place(account, **arguments)
    return caught.value.code, str(caught.value)


def test_a_buy_walks_two_levels_and_pays_its_commission_in_base():
    account, report = place()
    assert report == ExecutionReport(
        client_order_id="leg-1",
        order_id=1,
        side=Side.BUY,
        status=OrderStatus.FILLED,
        quantity=D("1.5"),
        executed=D("1.5"),
        fills=(
            Fill(price=D(101), quantity=D(1), commission=D("0.001"), commission_asset="BTC"),
            Fill(price=D(102), quantity=D("0.5"), commission=D("0.0005"), commission_asset="BTC"),
        ),
        at=NOW,
    )
    assert account.balances == {"BTC": D("11.4985"), "USDT": D(999848)}  # 101 + 51 spent, 0.0015 kept
    assert account.orders == (Order(symbol="BTCUSDT", report=report, trade_ids=(1, 2)),)
    assert (account.next_order_id, account.next_trade_id) == (2, 3)
    assert account.orders[0].quote_quantity == D(152)


def test_a_sell_walks_down_the_bids_and_pays_its_commission_in_quote():
    account, report = place(order=intent(Side.SELL, "2"))
    assert [(fill.price, fill.quantity, fill.commission, fill.commission_asset) for fill in report.fills] == [
        (D(99), D(1), D("0.099"), "USDT"),
        (D(98), D(1), D("0.098"), "USDT"),
    ]
    assert account.balances == {"BTC": D(8), "USDT": D("1000196.803")}


def test_what_a_thin_book_does_not_hold_expires():
    account, report = place(order=intent(quantity="5"))
    assert (report.status, report.quantity, report.executed) == (OrderStatus.EXPIRED, D(5), D(3))
    assert account.balances["USDT"] == D(1000000) - 101 - 204
    assert find_order(account, "BTCUSDT", "leg-1") == report


def test_an_empty_book_executes_nothing_and_the_order_still_exists():
    account, report = place(offered=book(asks=()))
    assert (report.status, report.executed, report.fills) == (OrderStatus.EXPIRED, D(0), ())
    assert report.average_price is None
    assert account.balances == RICH.balances
    assert find_order(account, "BTCUSDT", "leg-1") == report


def test_the_same_client_order_id_executes_a_second_time_because_a_market_order_is_never_open():
    once, first = place(order=intent(quantity="1"))
    twice, second = place(once, order=intent(quantity="1"))
    assert twice.balances["BTC"] == D("11.998")
    assert (first.order_id, second.order_id) == (1, 2)
    assert twice.orders[1].trade_ids == (2,)
    assert find_order(twice, "BTCUSDT", "leg-1") == second  # the newest with that id


@pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED])
def test_an_id_that_an_open_order_has_is_a_duplicate(status):
    _, report = place()
    waiting = Order(symbol="BTCUSDT", report=replace(report, status=status), trade_ids=())
    account = replace(RICH, orders=(waiting,))
    assert refused(account) == (-2010, "Duplicate order sent.")
    assert place(account, order=intent(identity="leg-2"))[1].status is OrderStatus.FILLED


INSUFFICIENT = (-2010, "Account has insufficient balance for requested action.")


def test_a_sell_needs_its_whole_quantity_free():
    assert refused(order=intent(Side.SELL, "10.00001")) == INSUFFICIENT
    assert "BTC" not in place(order=intent(Side.SELL, "10"), offered=book(bids=((99, 10),)))[0].balances


def test_a_buy_needs_the_cost_of_every_level_it_reaches():
    assert place(replace(RICH, balances={"USDT": D(152)}))[0].balances == {"BTC": D("1.4985")}
    assert refused(replace(RICH, balances={"USDT": D("151.99")})) == INSUFFICIENT
    assert refused(Account()) == INSUFFICIENT


def test_a_buy_on_a_thin_book_needs_the_money_for_all_of_it_at_the_worst_level():
    order = intent(quantity="5")  # 1 at 101, 2 at 102, 2 that nobody offers
    enough = D(101) + 2 * 102 + 2 * 102
    assert place(replace(RICH, balances={"USDT": enough}), order=order)[1].executed == D(3)
    assert refused(replace(RICH, balances={"USDT": enough - D("0.01")}), order=order) == INSUFFICIENT
    nothing = {"order": order, "offered": book(asks=()), "reference": "100"}
    assert place(replace(RICH, balances={"USDT": D(500)}), **nothing)[1].executed == D(0)
    assert refused(replace(RICH, balances={"USDT": D("499.99")}), **nothing) == INSUFFICIENT


@pytest.mark.parametrize(
    ("quantity", "rate", "commission"),
    [
        ("0.00012", "0.000075", "0.00000001"),  # 9e-9
        ("0.06", "0.00075", "0.000045"),
        ("0.06001", "0.00075", "0.00004501"),  # 0.0000450075
        ("0.06", "0", "0"),
    ],
)
def test_a_commission_is_rounded_up_at_eight_decimals(quantity, rate, commission):
    rules = replace(RULES, min_notional=None)
    _, report = place(order=intent(quantity=quantity), rate=rate, rules=rules)
    assert report.fills[0].commission == D(commission)


def test_the_documented_commission_example_comes_out_as_printed():
    """faqs/commission_faq.md: a sell of 0.49975 at 35000 at 0.00000230 costs 0.04022988."""
    offered = book(bids=((35000, 1),), asks=())
    _, report = place(order=intent(Side.SELL, "0.49975"), offered=offered, rate="0.00000230", reference="35000")
    assert report.fills[0].commission == D("0.04022988")


def test_a_commission_never_exceeds_what_was_received():
    rules = replace(RULES, min_notional=None, lot_size=replace(RULES.lot_size, step=D(0), minimum=D(0)))
    account, report = place(order=intent(quantity="0.00000001"), rules=rules)
    assert report.fills[0].commission == D("0.00000001")
    assert account.balances["BTC"] == D(10)


@pytest.mark.parametrize("rate", ["-0.001", "1"])
def test_a_commission_that_is_no_fraction_is_refused(rate):
    with pytest.raises(BadConfig, match="is not a fraction"):
        place(rate=rate)


def test_the_checks_run_before_the_match():
    assert refused(order=intent(identity="no spaces please"))[0] == -1100
    assert refused(order=intent(quantity="0.000001")) == (-1013, "Filter failure: LOT_SIZE")
    assert refused(order=intent(quantity="0.04")) == (-1013, "Filter failure: NOTIONAL")
    assert refused(rules=replace(RULES, status="HALT")) == (-1013, "Market is closed.")


def test_an_unknown_order_is_not_found_and_symbols_are_apart():
    account, _ = place()
    assert find_order(account, "BTCUSDT", "leg-2") is None
    assert find_order(account, "ETHUSDT", "leg-1") is None


def test_only_the_newest_orders_are_kept_and_ids_go_on_counting():
    account = RICH
    for number in range(HISTORY + 3):
        account, _ = place(account, order=intent(quantity="0.1", identity=f"leg-{number}"))
    assert len(account.orders) == HISTORY
    assert find_order(account, "BTCUSDT", "leg-2") is None
    assert find_order(account, "BTCUSDT", "leg-3").order_id == 4
    assert (account.next_order_id, account.next_trade_id) == (HISTORY + 4, HISTORY + 4)


quantities = st.decimals("0.00001", "30", places=5)
offers = st.lists(quantities, min_size=0, max_size=4)
orders = st.lists(st.tuples(st.sampled_from(Side), quantities, offers), min_size=1, max_size=8)


@settings(deadline=None)
@given(orders=orders, rate=st.decimals("0", "0.01", places=5), start=st.decimals("0", "5000", places=2))
def test_nothing_is_created_or_lost_but_commissions_and_no_balance_gets_negative(orders, rate, start):
    account = Account(balances={"BTC": start / 100, "USDT": start})
    ledger = ExecutionBook()
    for number, (side, quantity, offered) in enumerate(orders):
        bids = tuple((99 - level, size) for level, size in enumerate(offered))
        asks = tuple((101 + level, size) for level, size in enumerate(offered))
        order = intent(side, quantity, f"leg-{number}")
        before = account
        try:
            account, report = place(account, order=order, offered=book(bids=bids, asks=asks), rate=rate)
        except Rejected:
            assert account is before
            continue
        ledger = apply_report(ledger, report, rules=RULES)
        assert D(0) <= report.executed <= quantity
        assert (report.status is OrderStatus.FILLED) == (report.executed == quantity)
        assert report.executed == min(quantity, sum(offered, D(0)))
        assert all(amount > 0 for amount in account.balances.values())
        for fill in report.fills:
            received = fill.quantity if side is Side.BUY else fill.quantity * fill.price
            assert rate * received <= fill.commission <= received
    assert account.free("BTC") == start / 100 + ledger.position
    assert account.free("USDT") == start + ledger.cash
    assert ledger.other_fees == {}
