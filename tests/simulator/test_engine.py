"""The engine: market orders worked out by hand, refusals that change nothing, queries, test orders and resets."""

from dataclasses import replace

import pytest

from tests.simulator.orders import NOW, RICH, RULES, D, book, by_amount, cancel, limit, market, place, refused
from trader.core.errors import BadConfig, Rejected
from trader.core.orders import ExecutionReport, Fill, OrderStatus, Side
from trader.simulator.account import HISTORY, Account, Order, OrderType, TimeInForce, Trade
from trader.simulator.engine import check_order, execution_report, find_order, wipe

INSUFFICIENT = (-2010, "Account has insufficient balance for requested action.")
DUPLICATE = (-2010, "Duplicate order sent.")


def test_a_buy_walks_two_levels_and_pays_its_commission_in_base():
    account, order = place()
    taken = {"commission_asset": "BTC", "at": NOW, "is_maker": False}
    assert order == Order(
        symbol="BTCUSDT",
        order_id=1,
        client_order_id="leg-1",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,  # as Binance prints it for a market order
        price=D(0),
        quantity=D("1.5"),
        quote_quantity=D(0),
        status=OrderStatus.FILLED,
        trades=(
            Trade(id=1, price=D(101), quantity=D(1), commission=D("0.001"), **taken),
            Trade(id=2, price=D(102), quantity=D("0.5"), commission=D("0.0005"), **taken),
        ),
        at=NOW,
        updated_at=NOW,
    )
    assert (order.executed, order.quote_executed, order.is_open) == (D("1.5"), D(152), False)
    assert account.balances == {"BTC": D("11.4985"), "USDT": D(999848)}  # 101 + 51 spent, 0.0015 kept
    assert account.locked == {}
    assert account.orders == (order,)
    assert (account.next_order_id, account.next_trade_id) == (2, 3)


