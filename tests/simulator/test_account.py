"""The account's JSON: it comes back as it was, and what cannot be an account is refused with a reason."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import START
from trader.core.errors import BadData
from trader.core.orders import ExecutionReport, Fill, OrderStatus, Side
from trader.simulator.account import Account, Order, decode, encode

D = Decimal
amounts = st.decimals("0.00000001", "1000000", places=8)
identities = st.text("abcXYZ019-_", min_size=1, max_size=36)
fills = st.builds(Fill, price=amounts, quantity=amounts, commission=amounts, commission_asset=st.just("BTC"))
reports = st.builds(
    ExecutionReport,
    client_order_id=identities,
    order_id=st.integers(1, 10**12),
    side=st.sampled_from(Side),
    status=st.sampled_from(OrderStatus),
    quantity=amounts,
    executed=amounts,
    fills=st.lists(fills, max_size=3).map(tuple),
    at=st.integers(0, 10**12).map(lambda late: START + timedelta(milliseconds=late)),
)
accounts = st.builds(
    Account,
    balances=st.dictionaries(st.sampled_from(["BTC", "USDT", "ETH"]), amounts),
    funded=st.just(("BTC", "USDT")),
    orders=st.lists(
        st.builds(Order, symbol=st.just("BTCUSDT"), report=reports, trade_ids=st.just((1, 2))), max_size=3
    ).map(tuple),
    next_order_id=st.integers(1, 10**12),
    next_trade_id=st.integers(1, 10**12),
)
ACCOUNT = Account(balances={"USDT": D("12.50")}, funded=("USDT",))


@settings(deadline=None, max_examples=50)
@given(account=accounts)
def test_an_account_comes_back_as_it_was(account):
    assert decode(encode(account), source="here") == account


def test_money_is_written_as_strings_digit_for_digit():
    assert json.loads(encode(ACCOUNT))["balances"] == {"USDT": "12.50"}


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", encode(ACCOUNT)[:-10], b'{"schema": "x"}'])
def test_damaged_data_is_refused_and_its_place_named(data):
    with pytest.raises(BadData, match=r"s3://bucket/it: .* delete it for a fresh account"):
        decode(data, source="s3://bucket/it")


@pytest.mark.parametrize("change", [{}, {"orders": "have another form in schema 2"}])
def test_a_newer_schema_is_refused_as_such_whether_or_not_it_would_fit(change):
    content = {**json.loads(encode(ACCOUNT)), "schema": 2, **change}
    with pytest.raises(BadData, match="here: written with schema 2, this version reads 1"):
        decode(json.dumps(content).encode(), source="here")


def test_a_negative_balance_cannot_be():
    data = encode(ACCOUNT).replace(b"12.50", b"-12.50")
    with pytest.raises(BadData, match="the balance of USDT is negative"):
        decode(data, source="here")


def test_a_balance_that_is_no_number_cannot_be():
    with pytest.raises(BadData, match=r"balances\.USDT"):
        decode(encode(ACCOUNT).replace(b"12.50", b"NaN"), source="here")


def test_an_asset_that_is_not_there_is_worth_nothing():
    assert ACCOUNT.free("BTC") == 0
    assert ACCOUNT.free("USDT") == D("12.50")
