"""A training within a deadline: the best so far, marked; and what is done when there is no time at all."""

from dataclasses import replace

import pytest

from tests.desks import SYMBOL
from tests.jobs.training.trainings import EASY, desk_on, setup_of, studies_of, trained
from trader.core.errors import Retryable
from trader.core.training import TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.training.job import search_seconds
from trader.ml.study import WhyStopped


class Ticking:
    """A monotonic clock that a test moves."""

    def __init__(self, *, step=0.0):
        self.time, self._step = 1000.0, step

    def now(self):
        raise AssertionError("no training asks this machine for the time of day")

    def monotonic(self):
        self.time += self._step
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def timed(desk, host):
    return Desk(bot=replace(desk.bot, host=host), symbol=SYMBOL)


@pytest.mark.parametrize(
    ("seconds", "deadline", "spent", "left"),
    [
        (300.0, None, 5.0, 300.0),
        (None, None, 5.0, None),
        (300.0, 10.0, 0.0, 6.0),
        (300.0, 10.0, 1.0, 5.0),
        (300.0, 100.0, 3.0, 85.0),
        (300.0, 3000.0, 3.0, 300.0),
        (None, 3000.0, 3.0, 2985.0),
        (300.0, 5.0, 4.0, 0.0),
    ],
)
def test_a_search_leaves_time_for_what_comes_after_it(*, seconds, deadline, spent, left):
    setup = replace(setup_of(), seconds=seconds)
    assert search_seconds(setup, deadline, spent=spent) == pytest.approx(left)


@pytest.mark.slow
def test_with_the_time_up_the_best_so_far_is_judged_and_marked_not_reproducible(tmp_path):
    host = Ticking()
    desk = timed(desk_on(tmp_path), host)
    folds = []

    def beat():
        folds.append(host.time)
        host.sleep(1)  # two folds a trial, and one more second for each look at what was found

    found = trained(desk, deadline=10, heartbeat=beat, search={"trials": 50})
    assert found.report.study.trials == 3, "6 of the 10 seconds are for the search"
    assert not found.report.study.is_reproducible
    assert found.report.study.why_stopped == WhyStopped.SECONDS
    assert found.finished.outcome is TrainingOutcome.PROMOTED
    whole = trained(desk, search={"trials": 4})
    assert whole.report.study.study_id == found.report.study.study_id
    assert whole.report.study.is_reproducible, "what the time has cut off is done by the next training"
    assert len(folds) == len(set(folds)) <= 10


@pytest.mark.slow
def test_loading_counts(tmp_path):
    host = Ticking()
    desk = timed(desk_on(tmp_path), host)

    def slowly(desk, *, count):
        host.sleep(4)
        return EASY[-count:]

    found = trained(desk, deadline=10, heartbeat=lambda: host.sleep(1), load=slowly, search={"trials": 50})
    assert found.report.study.trials == 1, "2 seconds are left for the search"


@pytest.mark.parametrize("deadline", [0.5, 1.5])
def test_too_little_time_for_a_single_trial_is_said_and_changes_nothing(tmp_path, deadline):
    host = Ticking()
    desk = timed(desk_on(tmp_path), host)
    with pytest.raises(Retryable, match="before the first trial of the search was done"):
        trained(desk, deadline=deadline, heartbeat=lambda: host.sleep(1))
    assert desk.models.registry.head() is None
    assert desk.models.ids() == []
    (name,) = studies_of(desk).ids()
    assert studies_of(desk).trials(name) == ()
    assert trained(desk).report.study.trials == 4
