"""Every journalled run made again: a store that was lived through is clean, and whatever is altered in it is named."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, Quiet, random_klines
from tests.desks import FIRST, make_desk, with_model
from tests.jobs.lived import (
    ABSENT,
    CLAIMED,
    FILLED,
    HALTED,
    HOURS,
    KLINES,
    LATE,
    RESET,
    RETRAINED,
    alter,
    causes_at,
    check,
    desk_on,
    found_at,
    path_of,
    put,
    record_of,
    turned,
)
from tests.jobs.test_account import change_account, deposit
from tests.jobs.test_run import run_hours
from trader.core.decision import Reason
from trader.core.errors import BadConfig, NewerSchema
from trader.core.journal import Origin
from trader.core.risk import ControlMode
from trader.jobs.claim import claim
from trader.jobs.replay import replay
from trader.jobs.verification.differences import Cause
from trader.store.codec import to_json
from trader.store.control import say
from trader.store.journal import seal_of

LAST = FIRST + (HOURS - 1) * HOUR


@pytest.fixture
def desk(lived, tmp_path):
    """The lived-through store, one's own."""
    shutil.copytree(lived, tmp_path / "store")
    return desk_on(tmp_path / "store")


def contents(desk):
    return {key: desk.bot.storage.get(key).data for key in desk.bot.storage.keys("")}


def test_a_store_in_which_everything_happened_is_clean_and_stays_as_it_is(desk):
    before = contents(desk)
    found = check(desk)
    assert found.differences == ()
    assert found.is_clean
    assert contents(desk) == before
    assert (found.runs, found.first, found.last) == (HOURS - len(ABSENT) + 1, FIRST, LAST)
    assert found.probabilities == found.bitwise_equal == found.runs - 3, "all but the filled, the absence and the claim"
    assert (found.missed, found.gaps, found.filled) == (1 + len(ABSENT) + 1, 1, 1)
    assert found.orders > 5


def test_the_store_holds_what_it_is_said_to_hold(desk):
    reasons = {hour: record_of(desk, hour).decision.reason for hour in (FILLED, LATE, ABSENT[-1], HALTED, CLAIMED)}
    assert reasons == {
        FILLED: Reason.FILLED_KLINE,
        LATE: Reason.MISSED,
        ABSENT[-1]: Reason.MISSED,
        HALTED: Reason.CONTROL_HALT,
        CLAIMED: Reason.MISSED,
    }
    assert record_of(desk, LATE).inputs.p_up is not None
    assert record_of(desk, CLAIMED).inputs is None
    assert record_of(desk, ABSENT[-1]).missed_from == FIRST + ABSENT[0] * HOUR
    assert record_of(desk, RETRAINED - 1).inputs.model_id != record_of(desk, RETRAINED).inputs.model_id
    assert (record_of(desk, RESET - 1).state.epoch, record_of(desk, RESET).state.epoch) == (1, 2)


def test_a_part_of_the_journal_is_checked_from_the_books_before_it(desk):
    for first, last in ((7, 12), (ABSENT[-1] + 1, 30), (CLAIMED + 1, CLAIMED + 1)):
        found = check(desk, start=FIRST + first * HOUR, end=FIRST + last * HOUR)
        assert found.differences == ()
        assert found.runs == last - first + 1
    alter(desk, 5, put("state", "paper", "net", plus=1e-9), sealed=True)
    assert check(desk, start=FIRST + 7 * HOUR).is_clean
    assert not check(desk, start=FIRST + 6 * HOUR).is_clean, "its books do not follow from those before"


