"""What a run is called, and the state before the first one."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import START
from trader.core.journal import SCHEMA, BotState, Leg, Origin, RunKey, RunRecord, Status
from trader.core.orders import ExecutionReport, OrderIntent, OrderStatus, Side

KEY = RunKey(bot_id="demo", symbol="BTCUSDT", interval="1h", open_time=START + timedelta(hours=16))


def test_a_run_is_named_by_symbol_interval_and_kline():
    assert str(KEY) == "BTCUSDT 1h 2024-01-01 16:00 UTC"


def test_two_runs_are_the_same_when_all_four_parts_are():
    assert RunKey(bot_id="demo", symbol="BTCUSDT", interval="1h", open_time=START + timedelta(hours=16)) == KEY
    assert len({KEY, RunKey(bot_id="other", symbol="BTCUSDT", interval="1h", open_time=KEY.open_time)}) == 2


def test_a_bot_begins_flat_in_its_first_epoch_with_nothing_allocated():
    state = BotState()
    assert (state.paper.exposure, state.paper.klines, state.paper.open_time) == (0.0, 0, None)
    assert (state.execution.position, state.execution.cash, state.execution.target) == (Decimal(0),) * 3
    assert (state.allocation, state.epoch) == (None, 1)


def test_a_claimed_record_has_decided_and_sent_nothing():
    record = RunRecord(
        key=KEY, mode="demo", origin=Origin.LIVE, status=Status.CLAIMED, owner="me", started_at=KEY.open_time
    )
    assert record.schema == SCHEMA
    assert (record.decision, record.inputs, record.state, record.completed_at) == (None, None, None, None)
    assert (record.legs, record.settled, record.gap) == ((), (), Decimal(0))


def test_a_leg_is_open_until_it_is_reported_or_refused():
    intent = OrderIntent(
        symbol="BTCUSDT", side=Side.BUY, quantity=Decimal("0.01"), client_order_id="x", signed_at=START
    )
    report = ExecutionReport(
        client_order_id="x",
        order_id=1,
        side=Side.BUY,
        status=OrderStatus.EXPIRED,
        quantity=Decimal("0.01"),
        executed=Decimal(0),
        fills=(),
        at=KEY.open_time,
    )
    assert Leg(intent=intent).is_open
    assert not Leg(intent=intent, report=report).is_open
    assert not Leg(intent=intent, refused="not_sent").is_open


def test_two_records_do_not_share_their_books():
    first, second = BotState(), BotState()
    assert first.execution.other_fees is not second.execution.other_fees


@pytest.mark.parametrize("status", list(Status))
def test_a_status_is_written_as_its_own_word(status):
    assert str(status) == status.value
