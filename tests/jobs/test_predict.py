"""A prediction is what the next run sees and decides, bit for bit, and leaves the store byte for byte as it was."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, random_klines, without
from tests.cli.conftest import contents
from tests.desks import FIRST, SYMBOL, make_desk, move_to_run, small_rules, with_model
from trader.cli.api.world import RulesOnly
from trader.core.decision import Reason
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.risk import ControlMode
from trader.jobs.bot import Desk
from trader.jobs.predict import NoModel, UnfitRow, UnstoredKlines, predict_latest, predict_row
from trader.jobs.run import run
from trader.jobs.train import promote, train
from trader.store.control import say
from trader.store.predictions import Subject
from trader.store.read_only import ReadOnly

KLINES = random_klines(1460, seed=5)


@pytest.fixture
def desk(tmp_path):
    """A bot that has done its first run a few seconds ago."""
    desk = with_model(make_desk(tmp_path / "store", KLINES))
    run(desk)
    return desk


def looking(desk: Desk, **changes) -> Desk:
    """The same bot as the service has it."""
    storage = ReadOnly(desk.bot.storage)
    parts = {"storage": storage, "klines": UnstoredKlines(storage), "exchange": RulesOnly(desk.bot.market)}
    return Desk(bot=replace(desk.bot, **parts, **changes), symbol=SYMBOL)


def same_as_run(found, record):
    """Compare with `==` what a prediction says and what a run wrote down."""
    inputs, decision = record.inputs, record.decision
    assert found.open_time == record.key.open_time
    assert (found.p_up, found.features) == (inputs.p_up, inputs.features)
    assert (found.volatility, found.volume_ratio) == (inputs.volatility, inputs.volume_ratio)
    assert (found.klines_digest, found.klines, found.window_start) == (
        inputs.klines_digest,
        inputs.klines,
        inputs.window_start,
    )
    assert (found.price, found.model_id, found.model_last) == (inputs.price, inputs.model_id, inputs.model_last)
    assert (found.exposure, found.reason) == (decision.target, decision.reason)


def test_the_next_runs_are_predicted_bit_for_bit_and_nothing_is_written(desk, tmp_path):
    exposures = set()
    for hour in range(1, 16):
        move_to_run(desk, FIRST + hour * HOUR)
        before = contents(tmp_path)
        found = predict_latest(looking(desk))
        assert contents(tmp_path) == before
        assert (found.is_decided, found.subject) == (False, Subject.LATEST)
        assert found.held_since == FIRST + (hour - 1) * HOUR
        same_as_run(found, run(desk).record)
        exposures.add(found.exposure)
    assert exposures == {-1.0, 1.0}, "the stretch shows that the held exposure matters, or it shows nothing"


def test_the_hours_of_an_absence_are_settled_as_the_next_run_will(desk):
    move_to_run(desk, FIRST + 5 * HOUR)
    found = predict_latest(looking(desk))
    assert found.held_since == FIRST
    same_as_run(found, run(desk).record)


def test_an_absence_longer_than_the_window_is_settled_too(tmp_path):
    desk = with_model(make_desk(tmp_path, random_klines(2460, seed=5)))
    run(desk)
    move_to_run(desk, FIRST + 1030 * HOUR)
    found = predict_latest(looking(desk))
    assert found.klines == 1000
    same_as_run(found, run(desk).record)


def test_a_window_that_begins_in_a_gap_is_reached_back_for_and_not_stored(tmp_path):
    first = KLINES.index_of(FIRST) - 999
    desk = with_model(make_desk(tmp_path, without(KLINES, *range(first - 3, first + 2))))
    move_to_run(desk, FIRST)
    (tmp_path / "klines" / SYMBOL / "1h" / "2024-01.parquet").unlink()
    before = contents(tmp_path)
    found = predict_latest(looking(desk))
    assert contents(tmp_path) == before
    same_as_run(found, run(desk).record)


def test_a_loss_limit_that_the_next_run_will_reach_is_seen_before_it(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES, rules=small_rules(risk={"max_loss": 0.0001})))
    for hour in range(30):
        move_to_run(desk, FIRST + hour * HOUR)
        found = predict_latest(looking(desk))
        same_as_run(found, run(desk).record)
        if found.reason is Reason.HALTED:
            assert found.exposure == 0.0
            return
    raise AssertionError("no limit was reached; the test shows nothing")


def test_a_kline_that_is_decided_is_told_with_what_is_held_since(desk):
    found = predict_latest(looking(desk))
    record = desk.journal.read(FIRST).record
    assert found.is_decided
    assert (found.open_time, found.held_since) == (FIRST, FIRST)
    assert (found.p_up, found.features, found.klines_digest) == (
        record.inputs.p_up,
        record.inputs.features,
        record.inputs.klines_digest,
    )
    assert found.exposure == record.decision.target == found.held


def test_an_hour_that_is_over_is_missed_and_holds(desk):
    desk.bot.clock.move_to(FIRST + 2 * HOUR + timedelta(minutes=16))
    found = predict_latest(looking(desk))
    assert (found.reason, found.exposure) == (Reason.MISSED, found.held)
    assert found.p_up is not None
    same_as_run(found, run(desk).record)


def test_the_operators_switch_is_heeded_and_a_lost_one_is_no_licence(desk, tmp_path):
    say(desk.bot.storage, mode=ControlMode.HALT, why="holidays", who="anna", at=desk.bot.clock.now())
    move_to_run(desk, FIRST + HOUR)
    found = predict_latest(looking(desk))
    assert (found.exposure, found.reason) == (0.0, Reason.CONTROL_HALT)
    assert predict_row(looking(desk), found.features).reason is Reason.CONTROL_HALT
    same_as_run(found, run(desk).record)
    (tmp_path / "store" / "control.json").unlink()
    with pytest.raises(BadData, match="switch"):
        predict_latest(looking(desk))


def test_without_a_champion_there_is_no_prediction_and_none_is_trained(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    before = contents(tmp_path)
    with pytest.raises(NoModel, match="trader run"):
        predict_latest(looking(desk))
    assert contents(tmp_path) == before


def test_another_champion_is_asked_from_the_next_prediction_on(desk):
    viewer = looking(desk)
    first = predict_latest(viewer)
    promote(desk, train(desk, last=FIRST - 100 * HOUR, why="another").card, why="for a test")
    second = predict_latest(viewer)
    assert second.model_id != first.model_id
    assert second.p_up != first.p_up
    move_to_run(desk, FIRST + HOUR)
    same_as_run(predict_latest(viewer), run(desk).record)


def test_a_kline_that_is_not_out_yet_is_not_waited_for(desk):
    class Silent:
        def __init__(self, market):
            self.market = market

        def klines(self, *_, **__):
            return KLINES[:0]

        def rules(self, symbol):
            return self.market.rules(symbol)

    move_to_run(desk, FIRST + HOUR)
    with pytest.raises(Retryable, match="not published"):
        predict_latest(looking(desk, market=Silent(desk.bot.market), wait=timedelta(0)))


def test_a_given_row_gets_what_the_model_says_to_it_and_what_is_assumed_is_said(desk):
    record = desk.journal.read(FIRST).record
    backwards = dict(reversed(record.inputs.features.items()))
    found = predict_row(looking(desk), backwards)
    assert (found.subject, found.p_up) == (Subject.ROW, record.inputs.p_up)
    assert found.exposure == record.decision.target == found.held
    assert (found.klines_digest, found.klines, found.price) == (None, None, None)
    assert found.assumed == (
        f"the exposure held is the paper book's, {found.held:g}",
        "volatility_24 is not in the row and taken as 0, which passes the entry filter",
        "volume_ratio_24 is not in the row and taken as 0, which passes the entry filter",
    )


def test_a_row_far_outside_of_the_training_range_is_flat_as_in_a_run(desk):
    record = desk.journal.read(FIRST).record
    found = predict_row(looking(desk), {**record.inputs.features, "ma_5": 1e6})
    assert (found.exposure, found.reason) == (0.0, Reason.OUT_OF_RANGE)
    assert 0 < found.p_up < 1


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"ma_6": 1.0}, {"unknown": ["ma_6"]}),
        ({"ma_5": None}, {"missing": ["ma_5"]}),
        ({"ma_5": math.nan, "ma_10": -math.inf}, {"not a number": ["ma_5", "ma_10"]}),
        ({"ma_5": 3.5e38}, {"not a number": ["ma_5"]}),
        ({"ma_5": None, "MA_5": math.nan}, {"unknown": ["MA_5"], "missing": ["ma_5"], "not a number": ["MA_5"]}),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_the_names_that_do_not(desk, change, names):
    features = {**desk.journal.read(FIRST).record.inputs.features, **change}
    with pytest.raises(UnfitRow) as caught:
        predict_row(looking(desk), {name: value for name, value in features.items() if value is not None})
    assert caught.value.names == names
    assert isinstance(caught.value, BadConfig)
