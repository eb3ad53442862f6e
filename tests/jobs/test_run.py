"""One run after the other on recorded klines: what is decided, traded and written down, and what is not."""

import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from tests.builders import HOUR, random_klines, without
from tests.desks import (
    FIRST,
    SYMBOL,
    VENUE,
    another_process,
    make_desk,
    move_to_run,
    returns_of,
    small_rules,
    with_model,
)
from trader.adapters.simulated_exchange import KEY as EXCHANGE_KEY
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.core.decision import Reason
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.journal import Status
from trader.core.klines import Klines, close_of, concat, fill_gaps
from trader.core.orders import NotSent
from trader.core.risk import ControlMode
from trader.jobs.run import Outcome, run
from trader.simulator.account import decode
from trader.store.control import say
from trader.store.ledger_rows import table_of

KLINES = random_klines(1460, seed=5)


@pytest.fixture
def desk(tmp_path):
    """A bot with a model, its clock just after the close of FIRST."""
    return with_model(make_desk(tmp_path, KLINES))


def orders_of(desk):
    """What the exchange has filled."""
    stored = desk.bot.storage.get(EXCHANGE_KEY)
    return () if stored is None else decode(stored.data, source="the exchange").orders


def run_hours(desk, count, *, first=FIRST):
    """Live through some hours and return their records."""
    records = []
    for hour in range(count):
        move_to_run(desk, first + hour * HOUR)
        records.append(run(desk).record)
    return records


