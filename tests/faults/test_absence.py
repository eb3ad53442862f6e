"""A bot that was away: for minutes, a day, three weeks; with everything in order, or with an order without an outcome.

Nothing is traded after the fact. The position was held, and what it returned is settled hour by hour on coming back.
"""

from datetime import timedelta

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, returns_of
from tests.faults.books import check_books, is_on_target, live_on, paper
from tests.faults.scenes import ALREADY_DONE, DONE, KLINES, NOW
from trader.core.decision import Reason
from trader.core.journal import Status
from trader.core.orders import NotSent

pytestmark = pytest.mark.slow

AWAY = {"a-day": 24, "three-weeks": 21 * 24}
MINUTE = 60.0


def check_settled(record, *, since, exposure):
    """The hours from one kline to the record's own, each by its closes."""
    hours = round((record.key.open_time - since) / HOUR)
    assert [hour.open_time for hour in record.settled] == [since + number * HOUR for number in range(hours)]
    assert {hour.exposure for hour in record.settled} == {exposure}
    expected = exposure * returns_of(KLINES, since, hours)
    assert [hour.gross for hour in record.settled] == expected.tolist()
    assert [hour.net for hour in record.settled[1:]] == expected.tolist()[1:], "a change is charged once"


@pytest.mark.parametrize("storage", ["folder", "s3"])
@pytest.mark.parametrize("away", AWAY)
def test_an_absence_is_one_record_and_settled_hour_by_hour(scene_on, away, storage):
    with scene_on(storage) as scene:
        assert scene.run() == DONE
        back = NOW + (AWAY[away] + 1) * HOUR
        assert scene.run_at(back) == DONE
        assert scene.run() == ALREADY_DONE
        check_books(scene)
        *_, before, gap, after = scene.records()
        assert len(scene.records()) == 4
        assert (gap.missed_from, gap.key.open_time) == (NOW + HOUR, back - HOUR)
        assert (gap.decision.reason, gap.state, gap.legs) == (Reason.MISSED, before.state, ())
        check_settled(after, since=NOW, exposure=-1.0)
        assert after.state.paper.klines == AWAY[away] + 2


@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
@pytest.mark.parametrize("away", AWAY)
def test_an_order_without_an_outcome_is_settled_after_an_absence(scene, twin, away, accept):
    scene.lose_an_order(accept=accept)
    back = NOW + (AWAY[away] + 1) * HOUR
    assert scene.run_at(back) == DONE
    check_books(scene)
    _, record, gap, after = scene.records()
    assert paper(record) == paper(twin[NOW])
    assert [leg.is_absent for leg in record.legs] == [not accept]
    assert record.not_sent is (None if accept else NotSent.NOT_THIS_HOUR)
    assert gap.missed_from == NOW + HOUR
    check_settled(after, since=NOW, exposure=-1.0)
    assert is_on_target(after)


@pytest.mark.parametrize("away", AWAY)
def test_an_hour_that_was_claimed_and_not_decided_is_missed_beside_the_absence(scene, away):
    scene.control.fault("error", method="GET", path="/api/v3/klines", error="unknown", times=0)
    assert scene.run().code == 75
    assert scene.record(NOW).status is Status.CLAIMED
    scene.control.clear()
    back = NOW + (AWAY[away] + 1) * HOUR
    assert scene.run_at(back) == DONE
    check_books(scene)
    _, record, gap, after = scene.records()
    assert (record.decision.reason, record.missed_from, gap.missed_from) == (Reason.MISSED, None, NOW + HOUR)
    check_settled(after, since=FIRST, exposure=1.0)
    assert is_on_target(after)


@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
def test_a_run_that_is_resumed_twenty_minutes_late_books_what_was_sent_and_sends_nothing(scene, twin, accept):
    scene.lose_an_order(accept=accept)
    assert scene.run_at(NOW, after=20 * MINUTE) == DONE
    record = scene.record(NOW)
    assert [leg.is_absent for leg in record.legs] == [not accept]
    assert record.not_sent is (None if accept else NotSent.NOT_THIS_HOUR)
    assert scene.orders_asked() == 1
    assert is_on_target(live_on(scene, twin)[1]), "the next hour closes the gap"


def test_cron_at_minute_14_still_trades(scene, twin):
    assert scene.run_at(NOW, after=14 * MINUTE) == DONE
    assert len(live_on(scene, twin)[0].legs) == 1


@pytest.mark.parametrize("is_claimed", [False, True], ids=["nobody-was-there", "claimed-in-time"])
def test_cron_at_minute_16_misses_the_hour(scene, is_claimed):
    if is_claimed:
        scene.control.fault("error", method="GET", path="/api/v3/klines", error="unknown", times=1)
        assert scene.run().code == 75
    assert scene.run_at(NOW, after=16 * MINUTE) == DONE
    record = scene.record(NOW)
    assert (record.decision.reason, record.decision.target) == (Reason.MISSED, 1.0)
    assert (record.legs, scene.orders_asked()) == ((), 0)
    assert scene.run_at(NOW + HOUR) == DONE
    after = scene.record(NOW + HOUR)
    assert after.decision.target == -1.0
    settled = [hour for each in scene.records() for hour in each.settled]
    assert [hour.gross for hour in settled] == returns_of(KLINES, FIRST, 2).tolist(), "held for two hours"
    check_books(scene)
    assert is_on_target(after)


def test_a_day_of_hours_that_all_fail_is_a_day_of_missed_hours(scene):
    """The venue is down and cron goes on: each hour is claimed, given back and missed, and none is lost."""
    scene.control.fault("error", method="GET", path="/api/v3/account", error="waf", times=0)
    for hour in range(24):
        assert scene.run_at(NOW + hour * HOUR).code == 75
    scene.control.clear()
    assert scene.run_at(NOW + 24 * HOUR) == DONE
    check_books(scene)
    *missed, after = scene.records()[1:]
    assert [record.decision.reason for record in missed] == [Reason.MISSED] * 24
    check_settled(after, since=FIRST, exposure=1.0)
    assert is_on_target(after)
    assert after.completed_at - after.started_at < timedelta(minutes=1)
