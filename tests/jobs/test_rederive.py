"""Where a run comes out differently today: other klines, no model, other code, another environment."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.builders import HOUR, START, random_klines
from tests.desks import FIRST, SYMBOL, with_model
from tests.jobs.lived import (
    FILLED,
    HOURS,
    KLINES,
    RETRAINED,
    alter,
    causes_at,
    check,
    desk_on,
    found_at,
    put,
    record_of,
    turned,
)
from tests.jobs.test_run import replace_bot, run_hours
from trader.core.decision import Decision, Reason
from trader.core.errors import BadData
from trader.jobs.verification import rederive
from trader.jobs.verification.differences import Cause


@pytest.fixture
def desk(lived, tmp_path):
    """The lived-through store, one's own."""
    shutil.copytree(lived, tmp_path / "store")
    return desk_on(tmp_path / "store")


def test_revised_klines_are_told_from_other_differences_and_the_decision_is_made_from_the_recorded_features(desk):
    revised = KLINES.between(FIRST + 7 * HOUR, FIRST + 8 * HOUR)
    desk.bot.klines.append(SYMBOL, replace(revised, close=revised.close * 1.001, high=revised.high * 1.01))
    found = check(desk)
    assert set(found.causes) == {Cause.REVISION}
    assert found.revised == found.runs - 7 - 2, "every window from that kline on, but two records hold no inputs"
    first = found_at(found, 7)[0]
    assert first.what == "inputs.klines_digest"
    assert repr(float(revised.close[0])) in first.recorded
    assert repr(float(revised.close[0] * 1.001)) in first.derived
    assert "2024-02" in first.derived
    assert "rsi_7" in first.derived


def test_revised_klines_on_which_nothing_depends_any_more_are_only_counted(desk):
    revised = KLINES.between(FIRST + 7 * HOUR, FIRST + 8 * HOUR)
    desk.bot.klines.append(SYMBOL, replace(revised, volume=revised.volume * 2))
    found = check(desk)
    assert max(each.open_time for each in found.differences) < FIRST + (7 + 24) * HOUR
    assert len(found.differences) < found.revised


def test_on_revised_klines_an_altered_decision_still_shows(desk):
    revised = KLINES.between(FIRST + 7 * HOUR, FIRST + 8 * HOUR)
    desk.bot.klines.append(SYMBOL, replace(revised, volume=revised.volume * 2))
    alter(desk, 9, put("state", "paper", "peak", plus=0.01), sealed=True)
    found = check(desk)
    assert causes_at(found, 7) == {Cause.REVISION}
    assert {each.what: each.cause for each in found_at(found, 9)}["state.paper.peak"] is Cause.CODE


def test_a_kline_that_was_published_after_all_is_a_revision_of_the_filled_hour(desk):
    desk.bot.klines.append(SYMBOL, random_klines(1460, seed=6).between(FIRST + FILLED * HOUR, FIRST + 11 * HOUR))
    found = check(desk)
    assert set(found.causes) == {Cause.REVISION}
    assert causes_at(found, FILLED) == {Cause.REVISION}


def test_closes_of_a_long_absence_that_no_digest_vouches_for_are_a_revision(tmp_path):
    klines = random_klines(2600, seed=9)
    desk = with_model(desk_on(tmp_path, klines=klines))
    run_hours(desk, 1)
    run_hours(desk, 1, first=FIRST + 1100 * HOUR)
    assert check(desk).is_clean
    revised = klines.between(FIRST + 20 * HOUR, FIRST + 21 * HOUR)
    desk.bot.klines.append(SYMBOL, replace(revised, close=revised.close * 1.001, high=revised.high * 1.01))
    found = check(desk)
    assert set(found.causes) == {Cause.REVISION}
    assert "settled[19].gross" in {each.what for each in found.differences}