def test_a_bot_without_a_model_trains_one_before_its_first_decision(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    result = run(desk)
    champion = desk.models.champion()
    assert result.outcome is Outcome.DONE
    assert result.record.inputs.model_id == champion.model_id
    assert desk.models.load(champion.model_id).card.last == FIRST


def test_a_bot_with_too_little_history_stays_flat_and_says_so(tmp_path):
    short = KLINES.until(FIRST)[-1100:]
    record = run(make_desk(tmp_path, short)).record
    assert record.decision.reason is Reason.NO_MODEL
    assert record.state.paper.exposure == 0
    shorter = KLINES.until(FIRST)[-900:]
    record = run(make_desk(tmp_path / "other", shorter)).record
    assert record.decision.reason is Reason.WARM_UP


def test_the_record_holds_what_the_decision_rested_on_and_the_copies_agree(desk):
    (record,) = run_hours(desk, 1)
    assert record.status is Status.COMPLETED
    assert record.inputs.klines == 1000
    assert record.inputs.window_start == FIRST - 999 * HOUR
    assert set(record.inputs.features) == set(desk.models.load(record.inputs.model_id).card.features)
    assert record.versions == {"trader": "test"}
    assert list(record.timings) == ["started", "claim", "recover", "refresh", "decide", "execute", "commit"]
    assert desk.journal.read(FIRST).record == record
    assert desk.journal.newest() == FIRST
    assert desk.ledger.read().equals(table_of([record]))


def test_the_same_hour_again_is_already_done_and_sends_nothing(desk):
    (record,) = run_hours(desk, 1)
    again = run(another_process(desk))
    assert again.outcome is Outcome.ALREADY_DONE
    assert again.record == record
    assert len(orders_of(desk)) == len(record.legs) == 1


def test_an_hour_before_the_newest_run_is_refused(desk):
    run_hours(desk, 2)
    move_to_run(desk, FIRST)
    with pytest.raises(BadConfig, match="before the newest run"):
        run(desk)


def test_the_paper_book_is_the_plain_sum_of_exposure_times_return_less_costs(desk):
    records = run_hours(desk, 40)
    exposure = [record.decision.target for record in records]
    returns = returns_of(KLINES, FIRST, 39)
    changes = np.abs(np.diff([0.0, *exposure]))[:39]
    by_hand = sum(held * move - 0.001 * change for held, move, change in zip(exposure, returns, changes, strict=False))
    assert records[-1].state.paper.net == pytest.approx(by_hand, abs=1e-12)
    assert records[-1].state.paper.klines == 39
    assert {1.0, -1.0} <= set(exposure), "both directions have to occur, or this shows little"


def test_the_execution_book_is_the_sum_of_the_exchanges_own_fills(desk):
    records = run_hours(desk, 40)
    book = records[-1].state.execution
    position = cash = Decimal(0)
    for order in orders_of(desk):
        for fill in order.trades:
            sign = 1 if order.side == "BUY" else -1
            position += sign * fill.quantity - (fill.commission if fill.commission_asset == "BTC" else 0)
            cash -= sign * fill.quantity * fill.price + (fill.commission if fill.commission_asset == "USDT" else 0)
    assert (book.position, book.cash) == (position, cash)
    assert abs(book.target - book.position) * 100 < 5, "what is missing is dust, worth less than the smallest order"
    assert len(orders_of(desk)) == sum(len(record.legs) for record in records)
    identities = [leg.intent.client_order_id for record in records for leg in record.legs]
    assert len(identities) == len(set(identities)) > 3


def test_the_quantity_is_set_when_the_exposure_changes_and_kept_until_then(desk):
    records = run_hours(desk, 40)
    targets = [record.state.execution.target for record in records]
    for before, after, record in zip(targets, targets[1:], records[1:], strict=False):
        if record.state.paper.change == 0:
            assert after == before
            assert record.legs == ()
        else:
            assert after != before


def test_a_run_after_max_lateness_is_missed_the_position_held_and_nothing_sent(desk):
    (first,) = run_hours(desk, 1)
    desk.bot.clock.move_to(close_of(FIRST + HOUR, "1h") + timedelta(minutes=15, seconds=1))
    record = run(desk).record
    assert record.decision.reason is Reason.MISSED
    assert record.decision.target == first.decision.target != 0
    assert record.legs == ()
    assert [hour.open_time for hour in record.settled] == [FIRST]


def test_the_return_of_an_absence_is_settled_hour_by_hour_in_the_next_run(desk):
    (first,) = run_hours(desk, 1)
    (record,) = run_hours(desk, 1, first=FIRST + 30 * HOUR)
    returns = returns_of(KLINES, FIRST, 30)
    assert [hour.open_time for hour in record.settled] == [FIRST + hour * HOUR for hour in range(30)]
    assert [hour.gross for hour in record.settled] == [first.decision.target * move for move in returns]
    assert desk.journal.open_times() == [FIRST, FIRST + 29 * HOUR, FIRST + 30 * HOUR]
    gap = desk.journal.read(FIRST + 29 * HOUR).record
    assert (gap.missed_from, gap.status, gap.decision.reason) == (FIRST + HOUR, Status.COMPLETED, Reason.MISSED)
    assert gap.state == first.state, "the gap record settles nothing and trades nothing"
    assert [row["missed"] for row in desk.ledger.read().to_pylist()] == [0, 29, 0]


def test_an_absence_longer_than_the_window_is_settled_too(tmp_path):
    klines = random_klines(2800, seed=9)
    desk = with_model(make_desk(tmp_path, klines))
    run_hours(desk, 1)
    (record,) = run_hours(desk, 1, first=FIRST + 1300 * HOUR)
    assert len(record.settled) == 1300
    assert record.inputs.klines == 1000


def test_an_hour_that_was_never_published_holds_the_position_and_sends_nothing(tmp_path):
    position = KLINES.index_of(FIRST + HOUR)
    desk = with_model(make_desk(tmp_path, without(KLINES, position)))
    first, filled, after = run_hours(desk, 3)
    assert filled.decision.reason is Reason.FILLED_KLINE
    assert filled.decision.target == first.decision.target != 0
    assert filled.legs == ()
    assert filled.inputs.price == first.inputs.price
    assert filled.settled[0].gross == 0
    assert after.decision.reason in (Reason.LONG, Reason.SHORT)


def test_a_late_kline_is_waited_for_and_then_decided(tmp_path):
    """The market publishes the hour seven minutes after its close: within the lateness, so it is traded."""
    desk = with_model(make_desk(tmp_path, KLINES))
    published = close_of(FIRST, "1h") + timedelta(minutes=7)
    market = _Late(desk.bot.market, clock=desk.bot.clock, published=published)
    desk = another_process(replace_bot(desk, market=market))
    record = run(desk).record
    assert record.decision.reason in (Reason.LONG, Reason.SHORT)
    assert desk.bot.clock.now() >= published


def test_a_run_that_may_not_wait_gives_the_hour_back_for_the_next_process(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES))
    published = close_of(FIRST, "1h") + timedelta(minutes=4)
    market = _Late(desk.bot.market, clock=desk.bot.clock, published=published)
    impatient = replace_bot(desk, market=market, wait=timedelta(seconds=10))
    with pytest.raises(Retryable, match="has not published the kline"):
        run(impatient)
    assert desk.journal.read(FIRST).record.owner == ""
    desk.bot.clock.move_to(close_of(FIRST, "1h") + timedelta(minutes=5))
    later = another_process(impatient)
    began = later.bot.host.monotonic()
    assert run(later).outcome is Outcome.DONE
    assert later.bot.host.monotonic() - began < desk.bot.lease.total_seconds(), "there was no lease to wait for"


