"""The gate: skill wins, luck rarely does, and neither idleness nor the future gets a recipe through."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import HOUR, random_klines
from tests.core.evaluation.streams import random_walk, stream_of
from tests.ml.contests import BLIND, COSTS, RULE, SKILLED, returning_klines
from trader.core.errors import BadData
from trader.core.evaluation.bootstrap import paired_lower_bound
from trader.core.klines import Klines
from trader.ml.gate import Terms, decide_hold_out, judge, run_gate
from trader.ml.history import build_history
from trader.ml.promotion import GateRules
from trader.ml.training import train_model
from trader.ml.walkforward import Fold, FoldTask, fit_fold, trade

TERMS = Terms(rule=RULE, costs=COSTS, range_margin=1.0)
RULES = GateRules(confidence=0.95, margin=0.0, min_round_trips=5, min_exposure=0.05, draws=300, block=None)
RULES_OF_DAYS = replace(RULES, min_exposure=0.01)
KLINES = returning_klines(2600, seed=3)
START, END = KLINES.first + 2000 * HOUR, KLINES.first + 2500 * HOUR


def gate(klines=KLINES, *, champion=BLIND, challenger=SKILLED, start=START, end=END, terms=TERMS, rules=RULES, seed=0):
    return run_gate(
        klines,
        champion=champion,
        challenger=challenger,
        start=start,
        end=end,
        terms=terms,
        rules=rules,
        seed=seed,
    )


def test_a_skilled_challenger_is_promoted_and_the_verdict_says_on_what_grounds():
    verdict = gate()
    assert verdict.promoted
    assert "with 95% confidence it earns at least +" in verdict.why
    assert (verdict.first, verdict.last) == (START, END - HOUR)
    assert verdict.challenger.net > 1 > verdict.champion.net
    assert verdict.difference == pytest.approx(verdict.challenger.net - verdict.champion.net)
    assert 0 < verdict.bound < verdict.difference
    assert (verdict.rules, verdict.seed) == (RULES, 0)


def test_an_unskilled_challenger_does_not_replace_a_skilled_champion():
    verdict = gate(champion=SKILLED, challenger=BLIND)
    assert not verdict.promoted
    assert verdict.bound < 0
    assert "more than +0.0000 is needed" in verdict.why


def test_a_recipe_decides_the_hold_out_as_its_model_trained_at_the_start_would():
    model = train_model(KLINES.until(START), symbol="BTCUSDT", recipe=SKILLED, now=START, versions={})
    stream = decide_hold_out(KLINES, recipe=SKILLED, fold=Fold(start=2000, stop=2500), terms=TERMS)
    features = build_history(KLINES, names=SKILLED.features).features[2000:2500]
    assert stream.p_up.tolist() == model.classifier.probabilities(features).tolist()
    assert gate().challenger.net == pytest.approx(stream.net.sum())


def test_each_side_trades_by_its_own_rule_and_by_the_settings_if_it_has_none():
    idle = replace(RULE, band=0.49)
    assert gate(challenger=replace(SKILLED, decision=idle)).challenger.round_trips == 0
    assert gate(terms=replace(TERMS, rule=idle), challenger=replace(SKILLED, decision=RULE)).champion.round_trips == 0


def test_costs_can_cost_the_victory():
    idle = replace(BLIND, decision=replace(RULE, band=0.49))
    assert gate(champion=idle).promoted
    assert not gate(champion=idle, terms=replace(TERMS, costs=replace(COSTS, fee_rate=0.02))).promoted


def test_a_challenger_that_never_trades_is_refused_even_against_a_champion_that_loses():
    never = replace(SKILLED, decision=replace(RULE, band=0.49))
    loser = replace(BLIND, decision=replace(RULE, band=0.0))
    verdict = gate(champion=loser, challenger=never, terms=replace(TERMS, costs=replace(COSTS, fee_rate=0.02)))
    assert verdict.bound > 0.5
    assert not verdict.promoted
    assert "0 round trips in the hold-out; 5 are needed" in verdict.why
    assert "in a position 0.0% of the time; 5.0% is needed" in verdict.why


def test_a_challenger_that_wins_by_losing_less_is_said_to_lose():
    """Beside a champion that trades every other hour, one that trades every other day wins, and is no good either."""
    rng, closes = np.random.default_rng(0), random_walk(2160, seed=1)
    busy, calm = np.repeat(rng.choice([-1.0, 1.0], 1080), 2), np.zeros(2160)
    for day in range(0, 2160, 48):
        calm[day : day + 2] = rng.choice([-1.0, 1.0])
    verdict = judge(stream_of(busy, closes=closes), stream_of(calm, closes=closes), rules=RULES_OF_DAYS, seed=0)
    assert verdict.promoted
    assert verdict.champion.net < verdict.challenger.net < 0
    assert f"although it loses, too ({verdict.challenger.net:+.4f} net)" in verdict.why
    skilled = judge(stream_of(busy, closes=closes), stream_of(foresight(closes), closes=closes), rules=RULES, seed=0)
    assert skilled.promoted
    assert "loses" not in skilled.why


def foresight(closes):
    return np.sign(np.diff(closes))


def test_the_same_recipe_is_never_promoted_whatever_margin_is_asked_for():
    for same in (SKILLED, replace(SKILLED, decision=RULE), replace(SKILLED, params=dict(SKILLED.params))):
        verdict = gate(champion=SKILLED, challenger=same, rules=replace(RULES, margin=-1.0))
        assert not verdict.promoted
        assert verdict.why == "it is the champion's own recipe"
        assert verdict.difference == verdict.bound == 0.0
    assert gate(champion=replace(SKILLED, decision=replace(RULE, band=0.0)), rules=replace(RULES, margin=-1.0)).promoted


def test_the_bound_has_to_exceed_the_margin():
    bound = gate().bound
    assert gate(rules=replace(RULES, margin=bound - 1e-6)).promoted
    assert not gate(rules=replace(RULES, margin=bound)).promoted


def test_round_trips_and_exposure_are_enough_when_they_reach_what_is_asked():
    side = gate().challenger
    assert gate(rules=replace(RULES, min_round_trips=side.round_trips, min_exposure=side.exposed)).promoted
    assert not gate(rules=replace(RULES, min_round_trips=side.round_trips + 1)).promoted
    assert not gate(rules=replace(RULES, min_exposure=side.exposed + 0.001)).promoted


def test_the_bound_is_the_paired_one_of_core_evaluation():
    a, b = (
        decide_hold_out(KLINES, recipe=each, fold=Fold(start=2000, stop=2500), terms=TERMS) for each in (SKILLED, BLIND)
    )
    rules = replace(RULES, block=48.0, confidence=0.9)
    verdict = judge(b, a, rules=rules, seed=7)
    assert verdict.block == 48.0
    assert verdict.bound == paired_lower_bound(a.net, b.net, seed=7, confidence=0.9, draws=300, block=48.0)
    assert verdict == gate(rules=rules, seed=7)


def test_recipes_on_other_columns_and_horizons_can_be_compared():
    other = replace(SKILLED, features=("rsi_7", "mfi_14", "ma_20"), horizon=4)
    verdict = gate(champion=other)
    model = train_model(KLINES.until(START), symbol="BTCUSDT", recipe=other, now=START, versions={})
    stream = decide_hold_out(KLINES, recipe=other, fold=Fold(start=2000, stop=2500), terms=TERMS)
    features = build_history(KLINES, names=other.features).features[2000:2500]
    assert stream.p_up.tolist() == model.classifier.probabilities(features).tolist()
    assert verdict.champion is not None
    assert verdict.bound is not None


def test_nothing_after_the_hold_out_changes_the_verdict_and_its_last_close_does():
    assert gate(poisoned(2501)) == gate()
    assert gate(poisoned(2500)) != gate()


def test_nothing_in_the_hold_out_reaches_the_models():
    honest = first_probabilities(KLINES)
    assert np.array_equal(first_probabilities(poisoned(2001)), honest)
    assert np.array_equal(first_probabilities(poisoned(2001, times=1 / 3)), honest)
    reached = [first_probabilities(poisoned(2000, times=times)) for times in (3.0, 1 / 3)]
    assert not all(np.array_equal(each, honest) for each in reached)  # one of them turns the last label around


def test_the_hold_out_ends_with_the_last_known_return():
    verdict = gate(KLINES[:2301], end=END)
    assert verdict.last == START + 299 * HOUR
    assert verdict == gate(end=START + 300 * HOUR)


def test_a_hold_out_without_settled_hours_is_refused():
    with pytest.raises(BadData, match=r"hold-out from 2024-\d\d-\d\d .* has no settled klines"):
        gate(KLINES[:2001])


@pytest.mark.parametrize(
    ("unfit", "words"),
    [
        (replace(BLIND, look_back_days=1), "cannot be fitted: only 24 rows"),
        (replace(BLIND, features=("moon_28",)), "cannot be fitted: indicator 'moon_28' is unknown"),
    ],
)
def test_a_recipe_that_cannot_be_fitted_is_words_and_no_promotion(unfit, words):
    verdict = gate(champion=unfit)
    assert not verdict.promoted
    assert verdict.why.startswith("the champion's recipe " + words)
    assert verdict.champion is verdict.difference is verdict.bound is None
    assert verdict.challenger is not None
    verdict = gate(challenger=unfit)
    assert not verdict.promoted
    assert verdict.why == "the challenger's recipe " + words + verdict.why.partition(words)[2]


@pytest.mark.slow
def test_without_skill_hardly_any_challenger_gets_through():
    """A bound with 95 % confidence lets 5 % through; of 60, more than 8 would be a chance of 1 in 500."""
    promoted = 0
    for seed in range(60):
        klines = random_klines(1900, seed=seed)
        promoted += gate(
            klines,
            champion=replace(SKILLED, seed=1),
            challenger=replace(SKILLED, params=SKILLED.params | {"subsample": 0.5}, seed=2),
            start=klines.first + 1600 * HOUR,
            end=klines.last,
            rules=replace(RULES, min_round_trips=1, min_exposure=0.0),
        ).promoted
    assert promoted <= 8


def test_streams_of_the_same_hours_are_what_is_judged():
    history = build_history(KLINES, names=SKILLED.features)
    found = fit_fold(history, FoldTask(fold=Fold(start=2000, stop=2100), recipe=SKILLED, range_margin=1.0))
    stream = trade(history, found, rule=RULE, costs=COSTS)
    with pytest.raises(BadData, match="same hours"):
        judge(stream, stream[:50], rules=RULES, seed=0)


def poisoned(first: int, *, times=3.0) -> Klines:
    """The klines with every price from this row on so many times as high."""
    columns = {name: column.copy() for name, column in KLINES.columns()}
    for name in ("open", "high", "low", "close"):
        columns[name][first:] *= times
    return Klines(interval=KLINES.interval, **columns)


def first_probabilities(klines: Klines):
    """What the hold-out's models say about hours before it, which no poison in the hold-out reaches."""
    history = build_history(klines, names=SKILLED.features)
    clean = build_history(KLINES, names=SKILLED.features)
    mixed = replace(history, features=np.vstack([history.features[:2000], clean.features[2000:]]))
    return fit_fold(mixed, FoldTask(fold=Fold(start=2000, stop=2100), recipe=SKILLED, range_margin=1.0)).p_up
