"""The training that a run leaves due: who does it, when it is left, and that nothing in it touches the run."""

import logging
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, Quiet, random_klines
from tests.desks import FIRST, another_process, make_desk, move_to_run, small_rules, with_model
from tests.jobs.test_run import replace_bot, run_hours
from trader.bootstrap import versions
from trader.core.errors import Conflict, Retryable
from trader.core.klines import close_of
from trader.core.policy import Due, Timing
from trader.core.training import TrainingOutcome
from trader.jobs.fit_again import fit_again
from trader.jobs.replay import replay
from trader.jobs.retrain import Retrained, RetrainLimits, retrain_if_due
from trader.jobs.train import train
from trader.jobs.verification.verify import verify
from trader.store.head import Word
from trader.store.training import TrainingLease, TrainingLeases

KLINES = random_klines(1600, seed=5)
ALWAYS = {"threshold": 1e9, "min_runs": 1, "window": 24, "cooldown_hours": 3}
"""A trigger that every settled hour fires, but for the cooldown."""

LIMITS = RetrainLimits(
    timing=Timing.AFTER_ORDER, max_per_day=3, min_seconds=60, lease=timedelta(seconds=0.6), has_deadline=False
)


def desk_on(folder):
    """A bot whose trigger is quick: its second run leaves a training due."""
    return replace_bot(make_desk(folder, KLINES, rules=small_rules(retrain=ALWAYS)), versions=versions())


@pytest.fixture(scope="module")
def young(tmp_path_factory):
    """A store with a model and no run."""
    folder = tmp_path_factory.mktemp("retrain") / "young"
    with_model(desk_on(folder))
    return folder


@pytest.fixture(scope="module")
def lived(young):
    """The same after two runs."""
    shutil.copytree(young, young.parent / "lived")
    run_hours(desk_on(young.parent / "lived"), 2)
    return young.parent / "lived"


@pytest.fixture
def new(young, tmp_path):
    """A bot with a model before its first run."""
    shutil.copytree(young, tmp_path / "store")
    return desk_on(tmp_path / "store")


@pytest.fixture
def desk(lived, tmp_path):
    """A bot after the run that left a training due."""
    shutil.copytree(lived, tmp_path / "store")
    desk = desk_on(tmp_path / "store")
    move_to_run(desk, FIRST + HOUR)
    return desk


@pytest.fixture
def due(desk):
    """The record of that run."""
    record = desk.journal.read(FIRST + HOUR).record
    assert record.state.paper.due_since == FIRST + HOUR
    return record


def lease_of(desk):
    return TrainingLeases(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)


def trained(desk, record, *, train=fit_again, **changes):
    return retrain_if_due(desk, record, train=train, limits=replace(LIMITS, **changes))


def never(desk, **_):
    raise AssertionError("nothing was to be trained")


def failing(desk, **_):
    raise Retryable("the market is away")


def rejecting(desk, *, why, deadline_seconds, heartbeat):
    word = Word(at=desk.bot.clock.now(), who="test", why=why)
    return desk.models.registry.note_training("", outcome=TrainingOutcome.REJECTED, word=word)


def test_nothing_is_trained_that_is_not_due(new):
    (record,) = run_hours(new, 1)
    assert trained(new, record, train=never).outcome is Retrained.NOT_DUE
    assert new.bot.storage.keys("training/") == []


def test_what_is_asked_for_beside_the_trigger_is_trained_when_the_last_training_is_long_enough_ago(new):
    (record,) = run_hours(new, 1)
    asked = retrain_if_due(new, record, train=rejecting, limits=LIMITS, asked="drift since training: feature ma_5")
    assert (asked.outcome, asked.why) == (Retrained.FINISHED, "drift since training: feature ma_5")
    (seen,) = run_hours(new, 1, first=FIRST + HOUR)  # it has seen the training, after which there is a pause
    again = retrain_if_due(new, seen, train=never, limits=LIMITS, asked="drift since training: feature ma_5")
    assert again.outcome is Retrained.NOT_DUE