def test_a_gap_at_the_head_of_the_window_does_not_shorten_it(tmp_path):
    """The first rows of a later window are missing hours: they stay filled, from the close before them."""
    head = KLINES.index_of(FIRST + 5 * HOUR) - 999
    klines = without(KLINES, head, head + 1, head + 2)
    desk = with_model(make_desk(tmp_path, klines))
    records = run_hours(desk, 9)
    assert [record.inputs.klines for record in records] == [1000] * 9
    fresh = with_model(make_desk(tmp_path / "fresh", klines))
    (record,) = run_hours(fresh, 1, first=FIRST + 5 * HOUR)
    assert record.inputs.klines_digest == records[5].inputs.klines_digest
    expected = fill_gaps(klines).until(FIRST + 5 * HOUR)[-1000:]
    assert record.inputs.window_start == expected.first


def test_a_kline_published_an_hour_late_replaces_the_filled_one(tmp_path):
    missing = KLINES.index_of(FIRST + HOUR)
    desk = with_model(make_desk(tmp_path, without(KLINES, missing)))
    run_hours(desk, 2)
    desk = replace_bot(desk, market=make_desk(tmp_path / "other", KLINES, clock=desk.bot.clock).bot.market)
    (record,) = run_hours(desk, 1, first=FIRST + 2 * HOUR)
    stored = desk.bot.klines.load(SYMBOL, "1h", start=FIRST, end=FIRST + 3 * HOUR)
    assert not stored.filled.any()
    assert record.inputs.price == stored.close[-1]


def test_the_operators_halt_and_resume_are_acted_on_and_journalled(desk):
    run_hours(desk, 1)
    say(desk.bot.storage, mode=ControlMode.HALT, why="looks odd", who="me", at=FIRST)
    (halted,) = run_hours(desk, 1, first=FIRST + HOUR)
    assert halted.decision.reason is Reason.CONTROL_HALT
    assert halted.inputs.control.why == "looks odd"
    assert halted.state.paper.exposure == 0
    assert halted.legs[0].report is not None
    say(desk.bot.storage, mode=ControlMode.RUN, why="fine", who="me", at=FIRST)
    (resumed,) = run_hours(desk, 1, first=FIRST + 2 * HOUR)
    assert resumed.decision.reason in (Reason.LONG, Reason.SHORT)
    assert resumed.state.paper.since_resume == pytest.approx(resumed.settled[0].net)


