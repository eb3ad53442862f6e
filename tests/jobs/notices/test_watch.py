from dataclasses import replace

import pytest

from tests.jobs.notices.rows import FIRST, HOUR
from trader.core.notices import Level, Topic
from trader.jobs.notices import of_drift, of_tracker, of_verification
from trader.jobs.verification.verify import Verification
from trader.ml.drift.report import DriftReport

REPORT = DriftReport(checked_at=FIRST, model_id="20260101T0000-ab", rows=700, window_days=30, false_alarms_per_year=0.5)


def test_a_look_without_alarms_is_nothing_to_tell():
    assert of_drift("BTCUSDT", REPORT) == ()


def test_drift_names_what_has_moved_and_a_skew_is_told_apart():
    drift, skew = of_drift("BTCUSDT", replace(REPORT, alarms=("feature rsi_14", "relation", "skew")))
    assert (drift.topic, drift.level, drift.at) == (Topic.DRIFT, Level.WARNING, FIRST)
    assert drift.what == "not as in the training of 20260101T0000-ab, over 30 days: feature rsi_14, relation"
    assert (skew.topic, skew.level) == (Topic.SKEW, Level.ERROR)
    assert "`trader verify --symbol BTCUSDT`" in skew.advice


def test_a_long_list_is_cut():
    (drift,) = of_drift("BTCUSDT", replace(REPORT, alarms=tuple(f"feature f{number}" for number in range(9))))
    assert drift.what.endswith("feature f5 and 3 more")


def test_a_tracker_is_told_of_after_three_runs_in_a_row():
    def said(failures):
        return of_tracker("BTCUSDT", "mlflow", error="no answer", since=FIRST, failures=failures, at=FIRST + HOUR)

    assert said(2) == ()
    (notice,) = said(3)
    assert (notice.topic, notice.level, notice.at) == (Topic.TRACKER, Level.WARNING, FIRST + HOUR)
    assert notice.what == "tracker mlflow has failed in 3 runs in a row, since 2026-11-20 16:00 UTC: no answer"


@pytest.fixture
def verification():
    figures = dict.fromkeys(
        ("probabilities", "bitwise_equal", "missed", "gaps", "filled", "orders", "unfinished", "revised", "unchecked"),
        0,
    )
    return Verification(
        symbol="BTCUSDT",
        interval="1h",
        first=FIRST,
        last=FIRST,
        runs=24,
        seconds=1.0,
        causes={},
        differences=(),
        **figures,
    )


def test_a_verification_is_told_of_when_something_differs(verification):
    assert of_verification(verification, at=FIRST) == ()
    differing = replace(verification, causes={"code": 2, "copy": 1}, differences=(object(),))
    (notice,) = of_verification(differing, at=FIRST)
    assert (notice.topic, notice.level) == (Topic.SKEW, Level.ERROR)
    assert notice.what == "24 runs made again, not as recorded: 2 code, 1 copy"
