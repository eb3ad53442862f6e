"""The decision as a table: what is held, what the model says, and what the rule makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.core.decision import Decision, DecisionRule, Exit, Reason, Sizing, decide

RULE = DecisionRule(
    band=0.05,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)
LONG, SHORT, HELD, EXIT = Reason.LONG, Reason.SHORT, Reason.HELD, Reason.EXIT
FILTERED, FORBIDDEN = Reason.FILTERED, Reason.SHORT_FORBIDDEN


def outcome(p_up, held, *, rule=RULE, volatility=0.02, volume_ratio=1.0):
    decision = decide(p_up=p_up, held=held, volatility=volatility, volume_ratio=volume_ratio, rule=rule)
    return decision.target, decision.reason


@pytest.mark.parametrize(
    ("p_up", "held", "target", "reason"),
    [
        (0.60, 0.0, 1.0, LONG),
        (0.55, 0.0, 1.0, LONG),  # the edge of the band is a signal
        (0.549, 0.0, 0.0, HELD),
        (0.50, 0.0, 0.0, HELD),
        (0.451, 0.0, 0.0, HELD),
        (0.45, 0.0, -1.0, SHORT),
        (0.60, 1.0, 1.0, LONG),
        (0.40, -1.0, -1.0, SHORT),
        (0.40, 1.0, -1.0, SHORT),  # one net flip
        (0.60, -1.0, 1.0, LONG),
    ],
)
def test_a_probability_outside_the_band_is_a_signal(p_up, held, target, reason):
    assert outcome(p_up, held) == (target, reason)


@pytest.mark.parametrize(
    ("exit_rule", "p_up", "held", "target", "reason"),
    [
        (Exit.OPPOSITE, 0.52, 1.0, 1.0, HELD),
        (Exit.OPPOSITE, 0.46, 1.0, 1.0, HELD),  # against it, yet inside the band
        (Exit.OPPOSITE, 0.54, -1.0, -1.0, HELD),
        (Exit.NEUTRAL, 0.52, 1.0, 1.0, HELD),
        (Exit.NEUTRAL, 0.50, 1.0, 1.0, HELD),  # on the line is not across it
        (Exit.NEUTRAL, 0.49, 1.0, 0.0, EXIT),
        (Exit.NEUTRAL, 0.48, -1.0, -1.0, HELD),
        (Exit.NEUTRAL, 0.51, -1.0, 0.0, EXIT),
        (Exit.NEUTRAL, 0.44, 1.0, -1.0, SHORT),  # past the band it turns
        (Exit.BAND, 0.56, 1.0, 1.0, LONG),
        (Exit.BAND, 0.54, 1.0, 0.0, EXIT),
        (Exit.BAND, 0.46, -1.0, 0.0, EXIT),
        (Exit.BAND, 0.44, 1.0, -1.0, SHORT),
        (Exit.BAND, 0.52, 0.0, 0.0, HELD),  # nothing to leave
        (Exit.NEUTRAL, 0.49, 0.0, 0.0, HELD),
    ],
)
def test_inside_the_band_the_exit_rule_decides_whether_a_position_is_kept(exit_rule, p_up, held, target, reason):
    assert outcome(p_up, held, rule=replace(RULE, exit=exit_rule)) == (target, reason)


@pytest.mark.parametrize(
    ("p_up", "held", "target", "reason"),
    [
        (0.60, 0.0, 0.0, FILTERED),
        (0.40, 0.0, 0.0, FILTERED),
        (0.60, 1.0, 1.0, LONG),  # held is not entered
        (0.40, 1.0, 0.0, FILTERED),  # a flip is half an entry: it leaves, but does not turn
        (0.60, -1.0, 0.0, FILTERED),
        (0.52, 1.0, 1.0, HELD),
    ],
)
@pytest.mark.parametrize("dull", [{"volatility": 0.009}, {"volume_ratio": 0.49}])
def test_entry_filters_stop_entries_and_flips_and_nothing_else(p_up, held, target, reason, dull):
    rule = replace(RULE, min_volatility=0.01, min_volume_ratio=0.5)
    assert outcome(p_up, held, rule=rule, **dull) == (target, reason)


def test_a_filter_that_is_just_met_lets_the_entry_pass():
    rule = replace(RULE, min_volatility=0.01, min_volume_ratio=0.5)
    assert outcome(0.60, 0.0, rule=rule, volatility=0.01, volume_ratio=0.5) == (1.0, LONG)


@pytest.mark.parametrize(
    ("p_up", "held", "target", "reason"),
    [
        (0.40, 0.0, 0.0, FORBIDDEN),
        (0.40, 1.0, 0.0, FORBIDDEN),
        (0.52, 1.0, 1.0, HELD),
        (0.60, 0.0, 1.0, LONG),
        (0.60, -1.0, 1.0, LONG),
    ],
)
def test_where_short_is_forbidden_a_falling_signal_is_flat(p_up, held, target, reason):
    assert outcome(p_up, held, rule=replace(RULE, allow_short=False)) == (target, reason)


@pytest.mark.parametrize(
    ("p_up", "held", "target", "reason"),
    [
        (0.5001, 0.0, 1.0, LONG),
        (0.4999, 0.0, -1.0, SHORT),
        (0.5, 0.0, 0.0, HELD),  # no information is no signal
        (0.5, 1.0, 1.0, HELD),
        (0.4999, 1.0, -1.0, SHORT),
    ],
)
def test_a_band_of_zero_trades_the_raw_sign(p_up, held, target, reason):
    assert outcome(p_up, held, rule=replace(RULE, band=0.0)) == (target, reason)


@pytest.mark.parametrize(
    ("p_up", "volatility", "target"),
    [(0.6, 0.02, 0.5), (0.4, 0.02, -0.5), (0.6, 0.01, 1.0), (0.6, 0.005, 1.0), (0.6, 0.04, 0.25), (0.6, 0.0, 1.0)],
)
def test_volatility_sizing_enters_with_target_over_current_at_most_whole(p_up, volatility, target):
    rule = replace(RULE, sizing=Sizing.VOLATILITY)
    assert outcome(p_up, 0.0, rule=rule, volatility=volatility)[0] == target


def test_a_size_decided_at_entry_is_kept_until_the_direction_changes():
    rule = replace(RULE, sizing=Sizing.VOLATILITY)
    assert outcome(0.60, 0.5, rule=rule, volatility=0.04) == (0.5, LONG)
    assert outcome(0.52, 0.5, rule=rule, volatility=0.04) == (0.5, HELD)
    assert outcome(0.40, 0.5, rule=rule, volatility=0.04) == (-0.25, SHORT)


RULES = st.builds(
    DecisionRule,
    band=st.sampled_from([0.0, 0.01, 0.05, 0.2]),
    exit=st.sampled_from(Exit),
    allow_short=st.booleans(),
    min_volatility=st.sampled_from([0.0, 0.01]),
    min_volume_ratio=st.sampled_from([0.0, 0.5]),
    sizing=st.sampled_from(Sizing),
    target_volatility=st.sampled_from([0.005, 0.01]),
)


@given(
    rule=RULES,
    p_up=st.floats(0, 1),
    held=st.sampled_from([-1.0, -0.3, 0.0, 0.3, 1.0]),
    volatility=st.floats(0, 0.1),
    volume_ratio=st.floats(0, 10),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_every_decision_is_a_bounded_exposure_in_the_direction_of_the_signal_or_what_was_held(
    rule, p_up, held, volatility, volume_ratio
):
    decision = decide(p_up=p_up, held=held, volatility=volatility, volume_ratio=volume_ratio, rule=rule)
    assert -1.0 <= decision.target <= 1.0
    assert decision.target in (0.0, held) or decision.target * (p_up - 0.5) > 0
    assert decision.target >= 0 or rule.allow_short or decision.target == held
    if decision.target == held:  # deciding again changes nothing
        again = decide(p_up=p_up, held=decision.target, volatility=volatility, volume_ratio=volume_ratio, rule=rule)
        assert again == decision


def test_a_decision_says_what_and_why():
    decision = decide(p_up=0.6, held=0.0, volatility=0.02, volume_ratio=1.0, rule=RULE)
    assert decision == Decision(target=1.0, reason=Reason.LONG)
    assert decision.reason == "long-signal"
