"""The rate at which a recipe that is no better gets through: counted as by hand, and an interval that says how well."""

from dataclasses import replace

import pytest

from tests.builders import HOUR, random_klines
from tests.ml.contests import COSTS, RULE, SKILLED
from trader.core.errors import BadConfig, BadData
from trader.ml.gate import Terms, decide_hold_out, run_gate
from trader.ml.history import build_history
from trader.ml.pool import ThreadPool
from trader.ml.promotion import GateRules
from trader.ml.promotion_rate import Gate, hold_outs, no_skill_rates, wilson
from trader.ml.recipe import Ensemble
from trader.ml.walkforward import Fold

RECIPE = replace(SKILLED, look_back_days=20, rounds=8, params={"max_depth": 3, "subsample": 0.5})
KLINES = random_klines(2300, seed=5)
HISTORY = build_history(KLINES, names=RECIPE.features)
TERMS = Terms(rule=replace(RULE, band=0.0), costs=replace(COSTS, fee_rate=0.0), range_margin=1.0)
LOOSE = GateRules(confidence=0.6, margin=0.0, min_round_trips=1, min_exposure=0.0, draws=100, block=None)
STRICT = replace(LOOSE, margin=9.0)
ROWS = (1000, 1800, 1950, 2100, 2250)


def rates(gates, *, recipe=RECIPE, rows=ROWS, seeds=(0, 1, 2)):
    pool = ThreadPool(HISTORY, workers=2)
    try:
        return no_skill_rates(HISTORY, recipe=recipe, rows=rows, seeds=seeds, gates=gates, terms=TERMS, pool=pool)
    finally:
        pool.close()


def test_the_count_is_that_of_the_gate_itself_run_at_every_hour():
    (found,) = rates([Gate(hold_out_days=5, rules=LOOSE)])
    verdicts = [
        run_gate(
            KLINES,
            champion=replace(RECIPE, seed=0),
            challenger=replace(RECIPE, seed=seed),
            start=KLINES.first + (row - 120) * HOUR,
            end=KLINES.first + row * HOUR,
            terms=TERMS,
            rules=LOOSE,
            seed=RECIPE.seed,
        )
        for row in ROWS[1:]
        for seed in (1, 2)
    ]
    assert (found.hours, found.contests) == (4, 8)  # the first row has no look-back before its hold-out
    assert found.promoted == sum(verdict.promoted for verdict in verdicts)
    assert 0 < found.promoted < 8
    assert found.rate == found.promoted / 8
    assert (found.low, found.high) == wilson(4 * found.rate, of=4)


def test_each_gate_has_its_own_hold_out_and_rules():
    found = rates([Gate(hold_out_days=days, rules=rules) for days in (5, 20) for rules in (LOOSE, STRICT)])
    assert [each.hours for each in found] == [4, 4, 2, 2]
    assert found[1].promoted == found[3].promoted == 0
    assert [each.gate.hold_out_days for each in found] == [5, 5, 20, 20]
    assert found[0] == rates([Gate(hold_out_days=5, rules=LOOSE)])[0]


def test_a_hold_out_ends_with_the_close_of_its_row_and_the_members_of_two_ensembles_do_not_overlap():
    """Seeds 0 and 1 of two members each: 0, 1 and 2, 3."""
    ensemble = replace(RECIPE, ensemble=Ensemble(size=2))
    pool = ThreadPool(HISTORY, workers=1)
    ((first, second),) = hold_outs(HISTORY, recipe=ensemble, rows=[1800], seeds=(0, 1), days=5, terms=TERMS, pool=pool)
    pool.close()
    fold = Fold(start=1680, stop=1800)
    for found, seed in ((first, 0), (second, 2)):
        expected = decide_hold_out(KLINES, recipe=replace(ensemble, seed=seed), fold=fold, terms=TERMS)
        assert found.open_time.tolist() == expected.open_time.tolist()
        assert found.p_up.tolist() == expected.p_up.tolist()
    assert first.next_closes[-1] == KLINES.close[1800]


def test_wilsons_interval_by_hand():
    """1 of 10 at 90 %, z = 1.6449: centre (0.1 + 0.13528) / 1.27055, half 1.29463 * sqrt(0.009 + 0.0067639)."""
    low, high = wilson(1, of=10)
    assert (low, high) == (pytest.approx(0.02263, abs=1e-4), pytest.approx(0.34773, abs=1e-4))
    assert wilson(0, of=10)[0] == 0.0
    assert wilson(10, of=10)[1] == pytest.approx(1.0)
    assert wilson(0, of=0) == (0.0, 1.0)


def test_one_seed_and_rows_without_a_past_are_refused():
    with pytest.raises(BadConfig, match="two different seeds"):
        rates([Gate(hold_out_days=5, rules=LOOSE)], seeds=(1, 1))
    with pytest.raises(BadData, match="no hour has a hold-out of 50 days"):
        rates([Gate(hold_out_days=50, rules=LOOSE)], rows=[1500])
