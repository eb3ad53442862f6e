"""Live equals backtest: the run, hour by hour from storage and market, against one vectorised pass over all history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import real
from tests.builders import HOUR, Quiet, random_klines, without
from tests.desks import FIRST, RECIPE, SYMBOL, make_desk, small_rules, with_model
from trader.adapters.clocks import VirtualClock
from trader.bootstrap import build_replay
from trader.config import Settings
from trader.core.indicators import FEATURE_PRESETS, FILTER_INDICATORS, compute_indicators
from trader.core.klines import fill_gaps, from_ms
from trader.core.risk import OnHalt
from trader.jobs.replay import install_model, replay
from trader.jobs.run import run
from trader.jobs.train import train_stored
from trader.ml.backtest import backtest
from trader.ml.training import train_model
from trader.store.journal import Journal


def assert_same(records, tested):
    """Every number of the live records equals the backtest's, bit for bit."""
    table = [
        (r.inputs.p_up, r.state.paper.exposure, r.decision.reason, r.state.paper.net, r.state.paper.since_resume)
        for r in records
    ]
    p_up, exposure, reasons, net, _ = zip(*table, strict=True)
    assert np.array_equal(np.array(p_up, dtype=float), tested.p_up, equal_nan=True)
    assert np.array_equal(np.array(exposure), tested.exposure)
    assert reasons == tested.reasons
    settled = [hour for record in records for hour in record.settled]
    assert np.array_equal(np.array([hour.gross for hour in settled]), tested.gross)
    assert np.array_equal(np.array([hour.net for hour in settled]), tested.net)
    assert net[-1] == tested.book.net
    assert [mark for record in records for mark in record.marks] == list(tested.marks)
    assert records[-1].state.paper == tested.book


@pytest.fixture(scope="module")
def history():
    """Synthetic klines with gaps, some of them while the bot runs."""
    first = 1400
    return without(random_klines(first + 330, seed=3), 700, 701, first + 50, first + 51, first + 52, first + 200)


@pytest.mark.parametrize(
    "on_halt",
    [OnHalt.RESUME_AFTER, *(pytest.param(rule, marks=pytest.mark.slow) for rule in (OnHalt.STOP, OnHalt.MARK))],
)
def test_a_replay_equals_one_vectorised_pass_also_over_gaps_and_halts(tmp_path, history, on_halt):
    rules = small_rules(band=0.02, risk={"max_loss": 0.03})
    rules = replace(rules, risk=replace(rules.risk, on_halt=on_halt, resume_after=timedelta(hours=20)))
    desk = with_model(make_desk(tmp_path, history, rules=rules))
    end = FIRST + 300 * HOUR
    outcome = replay(desk, clock=desk.bot.clock, start=FIRST, end=end, progress=Quiet())
    model = desk.models.load(desk.models.champion().model_id)
    tested = backtest(fill_gaps(history), model=model, rules=rules, start=FIRST, end=end)
    records = [desk.journal.read(time).record for time in desk.journal.open_times()]
    assert outcome.runs == len(records) == 300
    assert tested.marks, "the limit has to be reached, or this shows nothing about halts"
    assert len(set(tested.exposure)) > 1
    assert sum(reason == "filled-kline" for reason in tested.reasons) == 4
    assert_same(records, tested)
    figures = tested.performance()
    assert (outcome.performance.net, outcome.performance.round_trips) == (figures.net, figures.round_trips)


def test_a_run_that_sees_only_its_window_decides_what_one_with_all_history_decides(tmp_path, history):
    """The market here holds nothing older than the window of the run, so nothing else can have been read."""
    filled = fill_gaps(history)
    model = train_model(
        filled.until(FIRST - HOUR), symbol=SYMBOL, recipe=RECIPE, now=FIRST, versions={"trader": "test"}
    )
    tested = backtest(filled, model=model, rules=small_rules(), start=FIRST, end=FIRST + HOUR)
    window = filled.until(FIRST)[-1000:]
    desk = make_desk(tmp_path, window)
    desk.models.save(model)
    desk.models.promote(model.card.model_id, now=FIRST, why="for a test")
    record = run(desk).record
    assert record.inputs.klines == 1000
    assert record.inputs.window_start == window.first
    assert record.inputs.p_up == tested.p_up[0]
    assert record.state.paper.exposure == tested.exposure[0]


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(min_value=1, max_value=299), seed=st.integers(min_value=0, max_value=3))
def test_cutting_off_the_future_changes_nothing_before_the_cut(cut, seed):
    klines = fill_gaps(without(random_klines(1700, seed=seed), 1450, 1451, 1502))
    model = train_model(
        klines.until(FIRST - HOUR), symbol=SYMBOL, recipe=RECIPE, now=FIRST, versions={"trader": "test"}
    )
    rules = small_rules(band=0.01, risk={"max_loss": 0.05})
    whole = backtest(klines, model=model, rules=rules, start=FIRST, end=FIRST + 300 * HOUR)
    cut_off = klines.until(FIRST + (cut - 1) * HOUR)
    part = backtest(cut_off, model=model, rules=rules, start=FIRST, end=FIRST + cut * HOUR)
    names = (*FEATURE_PRESETS["ten"], *FILTER_INDICATORS)
    assert np.array_equal(
        compute_indicators(cut_off, names), compute_indicators(klines, names)[: len(cut_off)], equal_nan=True
    )
    assert np.array_equal(part.p_up, whole.p_up[:cut], equal_nan=True)
    assert np.array_equal(part.exposure, whole.exposure[:cut])
    assert np.array_equal(part.net, whole.net[: cut - 1])
    assert part.reasons == whole.reasons[:cut]


