"""The trigger: fires below a threshold, stays due, and pauses after a training."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, START
from trader.core.policy import Due, TriggerPolicy, evaluate_trigger

POLICY = TriggerPolicy(window=4, threshold=-0.05, min_runs=3, cooldown=timedelta(hours=24))
WATCHFUL = replace(POLICY, max_model_age=timedelta(days=90), max_idle=10)
OLD = START - timedelta(days=90, hours=1)


def trigger(window, *, due_since=None, trained_at=None, at=START, policy=POLICY, **known):
    return evaluate_trigger(window=window, due_since=due_since, trained_at=trained_at, at=at, policy=policy, **known)


@pytest.mark.parametrize(
    ("window", "due", "why"),
    [
        ((), False, "0 of at least 3 runs"),
        ((-0.9, -0.9), False, "2 of at least 3 runs"),
        ((-0.02, -0.02, -0.02), True, "net return -0.0600 over the last 3 runs is below -0.0500"),
        ((-0.02, -0.02, -0.005), False, "net return -0.0450 over the last 3 runs is not below -0.0500"),
        ((-0.5, -0.25, 0.75, -0.05), False, "net return -0.0500 over the last 4 runs is not below -0.0500"),
        ((0.1, 0.1, 0.1, -0.4), True, "net return -0.1000 over the last 4 runs is below -0.0500"),
    ],
)
def test_training_is_due_when_the_summed_return_is_below_the_threshold(window, due, why):
    result = trigger(window)
    assert result.due_since == (START if due else None)
    assert (result.runs, result.why) == (len(window), why)


@pytest.mark.parametrize(("hours", "due"), [(0, False), (23, False), (24, True), (25, True)])
def test_the_pause_after_a_training_ends_exactly_with_the_cooldown(hours, due):
    result = trigger((-0.1,) * 4, trained_at=START, at=START + hours * HOUR)
    assert (result.due_since is not None) == due
    if not due:
        assert result.why == "cooling down until 2024-01-02 00:00 UTC"


def test_once_due_it_stays_due_whatever_the_returns_do():
    result = trigger((0.5, 0.5, 0.5), due_since=START - 9 * HOUR)
    assert result.due_since == START - 9 * HOUR
    assert result.why == "due since 2023-12-31 15:00 UTC, no training has finished since"


def test_being_due_outlasts_a_cooldown_and_too_few_runs():
    assert trigger((), due_since=START - HOUR, trained_at=START - HOUR).due_since == START - HOUR


def test_the_sum_is_the_exact_one_rounded_once():
    # Added one after the other this is -0.04999999999999999 and would not be told from the threshold by luck.
    window = (0.1, 0.1, 0.1, -0.3)
    assert sum(window) != 0
    assert trigger(window).cumulative == 2.7755575615628914e-17  # 3 * float(0.1) - float(0.3), exactly
    assert trigger((1e16, 1.0, -1e16)).cumulative == 1.0


def test_the_figures_are_given_even_when_nothing_is_due():
    result = trigger((0.01, 0.02))
    assert (result.cumulative, result.runs) == (0.03, 2)


@pytest.mark.parametrize(
    ("known", "due_to", "why"),
    [
        ({"model_last": OLD}, Due.AGE, "the model has seen nothing after 2023-10-02 23:00 UTC, 90 days ago"),
        ({"model_last": OLD + HOUR}, None, "0 of at least 3 runs"),
        ({"model_last": None}, None, "0 of at least 3 runs"),
        ({"idle": 10}, Due.IDLE, "no position for 10 runs in which the model could have taken one"),
        ({"idle": 9}, None, "0 of at least 3 runs"),
        (
            {"idle": 10, "model_last": OLD},
            Due.AGE,
            "the model has seen nothing after 2023-10-02 23:00 UTC, 90 days ago",
        ),
    ],
)
def test_an_old_model_and_an_idle_one_make_a_training_due_however_few_runs_there_were(known, due_to, why):
    result = trigger((), policy=WATCHFUL, **known)
    assert (result.due_since, result.why) == (START if due_to else None, why)
    assert due_to in (None, result.due_to)


def test_neither_age_nor_idleness_is_looked_at_where_it_is_switched_off():
    assert trigger((), model_last=START - timedelta(days=9999), idle=99999).due_since is None


def test_a_loss_is_named_before_what_is_also_true():
    assert trigger((-0.1,) * 4, policy=WATCHFUL, model_last=OLD, idle=99).due_to is Due.RETURN


def test_the_cooldown_holds_for_every_reason():
    told = {"policy": WATCHFUL, "model_last": OLD, "idle": 99, "trained_at": START - 23 * HOUR}
    result = trigger((-0.1,) * 4, **told)
    assert (result.due_since, result.why) == (None, "cooling down until 2024-01-01 01:00 UTC")
    assert trigger((-0.1,) * 4, **{**told, "trained_at": START - 24 * HOUR}).due_since == START


@pytest.mark.parametrize(("due_to", "named"), [(Due.RETURN, ""), (Due.AGE, " (age)"), (Due.IDLE, " (idle)")])
def test_what_made_it_due_stays_with_it(due_to, named):
    result = trigger((0.5,) * 4, due_since=START - 9 * HOUR, due_to=due_to, policy=WATCHFUL)
    assert result.due_to is due_to
    assert result.why == f"due since 2023-12-31 15:00 UTC{named}, no training has finished since"
