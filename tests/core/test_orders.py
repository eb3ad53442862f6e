"""Orders by hand: what is sent, what is not and why, and that exact decimals never cross the target."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import START, symbol_rules
from trader.core.orders import (
    ExecutionReport,
    Fill,
    LotSize,
    NotSent,
    OrderPlan,
    OrderStatus,
    Side,
    as_decimal,
    floor_to_step,
    plan_order,
    target_quantity,
)

D = Decimal
NOTIONAL = D(500)
OFF = LotSize(minimum=D(0), maximum=D(0), step=D(0))


def lot(*, step="0.00001", minimum="0.00001", maximum="9000"):
    return LotSize(minimum=D(minimum), maximum=D(maximum), step=D(step))


def plan(target, held, *, price="50000", base="10", quote="100000", **changes):
    return plan_order(
        target=D(target),
        held=D(held),
        price=D(price),
        rules=symbol_rules(**changes),
        available_base=D(base),
        available_quote=D(quote),
    )


def order(side, quantity, *, capped=False):
    return OrderPlan(side=side, quantity=D(quantity), capped=capped)


def unsent(reason):
    return OrderPlan(side=None, quantity=D(0), not_sent=reason)


@pytest.mark.parametrize(
    ("exposure", "price", "quantity"),
    [
        (1.0, "50000", "0.01"),
        (-1.0, "50000", "-0.01"),
        (0.0, "50000", "0"),
        (1.0, "67000", "0.00746"),  # 0.0074626...
        (-1.0, "67000", "-0.00746"),  # towards zero, for shorts too
        (0.3, "50000", "0.003"),
        (0.1, "50000", "0.001"),
        (0.5, "67000", "0.00373"),
        (1.0, "60000000", "0"),  # less than one step
    ],
)
def test_exposure_is_a_share_of_the_notional_floored_to_the_step(exposure, price, quantity):
    found = target_quantity(exposure=exposure, notional=NOTIONAL, price=D(price), rules=symbol_rules())
    assert found == D(quantity)
    assert not (found == 0 and found.is_signed())


@pytest.mark.parametrize(
    ("target", "held", "expected"),
    [
        ("0.01", "0", order(Side.BUY, "0.01")),
        ("0", "0.01", order(Side.SELL, "0.01")),
        ("-0.01", "0", order(Side.SELL, "0.01")),
        ("0", "-0.01", order(Side.BUY, "0.01")),
        ("-0.01", "0.01", order(Side.SELL, "0.02")),  # a flip nets to one order
        ("0.01", "-0.01", order(Side.BUY, "0.02")),
        ("0.01", "0.004", order(Side.BUY, "0.006")),  # the rest of a partial fill
        ("0.01", "0.00999", unsent(NotSent.BELOW_MIN_NOTIONAL)),
        ("0.01", "0.009995", unsent(NotSent.BELOW_STEP)),  # dust
        ("0.01", "0.01", unsent(NotSent.NOTHING_TO_DO)),
        ("0", "0", unsent(NotSent.NOTHING_TO_DO)),
        ("0", "0.00745254", order(Side.SELL, "0.00745")),  # a fee taken in base leaves dust that cannot be sold
    ],
)
def test_the_difference_between_target_and_held_is_one_net_order(target, held, expected):
    assert plan(target, held) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("0.01", order(Side.SELL, "0.01")),
        ("0.004", order(Side.SELL, "0.004", capped=True)),
        ("0.0040099", order(Side.SELL, "0.004", capped=True)),
        ("0", unsent(NotSent.NO_BASE)),
        ("-1", unsent(NotSent.NO_BASE)),
    ],
)
def test_a_short_sells_from_the_base_allocation_and_no_more(base, expected):
    assert plan("-0.01", "0", base=base) == expected


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("505", order(Side.BUY, "0.01")),  # 0.01 * 50000 and 1 % of head-room
        ("504.99", order(Side.BUY, "0.00999", capped=True)),
        ("252.5", order(Side.BUY, "0.005", capped=True)),
        ("0", unsent(NotSent.NO_QUOTE)),
        ("-5", unsent(NotSent.NO_QUOTE)),
    ],
)
def test_a_buy_spends_no_more_than_the_quote_allocation(quote, expected):
    assert plan("0.01", "0", quote=quote) == expected


def test_an_empty_quote_allocation_does_not_stop_a_sale_nor_an_empty_base_a_purchase():
    assert plan("0", "0.01", quote="0") == order(Side.SELL, "0.01")
    assert plan("0.01", "0", base="0") == order(Side.BUY, "0.01")


@pytest.mark.parametrize(
    ("lot_step", "market_step", "step"),
    [
        ("0.001", "0", "0.001"),
        ("0", "0.01", "0.01"),
        ("0", "0", "0.00000001"),  # neither: the asset's eight decimals, more are refused (-1111)
        ("0.001", "0.001", "0.001"),
        ("0.001", "0.01", "0.01"),
        ("0.02", "0.03", "0.06"),
        ("0.00100000", "0.010", "0.01"),  # Binance pads with zeros
        ("5", "0.2", "5"),
        ("10", "4", "20"),
    ],
)
def test_a_quantity_fits_the_steps_of_both_lot_filters(lot_step, market_step, step):
    rules = symbol_rules(lot_size=lot(step=lot_step), market_lot_size=lot(step=market_step))
    assert rules.step == D(step)


def test_two_different_steps_floor_to_their_common_multiple():
    steps = {"lot_size": lot(step="0.02"), "market_lot_size": lot(step="0.03")}
    assert plan("0.20", "0", base="9", quote="99999", **steps) == order(Side.BUY, "0.18")


@pytest.mark.parametrize(
    ("quantity", "step", "floored"),
    [("0.0059", "0.001", "0.005"), ("0.006", "0.001", "0.006"), ("7", "0", "7"), ("0.0009", "0.001", "0")],
)
def test_flooring_keeps_multiples_and_an_absent_step_changes_nothing(quantity, step, floored):
    assert floor_to_step(D(quantity), D(step)) == D(floored)


def test_without_any_step_a_quantity_keeps_the_decimals_that_its_asset_has():
    rules = {"lot_size": OFF, "market_lot_size": OFF}
    third = target_quantity(exposure=1.0, notional=D(1), price=D(3), rules=symbol_rules(**rules))
    assert third == D("0.33333333")
    assert plan("0.0123456", "0", **rules) == order(Side.BUY, "0.0123456")
    assert plan("0.01", "0", price="67000", quote="300", **rules) == order(Side.BUY, "0.00443327", capped=True)


@pytest.mark.parametrize(
    ("target", "expected"),
    [("0.05", order(Side.BUY, "0.05")), ("0.04999", unsent(NotSent.BELOW_MIN_QUANTITY))],
)
@pytest.mark.parametrize("which", ["lot_size", "market_lot_size"])
def test_either_lot_filters_minimum_counts(which, target, expected):
    assert plan(target, "0", **{which: lot(minimum="0.05")}) == expected


@pytest.mark.parametrize("which", ["lot_size", "market_lot_size"])
def test_a_quantity_above_either_maximum_is_capped_and_the_rest_waits(which):
    first = plan("0.05", "0", **{which: lot(maximum="0.03")})
    assert first == order(Side.BUY, "0.03", capped=True)
    assert plan("0.05", "0.03", **{which: lot(maximum="0.03")}) == order(Side.BUY, "0.02")


def test_a_maximum_that_is_no_multiple_of_the_step_is_floored_too():
    rules = {"lot_size": lot(maximum="0.035", step="0.01"), "market_lot_size": OFF}
    assert plan("0.05", "0", **rules) == order(Side.BUY, "0.03", capped=True)


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [
        (D("500"), order(Side.BUY, "0.01")),
        (D("500.01"), unsent(NotSent.BELOW_MIN_NOTIONAL)),
        (None, order(Side.BUY, "0.01")),
    ],
)
def test_a_market_order_below_the_minimum_notional_is_not_sent(minimum, expected):
    assert plan("0.01", "0", min_notional=minimum) == expected


def test_a_market_order_above_the_maximum_notional_is_capped_with_head_room():
    assert plan("0.01", "0", max_notional=D("252.5")) == order(Side.BUY, "0.005", capped=True)
    assert plan("0", "0.01", max_notional=D("252.5")) == order(Side.SELL, "0.005", capped=True)
    assert plan("0.01", "0", max_notional=None) == order(Side.BUY, "0.01")


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_a_symbol_that_is_not_trading_gets_no_order(status):
    assert plan("0.01", "0", status=status) == unsent(NotSent.NOT_TRADING)
    assert plan("0", "0", status=status) == unsent(NotSent.NOTHING_TO_DO)


def test_a_position_is_resized_when_its_target_changes_and_not_when_the_price_does():
    target = target_quantity(exposure=1.0, notional=NOTIONAL, price=D(50000), rules=symbol_rules())
    for price in ("10000", "50000", "90000"):
        assert plan(str(target), str(target), price=price) == unsent(NotSent.NOTHING_TO_DO)
    flipped = target_quantity(exposure=-1.0, notional=NOTIONAL, price=D(40000), rules=symbol_rules())
    assert plan(str(flipped), str(target), price="40000") == order(Side.SELL, "0.0225")


@pytest.mark.parametrize(
    ("value", "written"), [(0.1, "0.1"), (0.3, "0.3"), (1e-7, "1E-7"), (67000.01, "67000.01"), (-0.7, "-0.7")]
)
def test_a_float_becomes_the_decimal_that_a_person_would_write(value, written):
    assert str(as_decimal(value)) == written


def test_flooring_does_not_lose_a_step_to_binary_fractions():
    assert floor_to_step(as_decimal(0.29), D("0.01")) == D("0.29")  # int(0.29 / 0.01) is 28
    assert floor_to_step(as_decimal(0.1) * 3, D("0.1")) == D("0.3")
    assert target_quantity(exposure=0.7, notional=D(100), price=D(1), rules=symbol_rules()) == D(70)


def test_the_average_price_weighs_fills_by_quantity():
    fills = tuple(
        Fill(price=D(price), quantity=D(quantity), commission=D(0), commission_asset="USDT")
        for price, quantity in (("100", "0.1"), ("103", "0.2"))
    )
    report = ExecutionReport(
        client_order_id="x",
        order_id=1,
        side=Side.BUY,
        status=OrderStatus.FILLED,
        quantity=D("0.3"),
        executed=D("0.3"),
        fills=fills,
        at=START,
    )
    assert report.average_price == D(102)
    assert replace(report, fills=()).average_price is None


quantities = st.decimals(min_value=-20, max_value=20, places=8, allow_nan=False)
lots = st.builds(
    lot,
    step=st.sampled_from(["0", "0.00001", "0.001", "0.02", "0.03", "1"]),
    minimum=st.sampled_from(["0", "0.001", "0.5"]),
    maximum=st.sampled_from(["0", "0.7", "15", "9000"]),
)


@given(
    target=quantities,
    held=quantities,
    price=st.decimals(min_value="0.01", max_value=100_000, places=2),
    base=st.decimals(min_value=-1, max_value=30, places=8),
    quote=st.decimals(min_value=-1, max_value=2_000_000, places=8),
    lot_size=lots,
    market_lot_size=lots,
    min_notional=st.sampled_from([None, D(5), D(100)]),
    max_notional=st.sampled_from([None, D(1000), D(9000000)]),
)
@settings(deadline=None, derandomize=True, max_examples=500)
def test_every_planned_order_passes_every_filter_and_never_crosses_the_target(  # noqa: PLR0917 - drawn by name
    target, held, price, base, quote, lot_size, market_lot_size, min_notional, max_notional
):
    rules = symbol_rules(
        lot_size=lot_size, market_lot_size=market_lot_size, min_notional=min_notional, max_notional=max_notional
    )
    planned = plan_order(target=target, held=held, price=price, rules=rules, available_base=base, available_quote=quote)
    quantity = planned.quantity
    if planned.side is None:
        assert (quantity, planned.capped) == (0, False)
        assert planned.not_sent is not None
        return
    assert planned.not_sent is None
    assert quantity > 0
    for one in (lot_size, market_lot_size):
        assert quantity >= one.minimum
        assert one.maximum == 0 or quantity <= one.maximum
        assert one.step == 0 or quantity % one.step == 0
    assert quantity == round(quantity, rules.base_precision)
    assert min_notional is None or quantity * price >= min_notional
    assert max_notional is None or quantity * price <= max_notional
    assert quantity <= base if planned.side is Side.SELL else quantity * price <= quote
    after = held + quantity if planned.side is Side.BUY else held - quantity
    assert after <= target if planned.side is Side.BUY else after >= target
    assert abs(target - after) < abs(target - held)