def test_what_is_due_is_trained_and_decides_from_the_next_run_on(desk, due):
    found = trained(desk, due)
    assert (found.outcome, found.finished.outcome) == (Retrained.FINISHED, TrainingOutcome.PROMOTED)
    assert found.why == f"due since {FIRST + HOUR:%Y-%m-%d %H:%M} UTC (return)"
    assert desk.models.load(found.finished.model_id).card.last == FIRST + HOUR
    (record,) = run_hours(desk, 1, first=FIRST + 2 * HOUR)
    assert record.inputs.model_id == found.finished.model_id
    assert record.inputs.trained == found.finished
    assert record.state.paper.due_since is None


def test_a_training_that_promotes_nothing_ends_what_is_due_all_the_same(desk, due):
    champion = due.inputs.model_id
    assert trained(desk, due, train=rejecting).finished.outcome is TrainingOutcome.REJECTED
    records = run_hours(desk, 5, first=FIRST + 2 * HOUR)
    assert {record.inputs.model_id for record in records} == {champion}
    last = FIRST + 6 * HOUR  # it was over 5 s after the close of FIRST + 1 h, and the pause is three hours from then
    assert [record.state.paper.due_since for record in records] == [None, None, None, None, last]


def test_a_promotion_by_a_person_ends_nothing_once_trainings_are_counted(desk, due):
    trained(desk, due, train=rejecting)
    again = run_hours(desk, 5, first=FIRST + 2 * HOUR)[-1]
    other = fit_elsewhere(desk)
    desk.models.promote(other, now=desk.bot.clock.now(), why="I like it", who="me")
    (record,) = run_hours(desk, 1, first=FIRST + 7 * HOUR)
    assert record.inputs.model_id == other
    assert record.state.paper.due_since == again.state.paper.due_since is not None


def fit_elsewhere(desk):
    return train(desk, last=FIRST - 2 * HOUR, why="by hand").card.model_id


def test_a_failed_training_leaves_it_due_fails_nothing_and_uses_up_an_attempt(desk, due, caplog):
    with caplog.at_level(logging.WARNING):
        found = trained(desk, due, train=failing)
    assert (found.outcome, str(found.error)) == (Retrained.FAILED, "the market is away")
    assert "no training: the market is away" in caplog.text
    assert desk.models.registry.head().finished is None
    (record,) = run_hours(desk, 1, first=FIRST + 2 * HOUR)
    assert record.state.paper.due_since == FIRST + HOUR
    assert len(lease_of(desk).read().lease.begun) == 1
    assert trained(desk, record).outcome is Retrained.FINISHED


def test_a_bug_in_a_training_is_not_the_runs(desk, due, caplog):
    found = trained(desk, due, train=lambda desk, **_: 1 / 0)
    assert (found.outcome, type(found.error)) == (Retrained.FAILED, ZeroDivisionError)
    assert "ZeroDivisionError" in caplog.text
    assert lease_of(desk).read().lease.owner == ""


def test_attempts_are_counted_over_a_day_whatever_became_of_them(desk, due):
    for _ in range(3):
        assert trained(desk, due, train=failing).outcome is Retrained.FAILED
    capped = trained(desk, due, train=never)
    assert (capped.outcome, capped.finished) == (Retrained.CAPPED, None)
    assert "3 trainings were begun within a day" in capped.why
    desk.bot.clock.move_to(desk.bot.clock.now() + timedelta(hours=23, minutes=59))
    assert trained(desk, due, train=never).outcome is Retrained.CAPPED
    desk.bot.clock.move_to(desk.bot.clock.now() + timedelta(minutes=1))
    assert trained(desk, due, train=failing).outcome is Retrained.FAILED
    assert len(lease_of(desk).read().lease.begun) == 1


def test_the_attempt_is_written_down_before_the_work(desk, due):
    def looking(desk, **_):
        lease = lease_of(desk).read().lease
        assert (lease.owner, lease.begun) == ("test", (desk.bot.clock.now(),))
        raise Retryable("seen")

    assert str(trained(desk, due, train=looking).error) == "seen"


def test_a_time_that_is_far_off_uses_up_no_attempts(desk, due):
    wrong = desk.bot.clock.now() + timedelta(days=400)
    leases = lease_of(desk)
    leases.write(leases.read(), TrainingLease(begun=(wrong,) * 3))
    assert trained(desk, due).outcome is Retrained.FINISHED


def test_where_it_is_left_to_others_nothing_is_done_and_said_so(desk, due):
    found = trained(desk, due, train=never, timing=Timing.EXTERNAL)
    assert found.outcome is Retrained.EXTERNAL
    assert "trader train --if-due" in found.why
    assert desk.bot.storage.keys("training/") == []


