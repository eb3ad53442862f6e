"""Trainings are numbered, and never so that a new one looks like one that was seen before."""

from datetime import UTC, datetime, timedelta

from trader.core.training import FinishedTraining, TrainingOutcome, number_after

AT = datetime(2024, 1, 1, tzinfo=UTC)


def test_trainings_count_up_by_one_whatever_the_time():
    last = FinishedTraining(number=41, at=AT, model_id="", outcome=TrainingOutcome.FAILED)
    assert number_after(last, at=AT - timedelta(days=1)) == 42


def test_a_count_that_begins_anew_begins_with_a_number_nobody_has_seen():
    assert number_after(None, at=AT) == 1704067200
    assert number_after(None, at=AT + timedelta(seconds=1)) == 1704067201
