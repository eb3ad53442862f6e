"""What telling of runs may take altogether, and what its log lines say of the run."""

import logging
from dataclasses import replace

import pytest

from tests.builders import random_klines
from tests.desks import FIRST, make_desk, move_to_run, with_model
from trader.adapters.clocks import VirtualClock
from trader.core.errors import BadConfig
from trader.core.notices import Delivered, Topic
from trader.core.tracking import Receipt
from trader.jobs.outlets import NoticeRules, Outlets
from trader.jobs.publish import publish_failure, publish_runs
from trader.jobs.run_context import current_run
from trader.jobs.symbols import run_symbols

RULES = NoticeRules(success=True)


class Slow:
    """A tracker that has nothing to say until all of its time is over."""

    name = "slow"

    def __init__(self, clock, *, taken):
        self.clock, self.taken, self.runs = clock, taken, []

    def begin(self):
        return self

    def add(self, dispatch):
        self.runs.append(dispatch.run)

    def finish(self, seconds):
        self.clock.sleep(self.taken)
        return tuple(Receipt(run=run, run_id=None, sent=None, error="too slow") for run in self.runs)


class Bell:
    """A notifier that keeps how long it was given, and what."""

    def __init__(self):
        self.seconds, self.topics = [], []

    def send(self, notices, *, seconds):
        self.seconds.append(seconds)
        self.topics += [notice.topic for notice in notices]
        return Delivered(reached=1, error="")


class Broken:
    def send(self, notices, *, seconds):
        raise ZeroDivisionError("a bug")


def told(desk, *, taken, **others):
    bell = Bell()
    outlets = Outlets(
        trackers=(Slow(desk.bot.host, taken=taken),), notifier=bell, charts_every=None, notices=RULES, **others
    )
    move_to_run(desk, FIRST)
    publish_runs(desk.bot, run_symbols(desk.bot), outlets=outlets)
    return bell


@pytest.fixture
def desk(tmp_path):
    made = with_model(make_desk(tmp_path, random_klines(1600, seed=4)))
    return replace(made, bot=replace(made.bot, host=VirtualClock(FIRST)))


@pytest.mark.parametrize(("taken", "left"), [(8.0, 1.5), (0.0, 5.0), (9.4, 1.0)])
def test_the_notifier_gets_what_a_slow_tracker_has_left_of_ten_seconds(desk, taken, left):
    (seconds,) = told(desk, taken=taken, seconds=8.0, notice_seconds=5.0).seconds
    assert seconds == pytest.approx(left, abs=0.3)


def test_who_gives_a_tracker_a_minute_is_told_after_it(desk):
    (seconds,) = told(desk, taken=60.0, seconds=60.0, notice_seconds=5.0).seconds
    assert seconds == pytest.approx(1.5, abs=0.3)


def test_the_run_is_in_the_log_line_of_what_went_wrong_after_it(desk):
    seen = []

    class Keeper(logging.Handler):
        def emit(self, record):
            seen.append((record.getMessage(), current_run()))

    logger, keeper = logging.getLogger("trader.jobs.told"), Keeper()
    logger.addHandler(keeper)
    try:
        told(desk, taken=0.0)
    finally:
        logger.removeHandler(keeper)
    ((line, run),) = seen
    assert "tracker slow: too slow" in line
    assert run is not None
    assert (run.symbol, run.open_time) == ("BTCUSDT", FIRST)


def test_a_notifier_with_a_bug_hides_no_failure(caplog):
    bell, error = Bell(), BadConfig("there is no key")
    publish_failure(error, at=FIRST, outlets=Outlets(notifier=bell, notices=RULES))
    assert bell.topics == [Topic.RUN_FAILED]
    publish_failure(error, at=FIRST, outlets=Outlets(notifier=Broken(), notices=RULES))
    assert "a bug" in caplog.text