def test_klines_that_are_not_stored_cannot_be_checked_which_is_said_once(desk):
    (key,) = desk.bot.storage.keys(f"klines/{SYMBOL}/1h/2024-02")
    desk.bot.storage.delete(key)
    found = check(desk)
    assert set(found.causes) == {Cause.DATA}
    assert "2024-02" in found.differences[0].derived
    assert "trader ingest" in found.differences[0].advice
    assert found.unchecked == found.runs - 2
    assert len(found.differences) < 4


def test_the_newest_kline_that_a_killed_process_left_to_the_next_one_to_store_is_no_difference(desk):
    (key,) = desk.bot.storage.keys(f"klines/{SYMBOL}/1h/2024-03")
    desk.bot.storage.delete(key)
    until = KLINES.between(START + 60 * 24 * HOUR, FIRST + (HOURS - 1) * HOUR)
    desk.bot.klines.append(SYMBOL, until)
    found = check(desk)
    assert found.differences == ()
    assert found.unchecked == 1
    desk.bot.storage.delete(key)
    desk.bot.klines.append(SYMBOL, until[:-1])
    assert set(check(desk).causes) == {Cause.DATA}


def test_a_lost_model_cannot_be_checked_which_is_said_once_and_the_rest_is(desk):
    model_id = record_of(desk, 0).inputs.model_id
    for key in desk.bot.storage.keys(f"models/{SYMBOL}/1h/{model_id}/"):
        desk.bot.storage.delete(key)
    (difference,) = check(desk).differences
    assert (difference.what, difference.cause) == ("inputs.model_id", Cause.DATA)
    assert check(desk).unchecked == RETRAINED - 3, "all until the next model but the filled hour's, which has one too"
    alter(desk, 5, turned("state", "paper", "exposure"), sealed=True)
    assert causes_at(check(desk), 5) == {Cause.RECORD}


def rounded_otherwise(klines, names):
    """The indicators with one decimal less."""
    return np.round(_as_it_is(klines, names), 5)


_as_it_is = rederive.compute_indicators


def test_code_that_rounds_otherwise_is_told_from_altered_records(desk, monkeypatch):
    monkeypatch.setattr(rederive, "compute_indicators", rounded_otherwise)
    found = check(desk)
    assert set(found.causes) == {Cause.CODE}
    assert len({each.open_time for each in found.differences}) > 30
    assert all("version that the record names" in each.advice for each in found.differences)


def test_code_that_decides_otherwise_shows_in_the_decision_alone(desk, monkeypatch):
    flat = Decision(target=0.0, reason=Reason.HELD)
    monkeypatch.setattr("trader.core.strategy.decide", lambda **_: flat)
    found = check(desk)
    assert set(found.causes) == {Cause.CODE}
    assert {each.what.partition(".")[0] for each in found.differences} == {"decision", "state"}


def test_other_versions_with_equal_results_are_no_difference(desk):
    versions = {**desk.bot.versions, "numpy": "0.1", "trader": "0.0.1"}
    assert check(replace_bot(desk, versions=versions)).is_clean


@pytest.mark.parametrize(
    ("name", "cause"), [("numpy", Cause.ENVIRONMENT), ("trader", Cause.CODE), ("commit", Cause.CODE)]
)
def test_another_result_in_another_environment_is_blamed_on_that_and_in_another_version_on_the_code(
    desk, monkeypatch, name, cause
):
    monkeypatch.setattr(rederive, "compute_indicators", rounded_otherwise)
    then = desk.bot.versions[name] or "unknown"
    found = check(replace_bot(desk, versions={**desk.bot.versions, name: "99"}))
    assert set(found.causes) == {cause}
    assert found.differences[0].advice.startswith(f"{name} was {then}, is 99: ")


def test_damaged_klines_stop_the_verification(desk):
    (key,) = desk.bot.storage.keys(f"klines/{SYMBOL}/1h/2024-02")
    desk.bot.storage.put(key, b"PAR1")
    with pytest.raises(BadData, match="2024-02"):
        check(desk)
