"""Many hours at once are decided as hour by hour: `exposures` has no rule of its own."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.core.decision import DecisionRule, Exit, Sizing, decide, exposures

RULE = DecisionRule(
    band=0.1,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.005,
)


def one_by_one(*, p_up, volatility, volume_ratio, hold, flat, rule):
    held, found = 0.0, []
    for p, sigma, ratio, is_hold, is_flat in zip(p_up, volatility, volume_ratio, hold, flat, strict=True):
        if is_flat and not is_hold:
            held = 0.0
        elif not is_hold:
            held = decide(
                p_up=float(p), held=held, volatility=float(sigma), volume_ratio=float(ratio), rule=rule
            ).target
        found.append(held)
    return found


def all_at_once(p_up, *, rule=RULE, **columns):
    count = len(p_up)
    usual = {
        "volatility": np.ones(count),
        "volume_ratio": np.ones(count),
        "hold": np.zeros(count, bool),
        "flat": np.zeros(count, bool),
    }
    given_columns = {name: np.asarray(column) for name, column in columns.items()}
    return exposures(p_up=np.asarray(p_up, dtype=float), **{**usual, **given_columns}, rule=rule).tolist()


def test_a_position_is_opened_beyond_the_band_kept_inside_and_turned_on_the_other_side():
    assert all_at_once([0.5, 0.61, 0.5, 0.41, 0.39, 0.55]) == [0, 1, 1, 1, -1, -1]


def test_every_exit_rule_leaves_where_it_says():
    p_up = [0.7, 0.55, 0.45, 0.3, 0.45, 0.55]
    assert all_at_once(p_up, rule=replace(RULE, exit=Exit.OPPOSITE)) == [1, 1, 1, -1, -1, -1]
    assert all_at_once(p_up, rule=replace(RULE, exit=Exit.NEUTRAL)) == [1, 1, 0, -1, -1, 0]
    assert all_at_once(p_up, rule=replace(RULE, exit=Exit.BAND)) == [1, 0, 0, -1, 0, 0]


def test_without_a_band_the_sign_decides_and_exactly_one_half_keeps_what_is_held():
    assert all_at_once([0.5, 0.6, 0.5, 0.4, 0.5], rule=replace(RULE, band=0.0)) == [0, 1, 1, -1, -1]


def test_held_and_flat_hours_are_not_asked_for_their_probability():
    nan = float("nan")
    found = all_at_once(
        [0.7, nan, nan, 0.7, nan], hold=[False, True, False, False, True], flat=[False, False, True, False, True]
    )
    assert found == [1, 1, 0, 1, 1]


def test_the_size_is_chosen_on_entry_and_kept():
    rule = replace(RULE, sizing=Sizing.VOLATILITY, target_volatility=0.5)
    assert all_at_once([0.7, 0.5, 0.7, 0.2], volatility=[1.0, 0.25, 4.0, 2.0], rule=rule) == [0.5, 0.5, 0.5, -0.25]


LEVELS = st.sampled_from([0.0, 0.3, 0.38, 0.4, 0.45, 0.5, 0.55, 0.6, 0.62, 0.7, 1.0]) | st.floats(0, 1)
ROWS = st.lists(
    st.tuples(LEVELS, st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([0.0, 1.0, 3.0]), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)
RULES = st.builds(
    DecisionRule,
    band=st.sampled_from([0.0, 0.05, 0.1, 0.12, 0.4]) | st.floats(0, 0.499),
    exit=st.sampled_from(Exit),
    allow_short=st.booleans(),
    min_volatility=st.sampled_from([0.0, 1.0]),
    min_volume_ratio=st.sampled_from([0.0, 1.0]),
    sizing=st.sampled_from(Sizing),
    target_volatility=st.just(0.7),
)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, rule=RULES)
def test_any_hours_under_any_rule_are_decided_as_one_by_one(rows, rule):
    p_up, volatility, ratio, kind = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    columns = {
        "p_up": p_up,
        "volatility": volatility,
        "volume_ratio": ratio,
        "hold": kind == 0,
        "flat": (kind == 1) | ((kind == 0) & (p_up > 0.5)),
        "rule": rule,
    }
    assert exposures(**columns).tolist() == one_by_one(**columns)