def test_a_reached_loss_limit_halts_until_a_person_resumes(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES, rules=small_rules(risk={"max_loss": 0.01})))
    records = run_hours(desk, 50)
    reached = next(position for position, record in enumerate(records) if record.marks)
    assert all(record.decision.reason is Reason.HALTED for record in records[reached:])
    assert all(record.state.paper.exposure == 0 for record in records[reached:])
    assert abs(records[-1].state.execution.position) * 100 < 5
    say(desk.bot.storage, mode=ControlMode.RUN, why="looked at it", who="me", at=FIRST)
    (resumed,) = run_hours(desk, 1, first=FIRST + 50 * HOUR)
    assert resumed.decision.reason in (Reason.LONG, Reason.SHORT)


def test_an_account_without_base_cannot_go_short_and_the_run_says_why(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES))
    bot = desk.bot
    venue = replace(VENUE, start_base_notional=Decimal(0))
    poor = SimulatedExchange(storage=bot.storage, market=bot.market, clock=bot.clock, venue=venue)
    desk = replace_bot(desk, exchange=poor)
    records = run_hours(desk, 30)
    shorts = [record for record in records if record.decision.target < 0]
    assert shorts
    assert {record.not_sent for record in shorts if not record.legs} == {NotSent.NO_BASE}
    assert all(record.state.execution.position >= 0 for record in records)
    assert all(record.gap == record.state.execution.target - record.state.execution.position for record in shorts)


def test_an_order_that_the_exchange_refuses_does_not_fail_the_run(tmp_path, caplog):
    desk = with_model(make_desk(tmp_path, KLINES))
    clumsy = _Clumsy(desk.bot.exchange)
    desk = replace_bot(desk, exchange=clumsy)
    with caplog.at_level(logging.WARNING):
        (record,) = run_hours(desk, 1)
    assert record.status is Status.COMPLETED
    assert record.not_sent is NotSent.REFUSED
    assert "LOT_SIZE" in record.legs[0].refused
    assert "LOT_SIZE" in caplog.text
    assert record.state.execution.position == 0


def test_a_copy_that_cannot_be_written_does_not_fail_the_run_and_mends_itself(tmp_path, caplog):
    desk = with_model(make_desk(tmp_path, KLINES))
    in_the_way = tmp_path / f"ledger/{SYMBOL}/1h/{FIRST:%Y-%m}.parquet"
    in_the_way.mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        (first,) = run_hours(desk, 1)
    assert first.status is Status.COMPLETED
    assert "could not be written" in caplog.text
    in_the_way.rmdir()
    run_hours(desk, 1, first=FIRST + HOUR)
    assert desk.ledger.read().column("open_time").to_pylist() == [FIRST, FIRST + HOUR]


def test_a_market_without_klines_is_bad_data_not_an_empty_decision(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    desk = replace_bot(desk, market=_Empty(desk.bot.market))
    with pytest.raises(BadData, match="no closed klines"):
        run(desk)
    assert desk.journal.read(FIRST).record.status is Status.CLAIMED
    assert desk.journal.newest() is None


def replace_bot(desk, **changes):
    """The desk with other collaborators."""
    return type(desk)(bot=replace(desk.bot, **changes), symbol=desk.symbol)


class _Wrapped:
    """A market or exchange with one fault; everything else is the real one."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)


class _Late(_Wrapped):
    """Publishes the newest kline only from a given moment on."""

    def __init__(self, real, *, clock, published):
        super().__init__(real)
        self._clock, self._published = clock, published

    def klines(self, symbol, interval, *, start, end) -> Klines:
        found = self._real.klines(symbol, interval, start=start, end=end)
        if self._clock.now() < self._published:
            return found[found.open_time < KLINES.open_time[KLINES.index_of(FIRST)]]
        return found


class _Empty(_Wrapped):
    """Has only a forming kline, so no closed one."""

    def klines(self, symbol, interval, *, start, end) -> Klines:
        return concat([], interval)


class _Clumsy(_Wrapped):
    """Sends a quantity that no filter accepts, as a bot with stale rules would."""

    def submit(self, intent):
        return self._real.submit(replace(intent, quantity=Decimal("0.000001")))