TRAINED = {"number": 9, "at": "2024-02-28T00:00:00Z", "model_id": "", "outcome": "rejected"}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    ("what", "hour", "change"),
    [
        ("inputs.p_up", 5, put("inputs", "p_up", plus=1e-9)),
        ("inputs.price", 5, put("inputs", "price", plus=1e-9)),
        ("inputs.control.mode", 5, put("inputs", "control", "mode", to="halt")),
        ("inputs.control.mode", HALTED, put("inputs", "control", "mode", to="run")),
        ("decision.target", 5, turned("decision", "target")),
        ("state.paper.exposure", 5, turned("state", "paper", "exposure")),
        ("settled[0].net", 5, put("settled", 0, "net", plus=1e-9)),
        ("settled[0].exposure", 5, turned("settled", 0, "exposure")),
        ("state.paper.net", 5, put("state", "paper", "net", plus=1e-9)),
        ("state.paper.net", ABSENT[-1], put("state", "paper", "net", plus=1e-9)),
        ("state.paper.net", CLAIMED, put("state", "paper", "net", plus=1e-9)),
        ("state.execution.cash", 0, put("legs", 0, "report", "fills", 0, "price", to="90.00")),
        ("state.execution.cash", RESET, put("legs", 0, "report", "fills", 0, "price", to="90.00")),
        ("state.execution.carried", RESET, put("state", "execution", "carried", to="1.0")),
        ("state.execution.target", 0, put("state", "execution", "target", to="1.0")),
        ("legs", 0, put("legs", 0, "report", "fills", 0, "quantity", to="1.0")),
        ("legs[0].intent.client_order_id", 0, put("legs", 0, "intent", "client_order_id", to="x")),
        ("legs[0]", 0, put("legs", 0, "report", to=None)),
        ("legs[0]", 0, lambda fields: fields["legs"].append(fields["legs"][0])),
        ("legs[0].report", 0, put("legs", 0, "report", "quantity", to="1.0")),
        ("gap", 0, put("gap", to="1.0")),
        ("not_sent", 6, put("not_sent", to=None)),
        ("state.epoch", 5, put("state", "epoch", to=2)),
        ("state.allocation.base", 5, put("state", "allocation", "base", to="1.0")),
        ("trigger.due_since", 5, put("trigger", "due_since", to="2024-02-28T00:00:00Z")),
        ("trigger.due_to", 5, put("trigger", "due_to", to="idle")),
        ("inputs.trained.number", 5, put("inputs", "trained", to=TRAINED)),
        ("rules", 5, put("rules", to=None)),
        ("record", 5, put("state", "paper", "close", to=0.0)),
        ("record", 5, put("status", to="decided")),
        ("record", 5, put("state", to=None)),
    ],
)
def test_an_altered_record_is_named_also_when_it_is_sealed_anew(desk, what, hour, change, sealed):
    alter(desk, hour, change, sealed=sealed)
    found = check(desk)
    named = {each.what: each for each in found_at(found, hour)}
    assert what in named, named
    assert causes_at(found, hour) == {Cause.RECORD}
    assert "restore" in named[what].advice
    assert sealed or {"seal", "record"} & named.keys()
    elsewhere = {(each.open_time - FIRST) // HOUR for each in found.differences if each.cause is not Cause.COPY}
    assert elsewhere <= {hour, hour + 1}, "an altered record shows itself, and at most in the one that follows from it"


@pytest.mark.parametrize(
    "change",
    [
        put("inputs", "features", "rsi_7", plus=1e-6),
        put("inputs", "volatility", plus=1e-6),
        put("rules", "costs", "fee_rate", to=0.0),
        put("versions", "numpy", to="1.0"),
        put("timings", "commit", to=0.0),
        put("state", "opening", "BTC", to="1.0"),
    ],
)
def test_whatever_is_edited_breaks_the_seal(desk, change):
    alter(desk, 5, change, sealed=False)
    found = check(desk)
    assert "seal" in {each.what for each in found_at(found, 5)}
    assert causes_at(found, 5) == {Cause.RECORD}


def test_a_feature_that_was_altered_and_sealed_anew_is_named_and_the_advice_says_what_it_may_be(desk):
    alter(desk, 5, put("inputs", "features", "rsi_7", plus=1e-6), sealed=True)
    copy, difference = sorted(check(desk).differences, key=lambda each: each.cause is not Cause.COPY)
    assert difference.what == "inputs.features.rsi_7"
    assert "altered and sealed anew" in difference.advice
    assert copy.cause is Cause.COPY, "the ledger holds the features as they were"


def test_less_than_the_tolerance_is_no_difference_but_not_bitwise_equal_either(desk):
    clean = check(desk)
    alter(desk, 5, put("inputs", "p_up", plus=1e-14), sealed=True)
    found = check(desk)
    assert found.differences == ()
    assert found.bitwise_equal == clean.bitwise_equal - 1


@pytest.mark.parametrize("hour", [0, 5, ABSENT[-1], HOURS - 1])
def test_a_removed_record_is_a_hole_in_the_chain(desk, hour):
    path_of(desk, hour).unlink()
    found = check(desk)
    assert {each.cause for each in found.differences} == {Cause.RECORD}
    assert {each.what for each in found.differences} == {"journal"}
    assert any("do not rebuild the ledger" in each.advice for each in found_at(found, hour))


def test_the_last_record_that_is_removed_is_missed_by_the_state(desk):
    path_of(desk, HOURS - 1).unlink()
    assert "a run, as the state has its books" in {each.derived for each in check(desk).differences}


def test_an_order_id_that_was_used_before_is_named(desk):
    identity = record_of(desk, 0).legs[0].intent.client_order_id
    later = next(hour for hour in range(1, HOURS) if hour not in ABSENT[:-1] and record_of(desk, hour).legs)
    alter(desk, later, put("legs", 0, "intent", "client_order_id", to=identity), sealed=True)
    assert f"sent as {identity} again" in {each.recorded for each in found_at(check(desk), later)}


def test_a_record_that_cannot_be_read_is_named_and_the_rest_is_checked(desk):
    path_of(desk, 5).write_bytes(path_of(desk, 5).read_bytes()[:100])
    alter(desk, 9, put("inputs", "p_up", plus=1e-9), sealed=True)
    found = check(desk)
    assert [(each.what, each.cause) for each in found_at(found, 5)] == [("record", Cause.RECORD)]
    assert "not complete JSON" in found_at(found, 5)[0].recorded
    assert causes_at(found, 9) == {Cause.RECORD}
    assert found.runs == check(desk, end=FIRST + 4 * HOUR).runs + check(desk, start=FIRST + 6 * HOUR).runs


def test_a_record_of_a_newer_version_is_not_judged(desk):
    alter(desk, 5, put("schema", to=99), sealed=False)
    with pytest.raises(NewerSchema, match="upgrade"):
        check(desk)


def test_a_run_that_is_under_way_is_no_difference(desk):
    claim(desk_at(desk, HOURS), FIRST + HOURS * HOUR, gone=set())
    found = check(desk)
    assert found.differences == ()
    assert (found.unfinished, found.runs) == (1, HOURS - 2)


def desk_at(desk, hour):
    desk.bot.clock.move_to(FIRST + (hour + 1) * HOUR)
    return desk


def test_a_replayed_store_verifies_clean(tmp_path):
    klines = random_klines(1600, seed=8)
    desk = with_model(desk_on(tmp_path, klines=klines, mode="replay", origin=Origin.REPLAY))
    desk.bot.storage.delete("bot.json")
    replay(desk, clock=desk.bot.clock, start=FIRST, end=FIRST + 60 * HOUR, progress=Quiet())
    found = check(desk)
    assert found.differences == ()
    assert (found.runs, found.bitwise_equal) == (60, 60)


def test_an_hour_late_on_the_market_and_a_young_bot_verify_clean(tmp_path):
    """Before the warm-up is over, and before there is a model."""
    young = desk_on(tmp_path, klines=KLINES.until(FIRST + 3 * HOUR)[-1000:])
    run_hours(young, 3)
    reasons = Counter(record_of(young, hour).decision.reason for hour in range(3))
    assert set(reasons) <= {Reason.WARM_UP, Reason.NO_MODEL}
    assert check(young).differences == ()


def test_an_account_that_was_taken_as_it_is_verifies_clean_and_nobody_may_take_more(tmp_path):
    desk = with_model(desk_on(tmp_path))
    run_hours(desk, 3)
    change_account(desk, deposit("BTC", "0.5"))
    say(desk.bot.storage, mode=ControlMode.RUN, why="it was me", who="me", at=FIRST)
    run_hours(desk, 3, first=FIRST + 3 * HOUR)
    before, after = record_of(desk, 2).state, record_of(desk, 3).state
    assert after.opening["BTC"] == before.opening["BTC"] + Decimal("0.5")
    assert after.allocation.base > before.allocation.base
    assert check(desk).differences == ()
    alter(desk, 3, put("state", "allocation", "base", to="1000.0"), sealed=True)
    assert "state.allocation.base" in {each.what for each in found_at(check(desk), 3)}


def test_nothing_to_verify_is_a_clear_error(tmp_path, desk):
    with pytest.raises(BadConfig, match="there are no runs to verify"):
        check(make_desk(tmp_path / "other", KLINES))
    with pytest.raises(BadConfig, match="the journal goes from 2024-02-28 08:00"):
        check(desk, start=LAST + HOUR)


def without(*names):
    """A change that takes a field away, as a version did that knew nothing of it."""

    def change(fields):
        for name in names[:-1]:
            fields = fields[name]
        del fields[names[-1]]

    return change


OLDER = [
    *(without("inputs", name) for name in ("model_last", "trained")),
    *(without("trigger", name) for name in ("due_to",)),
    *(without("rules", "trigger", name) for name in ("max_model_age", "max_idle")),
    *(without("state", "paper", name) for name in ("due_to", "idle", "training")),
]
"""What records of versions before trainings were counted do not hold."""


def test_records_of_a_version_that_counted_no_trainings_keep_their_seals_and_come_out_the_same(lived, tmp_path):
    shutil.copytree(lived, tmp_path / "store")
    desk = desk_on(tmp_path / "store")
    for hour in (0, 5, RETRAINED):
        mine = record_of(desk, hour)
        trigger = replace(mine.rules.trigger, max_model_age=timedelta(0), max_idle=0)
        inputs, rules = replace(mine.inputs, model_last=None), replace(mine.rules, trigger=trigger)
        older = replace(mine, inputs=inputs, rules=rules)
        path = path_of(desk, hour)
        fields = json.loads(to_json(replace(older, seal=seal_of(older))))
        for change in OLDER:
            change(fields)
        path.write_text(json.dumps(fields))
    assert record_of(desk, 5).inputs.model_last is None
    assert check(desk).is_clean
