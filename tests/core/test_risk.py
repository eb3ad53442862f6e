"""Limits, guards and the reduce switch, each as a table."""

from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START
from trader.core.decision import Decision, Reason
from trader.core.risk import (
    Control,
    ControlMode,
    Halt,
    RiskLimits,
    check_limits,
    find_block,
    guard,
    outside_range,
    reduce_only,
)

HALT = Halt(at=START, why="lost too much")
RUN, REDUCE, STOP = (Control(mode=mode) for mode in ControlMode)


def limits(*, max_loss=0.0, max_drawdown=0.0):
    return RiskLimits(max_loss=max_loss, max_drawdown=max_drawdown, range_margin=0.5, model_max_age=timedelta(days=90))


@pytest.mark.parametrize(
    ("since_resume", "peak", "max_loss", "max_drawdown", "why"),
    [
        (-0.19, 0.0, 0.20, 0.0, None),
        (-0.20, 0.0, 0.20, 0.0, "net paper return -0.2000 since start or resume is at or below -0.2"),
        (-0.30, 0.5, 0.20, 0.0, "net paper return -0.3000 since start or resume is at or below -0.2"),
        (0.11, 0.25, 0.20, 0.15, None),
        (0.10, 0.25, 0.20, 0.15, "drawdown 0.1500 from the peak is at or above 0.15"),
        (-0.25, 0.25, 0.20, 0.15, "net paper return -0.2500 since start or resume is at or below -0.2"),
        (-9.0, 9.0, 0.0, 0.0, None),  # 0 switches a limit off
        (-9.0, 9.0, 0.0, 0.15, "drawdown 18.0000 from the peak is at or above 0.15"),
        (0.0, 0.0, 0.20, 0.15, None),
    ],
)
def test_a_limit_answers_with_the_reason_in_words(since_resume, peak, max_loss, max_drawdown, why):
    rules = limits(max_loss=max_loss, max_drawdown=max_drawdown)
    assert check_limits(since_resume=since_resume, peak=peak, limits=rules) == why


@pytest.mark.parametrize(
    ("control", "halt", "blocked", "expected"),
    [
        (RUN, None, None, None),
        (REDUCE, None, None, None),
        (STOP, None, None, (0.0, Reason.CONTROL_HALT)),
        (RUN, HALT, None, (0.0, Reason.HALTED)),
        (REDUCE, HALT, None, (0.0, Reason.HALTED)),
        (STOP, HALT, None, (0.0, Reason.CONTROL_HALT)),
        (STOP, HALT, Reason.NO_MODEL, (0.0, Reason.CONTROL_HALT)),
        (RUN, HALT, Reason.NO_MODEL, (0.0, Reason.HALTED)),
        (RUN, None, Reason.WARM_UP, (0.0, Reason.WARM_UP)),
        (RUN, None, Reason.NO_MODEL, (0.0, Reason.NO_MODEL)),
        (RUN, None, Reason.MODEL_EXPIRED, (0.0, Reason.MODEL_EXPIRED)),
        (REDUCE, None, Reason.OUT_OF_RANGE, (0.0, Reason.OUT_OF_RANGE)),
        # An hour that cannot trade holds, whatever else stands.
        (RUN, None, Reason.FILLED_KLINE, (0.7, Reason.FILLED_KLINE)),
        (RUN, None, Reason.MISSED, (0.7, Reason.MISSED)),
        (STOP, None, Reason.FILLED_KLINE, (0.7, Reason.FILLED_KLINE)),
        (STOP, HALT, Reason.MISSED, (0.7, Reason.MISSED)),
        (RUN, HALT, Reason.FILLED_KLINE, (0.7, Reason.FILLED_KLINE)),
    ],
)
def test_guards_stand_before_the_model_in_a_fixed_order(control, halt, blocked, expected):
    verdict = guard(control=control, halt=halt, held=0.7, blocked=blocked)
    assert (verdict and (verdict.target, verdict.reason)) == expected


@pytest.mark.parametrize(
    ("wanted", "held", "allowed"),
    [
        (1.0, 0.0, 0.0),  # open
        (-1.0, 0.0, 0.0),
        (1.0, 0.5, 0.5),  # enlarge
        (-1.0, -0.5, -0.5),
        (-1.0, 1.0, 0.0),  # turn: only the leaving half
        (1.0, -1.0, 0.0),
        (-0.2, 0.5, 0.0),
    ],
)
def test_reducing_cuts_off_what_would_open_enlarge_or_turn(wanted, held, allowed):
    cut = reduce_only(Decision(target=wanted, reason=Reason.LONG), held=held)
    assert cut == Decision(target=allowed, reason=Reason.REDUCE)


@pytest.mark.parametrize(
    ("wanted", "held"), [(1.0, 1.0), (0.0, 1.0), (0.0, -1.0), (0.3, 0.5), (-0.3, -0.5), (0.0, 0.0)]
)
def test_reducing_leaves_what_holds_or_shrinks_with_its_own_reason(wanted, held):
    decision = Decision(target=wanted, reason=Reason.EXIT)
    assert reduce_only(decision, held=held) == decision


def test_nobody_has_said_anything_means_run():
    assert Control() == Control(mode=ControlMode.RUN, why="", who="", at=None, sequence=0)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({}, None),
        ({"is_filled": True, "is_late": True, "is_warm": False, "model_last": None}, Reason.FILLED_KLINE),
        ({"is_late": True, "is_warm": False, "model_last": None}, Reason.MISSED),
        ({"is_warm": False, "model_last": None}, Reason.WARM_UP),
        ({"model_last": None, "is_outside": True}, Reason.NO_MODEL),
        ({"model_last": START - timedelta(days=90), "is_outside": True}, Reason.OUT_OF_RANGE),  # the last day counts
        ({"model_last": START - timedelta(days=90, hours=1), "is_outside": True}, Reason.MODEL_EXPIRED),
        ({"is_outside": True}, Reason.OUT_OF_RANGE),
    ],
)
def test_the_first_thing_that_blocks_a_kline_is_the_reason(faults, expected):
    found = {"is_late": False, "is_filled": False, "is_warm": True, "is_outside": False, "model_last": START}
    assert find_block(**{**found, **faults}, open_time=START, limits=limits()) == expected


@pytest.mark.parametrize(
    ("row", "outside"),
    [
        ((3.5, 50.0), False),
        ((4.5, 150.0), False),  # exactly the margin
        ((2.5, -50.0), False),
        ((4.51, 50.0), True),
        ((2.49, 50.0), True),
        ((3.5, -50.1), True),
        ((9.0, -999.0), True),
    ],
)
def test_a_row_is_outside_when_one_feature_is_further_off_than_the_margin_times_its_range(row, outside):
    rows = np.array([(3.5, 50.0), row])
    assert outside_range(rows, low=(3.0, 0.0), high=(4.0, 100.0), margin=0.5).tolist() == [False, outside]


def test_without_a_margin_the_training_range_itself_is_the_limit():
    rows = np.array([[0.0], [1.0], [1.000001]])
    assert outside_range(rows, low=(0.0,), high=(1.0,), margin=0.0).tolist() == [False, False, True]