def test_the_bots_port_gets_the_same_order_as_a_report():
    _, order = place()
    assert execution_report(order) == ExecutionReport(
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


def test_a_sell_walks_down_the_bids_and_pays_its_commission_in_quote():
    account, order = place(order=market(Side.SELL, "2"))
    assert [(trade.price, trade.quantity, trade.commission, trade.commission_asset) for trade in order.trades] == [
        (D(99), D(1), D("0.099"), "USDT"),
        (D(98), D(1), D("0.098"), "USDT"),
    ]
    assert account.balances == {"BTC": D(8), "USDT": D("1000196.803")}


def test_what_a_thin_book_does_not_hold_expires():
    account, order = place(order=market(quantity="5"))
    assert (order.status, order.quantity, order.executed) == (OrderStatus.EXPIRED, D(5), D(3))
    assert account.balances["USDT"] == D(1000000) - 101 - 204
    assert find_order(account, "BTCUSDT", client_order_id="leg-1") == order


def test_an_empty_book_executes_nothing_and_the_order_still_exists():
    account, order = place(offered=book(asks=()))
    assert (order.status, order.executed, order.trades) == (OrderStatus.EXPIRED, D(0), ())
    assert account.balances == RICH.balances
    assert find_order(account, "BTCUSDT", client_order_id="leg-1") == order


def test_the_same_client_order_id_executes_a_second_time_because_a_market_order_is_never_open():
    once, first = place(order=market(quantity="1"))
    twice, second = place(once, order=market(quantity="1"))
    assert twice.balances["BTC"] == D("11.998")
    assert (first.order_id, second.order_id) == (1, 2)
    assert [trade.id for trade in twice.orders[1].trades] == [2]
    assert find_order(twice, "BTCUSDT", client_order_id="leg-1") == second  # the newest with that id


def test_an_id_that_an_open_order_has_is_a_duplicate_until_that_one_is_gone():
    waiting, first = place(order=limit(price="90"))
    assert refused(waiting, order=market(identity="leg-1")) == DUPLICATE
    assert refused(waiting, order=limit(price="91", identity="leg-1")) == DUPLICATE
    assert place(waiting, order=market(identity="leg-2"))[1].status is OrderStatus.FILLED
    gone, _ = cancel(waiting, order_id=first.order_id)
    assert place(gone, order=market(identity="leg-1"))[1].order_id == 2


def test_a_partly_filled_order_keeps_its_id_too():
    waiting, order = place(order=limit(price="101", quantity="2"))
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert refused(waiting, order=market(identity="leg-1")) == DUPLICATE


def test_a_sell_needs_its_whole_quantity_free():
    assert refused(order=market(Side.SELL, "10.00001")) == INSUFFICIENT
    assert "BTC" not in place(order=market(Side.SELL, "10"), offered=book(bids=((99, 10),)))[0].balances


def test_a_buy_needs_the_cost_of_every_level_it_reaches():
    assert place(replace(RICH, balances={"USDT": D(152)}))[0].balances == {"BTC": D("1.4985")}
    assert refused(replace(RICH, balances={"USDT": D("151.99")})) == INSUFFICIENT
    assert refused(Account()) == INSUFFICIENT


def test_a_buy_on_a_thin_book_needs_the_money_for_all_of_it_at_the_worst_level():
    order = market(quantity="5")  # 1 at 101, 2 at 102, 2 that nobody offers
    enough = D(101) + 2 * 102 + 2 * 102
    assert place(replace(RICH, balances={"USDT": enough}), order=order)[1].executed == D(3)
    assert refused(replace(RICH, balances={"USDT": enough - D("0.01")}), order=order) == INSUFFICIENT
    nothing = {"order": order, "offered": book(asks=()), "reference": "100"}
    assert place(replace(RICH, balances={"USDT": D(500)}), **nothing)[1].executed == D(0)
    assert refused(replace(RICH, balances={"USDT": D("499.99")}), **nothing) == INSUFFICIENT


def test_what_an_open_order_holds_back_cannot_be_spent_again():
    account, _ = place(replace(RICH, balances={"USDT": D(100), "BTC": D(1)}), order=limit(quantity="1", price="90"))
    assert (account.free("USDT"), account.locked_of("USDT"), account.locked_of("BTC")) == (D(10), D(90), D(0))
    assert refused(account, order=limit(quantity="1", price="10.01", identity="leg-2"), reference="11") == INSUFFICIENT
    assert place(account, order=limit(quantity="1", price="10", identity="leg-2"), reference="11")[1].is_open


@pytest.mark.parametrize("rate", ["-0.001", "1"])
def test_a_commission_that_is_no_fraction_is_refused(rate):
    with pytest.raises(BadConfig, match="is not a fraction"):
        place(rate=rate)


def test_the_checks_run_before_the_match():
    assert refused(order=market(identity="no spaces please"))[0] == -1100
    assert refused(order=market(quantity="0.000001")) == (-1013, "Filter failure: LOT_SIZE")
    assert refused(order=market(quantity="0.04")) == (-1013, "Filter failure: NOTIONAL")
    assert refused(rules=replace(RULES, status="HALT")) == (-1013, "Market is closed.")


def test_an_order_is_found_by_either_id_or_by_both_and_symbols_are_apart():
    account, order = place(place()[0], order=market(identity="leg-2"))
    assert find_order(account, "BTCUSDT", order_id=2) == order
    assert find_order(account, "BTCUSDT", order_id=2, client_order_id="leg-2") == order
    assert find_order(account, "BTCUSDT", order_id=1, client_order_id="leg-2") is None
    assert find_order(account, "BTCUSDT", client_order_id="leg-3") is None
    assert find_order(account, "BTCUSDT", order_id=3) is None
    assert find_order(account, "ETHUSDT", order_id=2) is None
    assert find_order(account, "BTCUSDT") is None


def test_only_the_newest_orders_are_kept_besides_the_open_ones_and_ids_go_on_counting():
    account, waiting = place(order=limit(price="90", identity="patient"))
    for number in range(HISTORY + 2):
        account, _ = place(account, order=market(quantity="0.1", identity=f"leg-{number}"))
    assert len(account.orders) == HISTORY + 1
    assert find_order(account, "BTCUSDT", client_order_id="patient") == waiting
    assert find_order(account, "BTCUSDT", client_order_id="leg-1") is None
    assert find_order(account, "BTCUSDT", client_order_id="leg-2").order_id == 4
    assert (account.next_order_id, account.next_trade_id) == (HISTORY + 4, HISTORY + 3)


def check(*, order):
    return check_order(order, rules=RULES, reference_price=D(100))


def test_a_test_order_is_refused_for_what_can_be_seen_before_the_matching_engine():
    for order, code in ((market(quantity="0.000001"), -1013), (market(identity="a b"), -1100)):
        with pytest.raises(Rejected) as caught:
            check(order=order)
        assert caught.value.code == code


def test_a_test_order_says_nothing_about_the_balance_or_what_is_open_as_on_binance():
    assert check(order=market(quantity="40")) is None, "which costs more than anybody here has"


@pytest.mark.parametrize("at_most", ["0", "0.4"])
def test_a_scripted_limit_leaves_the_rest_of_a_market_order_expired(at_most):
    account, order = place(fill_limit=D(at_most))
    assert (order.status, order.quantity, order.executed) == (OrderStatus.EXPIRED, D("1.5"), D(at_most))
    assert account.free("USDT") == D(1000000) - D(at_most) * 101
    amount, order = place(order=by_amount(Side.BUY, "101"), fill_limit=D(at_most))
    assert (order.status, order.quantity, order.executed) == (OrderStatus.EXPIRED, D(1), D(at_most))
    assert amount.locked == {}


def test_a_scripted_limit_above_the_order_changes_nothing_and_never_softens_the_balance_check():
    assert place(fill_limit=D(9)) == place()
    assert refused(replace(RICH, balances={"USDT": D("151.99")}), fill_limit=D("0.1")) == INSUFFICIENT


def test_after_a_reset_there_are_no_orders_no_balances_and_ids_begin_again():
    account = replace(place()[0], funded=("BTC", "USDT"), closed=("leg-9",))
    after = wipe(account)
    assert after == Account()
    assert find_order(after, "BTCUSDT", client_order_id="leg-1") is None
    assert place(replace(after, balances=RICH.balances))[1].order_id == 1