@pytest.fixture(scope="module")
def real_klines(real_data):
    """BTCUSDT 2017-08 to 2022-05, gap-filled."""
    return real.real_klines(real_data, "BTCUSDT", end=datetime(2022, 6, 1, tzinfo=UTC))


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(("on_halt", "band"), [(OnHalt.MARK, 0.1), (OnHalt.MARK, 0.0), (OnHalt.STOP, 0.02)])
def test_five_real_months_replayed_equal_one_pass_over_the_full_history(tmp_path, real_klines, on_halt, band):
    start, end = datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 6, 1, tzinfo=UTC)
    configured = Settings(decision={"band": band})
    desk, clock = build_replay(
        configured, klines=real_klines, symbol=SYMBOL, scratch=tmp_path, on_halt=on_halt, resume_after=None
    )
    card = install_model(desk, clock=clock, stored=None, start=start, end=end, in_sample=False)
    outcome = replay(desk, clock=clock, start=start, end=end, progress=Quiet())
    journal = Journal(desk.bot.storage, bot_id="bot", symbol=SYMBOL, interval="1h")
    records = [journal.read(time).record for time in journal.open_times()]
    assert outcome.runs == len(records) == 3624
    tested = backtest(real_klines, model=desk.models.load(card.model_id), rules=desk.bot.rules, start=start, end=end)
    assert_same(records, tested)
    features = compute_indicators(real_klines, card.features)[real_klines.index_of(start) : real_klines.index_of(end)]
    recorded = np.array([[record.inputs.features[name] for name in card.features] for record in records])
    assert np.array_equal(recorded, features)
    mfi = [position for position, name in enumerate(card.features) if name.startswith("mfi")]
    assert (features[:, mfi] == 0).any(axis=1).sum() > 0, "the hours in which windows used to disagree are among them"
    if on_halt is OnHalt.STOP:
        assert outcome.halts == 1
        assert tested.exposure[-1] == 0


@pytest.mark.parametrize(
    "gap", [range(300, 550), range(395, 402), range(401, 402), range(1390, 1400), range(1395, 1405)]
)
def test_a_gap_where_the_window_begins_or_the_replay_does_changes_nothing(tmp_path, gap):
    """The first decision's window begins at row 401; its first rows have to be filled from a close before the gap."""
    klines = without(random_klines(1500, seed=3), *gap)
    desk = with_model(make_desk(tmp_path, klines))
    model = desk.models.load(desk.models.champion().model_id)
    stored = make_desk(tmp_path / "stored", klines)
    stored.bot.klines.append(SYMBOL, klines)
    assert train_stored(stored, end=FIRST, promote_anyway=False).model_id == model.card.model_id
    end = FIRST + 30 * HOUR
    replay(desk, clock=desk.bot.clock, start=FIRST, end=end, progress=Quiet())
    tested = backtest(fill_gaps(klines), model=model, rules=desk.bot.rules, start=FIRST, end=end)
    records = [desk.journal.read(time).record for time in desk.journal.open_times()]
    assert_same(records, tested)
    assert "warm-up" not in tested.reasons


@pytest.mark.parametrize("interval", ["1h", "15m", "1d"])
def test_after_a_gap_longer_than_the_window_replay_and_backtest_go_on_alike(tmp_path, interval):
    klines = without(random_klines(2700, seed=4, interval=interval), *range(1450, 2600))
    full = fill_gaps(klines)
    model = train_model(full[:1400], symbol=SYMBOL, recipe=RECIPE_OF[interval], now=FIRST, versions={"trader": "test"})
    rules = small_rules(risk={"model_max_age_days": 3650, "range_margin": 1000.0})
    start, end = from_ms(full.open_time[2590]), from_ms(full.open_time[2640])
    desk = make_desk(tmp_path, klines, rules=rules, clock=VirtualClock(start))
    desk.models.save(model)
    desk.models.promote(model.card.model_id, now=FIRST, why="for a test")
    replay(desk, clock=desk.bot.clock, start=start, end=end, progress=Quiet())
    tested = backtest(full, model=model, rules=rules, start=start, end=end)
    assert_same([desk.journal.read(time).record for time in desk.journal.open_times()], tested)
    assert len(set(tested.exposure)) > 1


RECIPE_OF = {"1h": RECIPE, "15m": RECIPE, "1d": replace(RECIPE, look_back_days=360)}
