"""One look in words, and many looks at once: they are the same looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.ml.drift.markets import BUDGET, NAMES, YEAR, market, trained
from trader.core.klines import from_ms
from trader.ml.drift import limits
from trader.ml.drift.distance import edges_of
from trader.ml.drift.examine import examine
from trader.ml.drift.importance import importance_drift, rank_correlation
from trader.ml.drift.looks import alarms_at, look_daily
from trader.ml.drift.past import past_alarms, stretches
from trader.ml.drift.reference import Before
from trader.ml.drift.report import DriftReport, FeatureDrift, Finding, alarms_of

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def world():
    """A year that was trained on with few simulated years, and eighty days after it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "YEARS", 40)
        rows, returns = market(YEAR + 80, seed=4)
        return trained(rows, returns)


def at_day(served, day):
    """The rows of the first days, and the moment at which the last one is over."""
    known = served.since(served.first_day, until=served.first_day + day)
    return known, from_ms(int(known.open_time[-1]) + 3_600_000)


@pytest.mark.parametrize("day", [7, 12, 30, 55])
def test_a_look_finds_what_the_looks_of_many_days_find_on_that_day(world, day):
    reference, served = world
    known, now = at_day(served, day)
    report = examine(reference, known, now=now)
    looks = look_daily(reference, served)
    place = day - 7
    assert [each.ks for each in report.features] == looks.ks[place].tolist()
    assert [each.psi for each in report.features] == looks.psi[place].tolist()
    assert report.prediction.value == looks.prediction[place]
    assert report.relation.value == pytest.approx(looks.relation[place])
    assert report.performance.value == pytest.approx(looks.performance[place])
    assert report.label_rate.value == pytest.approx(abs(looks.rate[place] - reference.label_rate))
    assert report.alarms == () or alarms_at(reference, looks).any[place]
    assert report.rows == min(day, 30) * 24


def test_limits_are_wider_over_fewer_rows_by_the_root_of_what_they_tell_less(world):
    reference, served = world
    full, few = (examine(reference, known, now=now) for known, now in (at_day(served, 40), at_day(served, 10)))
    year = YEAR * 24
    wide = np.sqrt((1 / 240 + 1 / year) / (1 / 720 + 1 / year))
    assert few.features[0].limit_ks == pytest.approx(full.features[0].limit_ks * wide)
    assert few.features[0].limit_psi == pytest.approx(full.features[0].limit_psi * wide**2)
    assert full.features[0].limit_ks == pytest.approx(reference.features.limits.ks[0])
    assert few.relation.limit == full.relation.limit


def test_fewer_than_seven_days_are_too_early_for_any_alarm(world):
    reference, served = world
    known, now = at_day(served, 6)
    strange = replace(known, features=known.features + 100)
    report = examine(reference, strange, now=now)
    assert report.too_early
    assert report.alarms == ()
    assert report.note.startswith("too early: 144 of at least 168 rows")
    late = examine(reference, served[:0], now=datetime(2024, 1, 1, tzinfo=UTC))
    assert (late.too_early, late.rows) == (True, 0)


def test_a_shifted_column_is_named_and_wants_a_training(world):
    reference, served = world
    known, now = at_day(served, 40)
    features = known.features.copy()
    features[:, 1] += 2.0
    report = examine(reference, replace(known, features=features), now=now)
    assert report.alarms == (f"feature {NAMES[1]}",)
    assert [each.name for each in report.features if each.alarm] == [NAMES[1]]
    assert report.wants_training


def test_what_another_model_decided_is_no_prediction_of_this_one(world):
    reference, served = world
    known, now = at_day(served, 40)
    p_up = known.p_up.copy()
    p_up[: -5 * 24] = np.nan
    report = examine(reference, replace(known, p_up=p_up), now=now)
    assert not report.too_early
    assert report.prediction.value is None
    assert "120 of at least 168 rows" in report.relation.what
    assert (report.relation.limit, report.performance.alarm) == (None, False)
    assert report.label_rate.value is not None


def test_a_model_that_says_the_opposite_and_loses_gives_both_alarms(world):
    reference, served = world
    known, now = at_day(served, 40)
    wrong = replace(
        known, labels=(known.p_up < 0.5).astype(float), gross=-np.abs(known.gross), net=-np.abs(known.gross)
    )
    report = examine(replace(reference, before=Before(hold_out=0.001)), wrong, now=now)
    assert {"relation", "performance"} <= set(report.alarms)
    assert "at the rate of its hold-out it would be +72.00%" in report.performance.what
    assert [each.name for each in report.figures] == ["brier", "ece", "auc"]


def test_a_market_that_only_rises_is_a_label_rate_alarm(world):
    reference, served = world
    known, now = at_day(served, 40)
    report = examine(reference, replace(known, labels=np.ones(len(known))), now=now)
    assert "label rate" in report.alarms
    assert report.label_rate.what.startswith("100.0% of the labels are up")


def test_importance_is_compared_by_rank_and_names_what_changed_most():
    gains = {"a": 0.5, "b": 0.3, "c": 0.2, "d": 0.0}
    turned = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    found = importance_drift(gains, before=turned, model_id="old")
    assert found.value == pytest.approx(-1.0)
    assert found.what == "rank correlation of gains with old; a changed most, from 10% to 50%"
    assert (found.limit, found.alarm) == (None, False)
    assert importance_drift(gains, before=None, model_id="").value is None
    assert importance_drift(gains, before={"a": 1.0}, model_id="old").what == "it shares 1 columns with old"
    # ranks 1 2.5 2.5 4 against 1 2 3 4: 4.5 / sqrt(4.5 * 5)
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.arange(4.0)) == pytest.approx(4.5 / np.sqrt(22.5))
    assert rank_correlation(np.ones(4), np.arange(4.0)) is None


def test_only_skew_is_no_reason_to_train():
    def report(*alarms):
        return DriftReport(
            checked_at=datetime(2024, 1, 1, tzinfo=UTC),
            model_id="m",
            rows=0,
            window_days=30,
            false_alarms_per_year=BUDGET.false_alarms_per_year,
            alarms=alarms,
        )

    assert [report(*names).wants_training for names in ((), ("skew",), ("skew", "relation"))] == [False, False, True]
    drifted = FeatureDrift(name="x", psi=1.0, ks=1.0, limit_psi=0.5, limit_ks=0.5, alarm=True)
    assert alarms_of((drifted,), None, Finding(name="relation", value=-9.0, limit=-3.0, alarm=True)) == (
        "feature x",
        "relation",
    )


def test_alarms_of_the_past_are_told_once_with_their_first_day(world):
    reference, served = world
    features = served.features.copy()
    features[(served.day >= 50) & (served.day < 60), 0] += 50.0
    found = past_alarms(reference, look_daily(reference, replace(served, features=features)))
    mine = [each for each in found if each.name == f"feature {NAMES[0]}"]
    assert len(mine) == 1
    begins = from_ms(served.first_day * 86_400_000) + 50 * DAY
    needed = np.ceil(reference.features.limits.ks[0] * 30)  # so many days of thirty are wholly elsewhere
    assert abs(mine[0].began - (begins + needed * DAY)) <= DAY
    assert mine[0].looks >= 20
    assert stretches(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert stretches(np.zeros(3, dtype=bool)) == []
    assert edges_of(served.features).shape == (10, 49)
