"""The two promises: how often a market without drift gives an alarm, and how soon one with drift does."""

from dataclasses import replace

import numpy as np
import pytest

from tests.ml.drift.markets import BUDGET, TOLD_BY, YEAR, episodes, market, trained
from trader.ml.drift.looks import alarms_at, look_daily

SAMPLES, YEARS = 4, 25
BEFORE = 60
"""Days without drift before it begins: the window is full by then."""


@pytest.mark.slow
@pytest.mark.parametrize("knows", [True, False])
def test_a_stationary_market_gives_no_more_alarms_than_are_stated(knows):
    counts = []
    for sample in range(SAMPLES):
        rows, returns = market((1 + YEARS) * YEAR, seed=100 + sample, knows=knows)
        reference, served = trained(rows, returns)
        counts.append(episodes(alarms_at(reference, look_daily(reference, served)).any))
    rate = np.mean(counts) / YEARS
    error = np.std(counts, ddof=1) / np.sqrt(SAMPLES) / YEARS
    assert rate - 2 * error <= BUDGET.false_alarms_per_year
    assert rate > 0.05, "limits that nothing ever reaches see nothing"


def hours_until(reference, served, alarm, *, begins, days):
    """The hours from the beginning of a drift to the first alarm, one for each stretch of days; infinite if none."""
    waits = []
    for first in range(0, served.days - days + 1, days):
        looks = look_daily(reference, served.since(served.first_day + first, until=served.first_day + first + days))
        seen = np.flatnonzero(alarm(alarms_at(reference, looks)) & (looks.day - looks.day[0] + 7 > begins))
        waits.append((looks.day[seen[0]] - looks.day[0] + 7 - begins) * 24.0 if len(seen) else np.inf)
    return np.array(waits)


def drifting(served, *, days, change):
    """The rows with a change in each stretch of days, from its day `BEFORE` on."""
    return change(served, (served.day % days) >= BEFORE)


@pytest.mark.slow
@pytest.mark.parametrize(("column", "median", "most"), [(1, 360, 480), (TOLD_BY, 600, 840)])
def test_a_column_that_shifts_by_its_deviation_is_caught_within_the_stated_hours(column, median, most):
    def shift(rows, drifted):
        features = rows.features.copy()
        features[drifted, column] += 1.0
        return replace(rows, features=features)

    rows, returns = market(YEAR + 20 * 120, seed=7)
    reference, served = trained(rows, returns)
    changed = drifting(served, days=120, change=shift)
    waits = hours_until(reference, changed, lambda found: found.features[:, column], begins=BEFORE, days=120)
    assert np.median(waits) <= median
    assert np.quantile(waits, 0.95, method="lower") <= most


@pytest.mark.slow
def test_a_relation_that_turns_round_is_caught_within_the_stated_hours():
    def turn(rows, drifted):
        return replace(rows, labels=np.where(drifted, 1.0 - rows.labels, rows.labels))

    rows, returns = market(YEAR + 40 * 150, seed=8, skill=0.2)
    reference, served = trained(rows, returns)
    changed = drifting(served, days=150, change=turn)
    waits = hours_until(reference, changed, lambda found: found.relation, begins=BEFORE, days=150)
    assert served.p_up.std() == pytest.approx(0.105, abs=0.01)
    assert np.median(waits) <= 744
    assert np.quantile(waits, 0.95, method="lower") <= 1320
