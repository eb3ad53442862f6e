"""Client order ids: one for each leg of a run, the same for ever, and of a form that the exchange takes."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import START
from trader.core.errors import BadConfig
from trader.core.orders import client_order_id


def identity(**changes):
    values = {"bot_id": "demo", "symbol": "BTCUSDT", "interval": "1h", "open_time": START, "leg": 0}
    return client_order_id(**{**values, **changes})


def test_a_client_order_id_reads_as_symbol_kline_and_leg():
    assert identity().startswith("BTCUSDT-2401010000-0-")
    assert identity() == identity()


def test_a_client_order_id_never_changes_between_versions():
    # Yesterday's intent has to be found by today's process. printf 'demo|BTCUSDT|1h|202401010000' | sha256sum
    assert identity() == "BTCUSDT-2401010000-0-21cc1087"


def test_bots_symbols_intervals_klines_and_legs_have_different_ids():
    changes = [
        {},
        {"bot_id": "other"},
        {"symbol": "ETHUSDT"},
        {"symbol": "1000SATSUSDT"},
        {"symbol": "1000SATSUSDC"},  # the same first ten letters
        {"interval": "4h"},
        {"open_time": datetime(2024, 1, 1, 1, tzinfo=UTC)},
        {"open_time": datetime(2034, 1, 1, tzinfo=UTC)},
        {"leg": 1},
        {"leg": 10},
    ]
    assert len({identity(**change) for change in changes}) == len(changes)


def test_the_year_is_more_than_its_last_two_digits():
    assert identity(open_time=datetime(2124, 1, 1, tzinfo=UTC)) != identity()


@given(
    symbol=st.from_regex(r"[A-Z0-9]{2,20}", fullmatch=True),
    bot_id=st.text(max_size=40),
    leg=st.integers(0, 99_999),
    open_time=st.datetimes(timezones=st.just(UTC)),
)
@settings(deadline=None, derandomize=True)
def test_a_client_order_id_fits_binances_pattern(symbol, bot_id, leg, open_time):
    found = identity(symbol=symbol, bot_id=bot_id, leg=leg, open_time=open_time)
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", found)


def test_the_longest_symbol_and_leg_just_fit():
    assert len(identity(symbol="1000SATSUSDT", leg=99_999)) == 36


def test_a_symbol_that_does_not_fit_the_pattern_is_refused():
    with pytest.raises(BadConfig, match=r"client order id 'BTC/USDT-.*' does not fit Binance's pattern"):
        identity(symbol="BTC/USDT")