@pytest.mark.parametrize(
    ("minute", "second", "outcome"),
    [(0, 5, Retrained.FINISHED), (49, 0, Retrained.FINISHED), (49, 1, Retrained.TOO_LATE), (59, 0, Retrained.TOO_LATE)],
)
def test_a_training_has_to_be_done_by_minute_50_of_the_hour(desk, due, minute, second, outcome):
    seen = []

    def timed(desk, *, why, deadline_seconds, heartbeat):
        seen.append(deadline_seconds)
        return rejecting(desk, why=why, deadline_seconds=deadline_seconds, heartbeat=heartbeat)

    desk.bot.clock.move_to(close_of(due.key.open_time, "1h") + timedelta(minutes=minute, seconds=second))
    found = trained(desk, due, train=timed, has_deadline=True)
    assert found.outcome is outcome
    assert seen == ([(50 - minute) * 60 - second] if outcome is Retrained.FINISHED else [])
    assert outcome is Retrained.FINISHED or "are left in this hour, too few" in found.why


def test_an_old_record_is_trained_for_by_the_time_of_the_hour_that_it_is_now(desk, due):
    desk.bot.clock.move_to(close_of(due.key.open_time, "1h") + timedelta(hours=7, minutes=20))
    assert trained(desk, due, train=rejecting, has_deadline=True).outcome is Retrained.FINISHED


def test_a_clock_that_stands_still_has_no_deadline(desk, due):
    def timed(desk, *, deadline_seconds, **_):
        raise Retryable(str(deadline_seconds))

    desk.bot.clock.move_to(close_of(due.key.open_time, "1h") + timedelta(minutes=55))
    assert str(trained(desk, due, train=timed).error) == "None"


def test_a_training_that_has_finished_since_the_run_is_not_done_again(desk, due):
    assert trained(desk, due, train=rejecting).outcome is Retrained.FINISHED
    found = trained(another_process(desk), due, train=never)
    assert (found.outcome, found.why.endswith("; a training has finished since")) == (Retrained.NOT_DUE, True)


def test_a_silent_owner_loses_the_lease_and_its_attempt_counts(desk, due):
    leases = lease_of(desk)
    leases.write(leases.read(), TrainingLease(owner="dead", begun=(desk.bot.clock.now(),)))
    before = desk.bot.host.monotonic()
    assert trained(desk, due).outcome is Retrained.FINISHED
    assert desk.bot.host.monotonic() - before >= 0.6
    assert len(leases.read().lease.begun) == 2


def test_an_owner_that_shows_life_is_left_alone_at_once(desk, due):
    leases = lease_of(desk)
    alive = leases.write(leases.read(), TrainingLease(owner="alive"))
    host = BeatsWhileWaited(desk.bot.host, lambda: leases.write(leases.read(), replace(alive.lease, beat=1)))
    found = trained(replace_bot(desk, host=host), due, train=never, lease=timedelta(seconds=300))
    assert (found.outcome, host.waits) == (Retrained.IN_PROGRESS, 1)


class BeatsWhileWaited:
    """A host clock on which somebody else writes whenever this process sleeps."""

    def __init__(self, real, beat):
        self._real, self._beat, self.waits = real, beat, 0

    def now(self):
        return self._real.now()

    def monotonic(self):
        return self._real.monotonic()

    def sleep(self, seconds):
        self.waits += 1
        self._beat()


def test_who_took_the_lease_in_between_wins(desk, due, monkeypatch):
    leases = lease_of(desk)
    registry = desk.models.registry
    head = registry.head

    def slow():
        leases.write(leases.read(), TrainingLease(owner="faster"))
        return head()

    monkeypatch.setattr(registry, "head", slow)
    assert trained(desk, due, train=never).outcome is Retrained.IN_PROGRESS


def test_signs_of_life_keep_the_lease_and_its_loss_ends_the_training(desk, due):
    leases, seen = lease_of(desk), []

    def long(desk, *, heartbeat, **_):
        for _ in range(2):
            desk.bot.host.sleep(0.11)
            heartbeat()
            seen.append(leases.read().lease.beat)
            heartbeat()  # too early for another one
        leases.write(leases.read(), TrainingLease(owner="taker"))
        desk.bot.host.sleep(0.11)
        heartbeat()
        raise AssertionError("it should have ended")

    found = trained(desk, due, train=long)
    assert isinstance(found.error, Conflict)
    assert seen == [2, 3]
    assert leases.read().lease.owner == "taker", "nothing is given back that is another's"


