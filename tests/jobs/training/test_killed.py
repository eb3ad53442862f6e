"""A training whose process ends at any of its writes: the registry is as before, or the new model decides; never both.

Ending is an exception that nothing may catch, and a storage that takes no further write. A real SIGKILL of the command
is in tests/cli/test_train.py.
"""

import shutil
from dataclasses import replace

import pytest

from tests.jobs.training.trainings import ALONE, TIMID, desk_on, studies_of, trained
from tests.mortal import WRITES
from trader.core.lifecycle import State
from trader.core.training import TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.models import details

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The end of a process."""


class Dying:
    """A storage whose process ends just before, or just after, its n-th write (0: never)."""

    def __init__(self, real, *, at=0, after=False):
        self._real, self._at, self._after, self.written = real, at, after, []

    def __getattr__(self, name):
        method = getattr(self._real, name)
        return (lambda *arguments: self._write(method, *arguments)) if name in WRITES else method

    def _write(self, method, key, *others):
        self.written.append(key)
        count = len(self.written)
        if 0 < self._at < count or (self._at == count and not self._after):
            raise Killed
        answer = method(key, *others)
        if self._at == count:
            raise Killed
        return answer


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A store with a champion that a search will beat."""
    folder = tmp_path_factory.mktemp("killed") / "store"
    assert trained(desk_on(folder, **TIMID), **ALONE).finished.outcome is TrainingOutcome.PROMOTED
    return folder


def mortal(folder, **fate):
    desk = desk_on(folder, **TIMID)
    storage = Dying(desk.bot.storage, **fate)
    return Desk(bot=replace(desk.bot, storage=storage), symbol=desk.symbol), storage


def outcome_of(desk):
    """Everything a training decides, but for machine seconds."""
    head = desk.models.registry.head()
    study = studies_of(desk).study(head.card.study)
    return head.model_id, study, desk.models.registry.states()


def outcomes_told(desk):
    """What is said of the trainings of all models but the champion."""
    head = desk.models.registry.head()
    found = (details(desk, model_id) for model_id in desk.models.ids() if model_id != head.model_id)
    return {each.report.outcome for each in found if each.report is not None}


def check_reports(desk):
    """What can be read of the reports is whole."""
    for name in studies_of(desk).ids():
        report = studies_of(desk).report(name)
        assert report is None or report.study.study_id == name


def test_killed_before_and_after_every_write_of_a_training(before, tmp_path):
    shutil.copytree(before, tmp_path / "twin")
    twin, storage = mortal(tmp_path / "twin")
    assert trained(twin, **TIMID).report.verdict.promoted
    expected, writes = outcome_of(twin), storage.written
    kinds = {key.rpartition("/")[2] for key in writes}
    assert {"study.json", "0004.json", "trials.json", "model.ubj", "card.json", "report.json"} <= kinds
    assert len(writes) >= 15
    moved = []
    for at in range(1, len(writes) + 1):
        for after in (False, True):
            folder = tmp_path / f"{at}-{after}"
            shutil.copytree(before, folder)
            head = desk_on(folder, **TIMID).models.registry.head()
            with pytest.raises(Killed):
                trained(mortal(folder, at=at, after=after)[0], **TIMID)
            desk = desk_on(folder, **TIMID)
            found = desk.models.registry.head()
            assert desk.models.load_champion() is not None
            check_reports(desk)
            moved.append(found != head)
            if found == head:
                assert outcomes_told(desk) <= {TrainingOutcome.FAILED}, "nobody is told of a promotion that never was"
                assert set(desk.models.registry.states().values()) <= {State.CHAMPION, State.TRAINED, State.CHALLENGER}
                assert trained(desk, **TIMID).finished.number == head.finished.number + 1
            assert outcome_of(desk) == expected
            assert details(desk, found.model_id if moved[-1] else expected[0]).report.outcome == "promoted"
            shutil.rmtree(folder)
    assert (moved[0], moved[-1]) == (False, True)
    assert moved == sorted(moved), "there is one moment from which on the new model decides"


def test_a_search_that_was_killed_fits_no_trial_twice(before, tmp_path):
    shutil.copytree(before, tmp_path / "store")
    desk, storage = mortal(tmp_path / "store")
    plan_and_three_trials = 4
    with pytest.raises(Killed):
        trained(mortal(tmp_path / "store", at=plan_and_three_trials, after=True)[0], **TIMID)
    trained(desk, **TIMID)
    names = [key.rpartition("/")[2] for key in storage.written if key.startswith("studies/")]
    assert names == ["study.json", "0003.json", "0004.json", "trials.json", "report.json"]
