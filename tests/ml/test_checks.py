"""Every behavioural check passes a model that is fine, and fails one that has just that defect."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import START, klines_of, ticked
from tests.ml.contests import BLIND, RULE, SKILLED, returning_klines
from trader.core.errors import BadData
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines
from trader.ml.checks import (
    CheckName,
    check_columns,
    check_model,
    check_probabilities,
    check_ranges,
    check_saved,
    check_ticks,
    failed,
    tick_of,
)
from trader.ml.promotion import CheckLimits
from trader.ml.recipe import Ensemble
from trader.ml.training import train_model

LIMITS = CheckLimits(max_one_sided=0.95, min_distinct=10, max_tick_flips=0.05, max_tick_shift=0.05)
KLINES = returning_klines(1800, seed=8)
RECENT = KLINES[-(WARM_UP + 100) :]


def trained(recipe=SKILLED, klines=KLINES):
    return train_model(klines, symbol="BTCUSDT", recipe=recipe, now=START, versions={})


MODEL = trained()


def with_card(**changes):
    return replace(MODEL, card=replace(MODEL.card, **changes))


def check(model, klines=RECENT, *, limits=LIMITS, tick=0.0001, rule=RULE):
    return {each.name: each for each in check_model(model, klines, rule=rule, tick=tick, limits=limits)}


def test_a_model_that_behaves_passes_every_check():
    checks = check(MODEL)
    assert list(checks) == list(CheckName)
    assert failed(tuple(checks.values())) == ()
    assert checks[CheckName.DISTINCT].figure > 20
    assert checks[CheckName.ONE_SIDED].figure < 0.7


def test_an_ensemble_is_checked_as_one_model():
    assert failed(tuple(check(trained(replace(SKILLED, ensemble=Ensemble(size=2)))).values())) == ()


def test_a_constant_model_is_neither_distinct_nor_balanced():
    checks = check(trained(replace(SKILLED, params={"gamma": 1e9})))
    assert {each.name for each in failed(tuple(checks.values()))} == {CheckName.DISTINCT, CheckName.ONE_SIDED}
    assert checks[CheckName.DISTINCT].figure == 1
    assert checks[CheckName.ONE_SIDED].figure == 1.0


def test_one_sided_is_the_larger_share_and_even_chances_are_on_no_side():
    distinct, side = check_probabilities(np.array([0.6] * 7 + [0.5] * 2 + [0.4]), limits=LIMITS)
    assert (distinct.figure, distinct.passed) == (3, False)
    assert (side.figure, side.passed) == (0.7, True)
    falls = replace(LIMITS, max_one_sided=0.69, min_distinct=3)
    distinct, side = check_probabilities(1 - np.array([0.6] * 7 + [0.5] * 2 + [0.4]), limits=falls)
    assert (distinct.passed, side.passed) == (True, False)
    assert side.words == "70.0% of 10 probabilities are on one side of 0.5; at most 69.0%"


def test_a_model_that_is_asked_with_other_columns_is_not_asked_at_all():
    swapped = with_card(features=("ma_10", "ma_5"))
    assert check_columns(swapped).words == "2 of 2 columns differ between the card and the trees"
    assert [(each.name, each.passed) for each in check(swapped).values()] == [(CheckName.COLUMNS, False)]
    assert check_columns(with_card(features=("ma_5",))).figure == 1


@pytest.mark.parametrize(
    ("features", "values"),
    [
        (("ma_5", "rsi_7"), (0.19, 50.0)),
        (("ma_5", "rsi_7"), (5.1, 50.0)),
        (("ma_5", "rsi_7"), (1.0, 100.1)),
        (("ma_5", "mfi_7"), (1.0, -0.1)),
        (("ma_5", "volatility_24"), (1.0, 1.1)),
        (("ma_5", "volume_ratio_24"), (1.0, np.inf)),
        (("ma_5", "volume_ratio_24"), (1.0, np.nan)),
    ],
)
def test_values_that_cannot_be_are_found_in_the_training_rows_and_in_recent_ones(features, values):
    fine = np.ones((3, 2))
    model = with_card(features=features, feature_low=(1.0, 1.0), feature_high=(1.0, 1.0))
    assert check_ranges(model, fine).passed
    assert not check_ranges(model, np.vstack([fine, values])).passed
    low, high = (tuple(float(each) for each in extreme([values, (1.0, 1.0)], axis=0)) for extreme in (np.min, np.max))
    trained_on = with_card(features=features, feature_low=low, feature_high=high)
    assert check_ranges(trained_on, fine).figure == 1


def test_a_price_that_is_a_digit_off_is_named():
    columns = {name: column.copy() for name, column in RECENT.columns()}
    for name in ("open", "high", "low", "close"):
        columns[name][-10:] /= 10
    found = check(MODEL, Klines(interval="1h", **columns))[CheckName.RANGES]
    assert not found.passed
    assert "ma_5 lies in" in found.words


def test_a_model_that_splits_at_the_last_digit_is_torn_by_a_tick():
    """On alternating closes of 100.00 and 100.01 with nothing else to go by, a tick turns each hour into the other."""
    rng = np.random.default_rng(0)
    up = rng.random(1800) < 0.5
    klines = klines_of(np.where(up, 100.01, 100.0))
    model = trained(klines=klines)
    shift, flips = check_ticks(
        model, klines, rows=np.arange(1700, 1799), rule=replace(RULE, band=0.0), tick=0.01, limits=LIMITS
    )
    assert shift.figure > 0.2
    assert flips.figure > 0.2
    assert (shift.passed, flips.passed) == (False, False)
    assert check(MODEL)[CheckName.TICK_SHIFT].figure <= 0.05
    assert check(MODEL, tick=2.0)[CheckName.TICK_SHIFT].figure > 0.05


def test_a_tick_flips_no_decision_inside_a_wide_band():
    checks = check(MODEL, tick=2.0, rule=replace(RULE, band=0.49))
    assert checks[CheckName.TICK_FLIPS].figure == 0.0
    own = replace(MODEL, card=replace(MODEL.card, decision=replace(RULE, band=0.49)))
    assert check(own, tick=2.0)[CheckName.TICK_FLIPS].figure == 0.0
    assert check(MODEL, tick=2.0)[CheckName.TICK_FLIPS].figure > 0.05


def test_a_model_whose_file_would_be_another_is_found():
    features = np.ones((4, 2))
    assert check_saved(MODEL, features).passed
    other = replace(MODEL, classifier=trained(replace(SKILLED, seed=9, params={"subsample": 0.5})).classifier)
    found = check_saved(other, features)
    assert not found.passed
    assert "is not the file its card describes" in found.words


def test_filled_hours_are_not_asked_about():
    columns = {name: column.copy() for name, column in RECENT.columns()}
    columns["filled"][WARM_UP - 1 : -3] = True
    assert "in 3 rows" in check(MODEL, Klines(interval="1h", **columns))[CheckName.DISTINCT].words
    columns["filled"][:] = True
    with pytest.raises(BadData, match="too few to check a model on"):
        check(MODEL, Klines(interval="1h", **columns))


def test_too_few_klines_to_ask_about_are_refused():
    with pytest.raises(BadData, match="999 klines are too few"):
        check(trained(BLIND), RECENT[:999])


def test_the_tick_is_the_smallest_step_between_closes():
    assert tick_of(klines_of([100.0, 100.25, 99.0, 99.03])) == pytest.approx(0.03)
    assert tick_of(klines_of([100.0, 100.0])) == 1e-8
    assert tick_of(ticked(KLINES)) == pytest.approx(0.01)
