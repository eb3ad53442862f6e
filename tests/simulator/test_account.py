"""The account's JSON: it comes back as it was, and what cannot be an account is refused with a reason."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import START
from tests.simulator.orders import D, limit, place
from trader.core.errors import BadData
from trader.core.orders import OrderStatus, Side
from trader.simulator.account import Account, Order, OrderType, TimeInForce, Trade, decode, encode

amounts = st.decimals("0.00000001", "1000000", places=8)
assets = st.sampled_from(["BTC", "USDT", "ETH"])
identities = st.text("abcXYZ019-_", min_size=1, max_size=36)
numbers = st.integers(1, 10**12)
times = st.integers(0, 10**15).map(lambda late: START + timedelta(microseconds=late))
trades = st.builds(
    Trade,
    id=numbers,
    price=amounts,
    quantity=amounts,
    commission=amounts,
    commission_asset=assets,
    at=times,
    is_maker=st.booleans(),
)
orders = st.builds(
    Order,
    symbol=st.just("BTCUSDT"),
    order_id=numbers,
    client_order_id=identities,
    side=st.sampled_from(Side),
    type=st.sampled_from(OrderType),
    time_in_force=st.sampled_from(TimeInForce),
    price=amounts,
    quantity=amounts,
    quote_quantity=amounts,
    status=st.sampled_from(OrderStatus),
    trades=st.lists(trades, max_size=3).map(tuple),
    at=times,
    updated_at=times,
    locked_asset=assets,
)
accounts = st.builds(
    Account,
    balances=st.dictionaries(assets, amounts),
    locked=st.dictionaries(assets, amounts),
    funded=st.just(("BTC", "USDT")),
    orders=st.lists(orders, max_size=3).map(tuple),
    closed=st.lists(identities, max_size=2).map(tuple),
    next_order_id=numbers,
    next_trade_id=numbers,
)
ACCOUNT = Account(balances={"USDT": D("12.50")}, locked={"BTC": D("0.75")}, funded=("USDT",))


@settings(deadline=None, max_examples=50)
@given(account=accounts)
def test_an_account_comes_back_as_it_was(account):
    assert decode(encode(account), source="here") == account


def test_money_is_written_as_strings_digit_for_digit():
    assert json.loads(encode(ACCOUNT))["balances"] == {"USDT": "12.50"}


def test_an_order_is_stored_without_the_names_of_its_values():
    account, _ = place(order=limit(price="101", quantity="1.5"))
    [row] = json.loads(encode(account))["orders"]
    assert row == [
        "BTCUSDT", 1, "leg-1", "BUY", "LIMIT", "GTC", "101", "1.5", "0", "PARTIALLY_FILLED",
        [[1, "101", "1", "0.00100000", "BTC", "2024-05-01T12:00:03Z", False]],
        "2024-05-01T12:00:03Z", "2024-05-01T12:00:03Z", "USDT",
    ]  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", encode(ACCOUNT)[:-10], b'{"schema": "x"}'])
def test_damaged_data_is_refused_and_its_place_named(data):
    with pytest.raises(BadData, match=r"s3://bucket/it: .* delete it for a fresh account"):
        decode(data, source="s3://bucket/it")


@pytest.mark.parametrize("schema", [1, 3])
@pytest.mark.parametrize("change", [{}, {"orders": "have another form in that schema"}])
def test_another_schema_is_refused_as_such_whether_or_not_it_would_fit(schema, change):
    content = {**json.loads(encode(ACCOUNT)), "schema": schema, **change}
    with pytest.raises(BadData, match=f"here: written with schema {schema}, this version reads 2"):
        decode(json.dumps(content).encode(), source="here")


@pytest.mark.parametrize(("amount", "asset"), [(b"12.50", "USDT"), (b"0.75", "BTC")])
def test_a_negative_balance_cannot_be(amount, asset):
    data = encode(ACCOUNT).replace(amount, b"-" + amount)
    with pytest.raises(BadData, match=f"the balance of {asset} is negative"):
        decode(data, source="here")


def test_a_balance_that_is_no_number_cannot_be():
    with pytest.raises(BadData, match=r"balances\.USDT"):
        decode(encode(ACCOUNT).replace(b"12.50", b"NaN"), source="here")


def test_an_asset_that_is_not_there_is_worth_nothing():
    assert (ACCOUNT.free("BTC"), ACCOUNT.locked_of("BTC")) == (0, D("0.75"))
    assert (ACCOUNT.free("USDT"), ACCOUNT.locked_of("USDT")) == (D("12.50"), 0)