def test_a_sign_of_life_whose_answer_was_lost_is_found_to_be_ones_own(desk, due):
    leases = lease_of(desk)

    def long(desk, *, heartbeat, **known):
        stored = leases.read()
        leases.write(stored, replace(stored.lease, beat=99))
        desk.bot.host.sleep(0.11)
        heartbeat()
        return rejecting(desk, heartbeat=heartbeat, **known)

    assert trained(desk, due, train=long).outcome is Retrained.FINISHED
    assert leases.read().lease == TrainingLease(beat=101, begun=(desk.bot.clock.now(),))


def test_a_pinned_champion_stays_and_what_is_due_ends(desk, due):
    registry = desk.models.registry
    registry.pin(on=True, expected=registry.read(), word=Word(at=FIRST, who="me", why="for now"))
    found = trained(desk, due)
    assert found.finished.outcome is TrainingOutcome.CHALLENGER
    (record,) = run_hours(desk, 1, first=FIRST + 2 * HOUR)
    assert (record.inputs.model_id, record.state.paper.due_since) == (due.inputs.model_id, None)


def test_a_champion_that_was_moved_during_the_training_is_not_replaced(desk, due):
    other = fit_elsewhere(desk)

    def meanwhile(desk, *, heartbeat, **known):
        def moved():
            desk.models.promote(other, now=desk.bot.clock.now(), why="I like it", who="me")

        return fit_again(desk, heartbeat=moved, **known)

    found = trained(desk, due, train=meanwhile)
    assert isinstance(found.error, Conflict)
    assert desk.models.champion().model_id == other


@pytest.mark.slow
def test_an_expired_model_and_features_that_are_always_out_of_range_make_a_training_due(tmp_path):
    aged = small_rules(retrain={"max_model_age_days": 1, "threshold": -1e9})
    record = run_hours(with_model(make_desk(tmp_path / "aged", KLINES, rules=aged)), 26)[-1]
    assert record.trigger.due_to is Due.AGE
    strict = small_rules(retrain={"max_idle": 5, "threshold": -1e9})
    strict = replace(strict, risk=replace(strict.risk, range_margin=-0.49))  # next to nothing is inside
    record = run_hours(with_model(make_desk(tmp_path / "strict", KLINES, rules=strict)), 8)[-1]
    assert (record.decision.reason, record.trigger.due_to) == ("feature-out-of-range", Due.IDLE)


@pytest.mark.slow
def test_a_replay_trains_on_the_way_and_every_run_of_it_comes_out_again(new):
    desk = new
    outcome = replay(
        desk,
        clock=desk.bot.clock,
        start=FIRST,
        end=FIRST + 13 * HOUR,
        progress=Quiet(),
        after_run=lambda desk, record: trained(desk, record, max_per_day=9),
    )
    times = [(each.open_time - FIRST) // HOUR for each in outcome.trainings]
    assert times == [1, 6, 11], "three hours after the end of the last one, which was seconds past the hour"
    used = [desk.journal.read(FIRST + hour * HOUR).record.inputs.model_id for hour in range(13)]
    assert [used[time + 1] for time in times] == [each.finished.model_id for each in outcome.trainings]
    found = verify(desk, start=None, end=None, progress=Quiet())
    assert (found.runs, found.differences) == (13, ())


def test_a_replay_without_the_option_keeps_its_model(new):
    desk = new
    outcome = replay(desk, clock=desk.bot.clock, start=FIRST, end=FIRST + 4 * HOUR, progress=Quiet())
    assert outcome.trainings == ()
    assert len({desk.journal.read(FIRST + hour * HOUR).record.inputs.model_id for hour in range(4)}) == 1


def test_a_run_that_is_done_already_can_still_be_trained_for(desk, due):
    move_to_run(desk, due.key.open_time)
    (again,) = run_hours(desk, 1, first=due.key.open_time)
    assert again == due
    assert trained(desk, again).outcome is Retrained.FINISHED
