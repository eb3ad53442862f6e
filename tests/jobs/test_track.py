"""What trackers are told of runs, and how far a tracker has come when only a part has arrived."""

from datetime import UTC, datetime, timedelta

import pytest

from trader.core.tracking import Receipt
from trader.jobs.track import fold, segments
from trader.store.publication import Cursor, TrackedRun

NIGHT = datetime(2024, 1, 31, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = NIGHT + 10 * HOUR


def rows_of(*models, first=0):
    """Ledger rows of consecutive hours that these models decided."""
    return [
        {
            "open_time": NIGHT + (first + hour) * HOUR,
            "model_id": model,
            "p_up": None if model is None else 0.5 + hour / 100,
            "close": 100.0 + hour,
            "exposure": 1.0,
            "settled_net": 0.01 * hour,
            "settled_gross": 0.02 * hour,
            "paper_net": 0.1 * hour,
            "paper_gross": float("nan"),
            "execution_equity": None,
            "fees": 0.0,
            "seconds_to_order": None,
            "seconds": 1.0,
            "trigger_sum": None,
        }
        for hour, model in enumerate(models)
    ]


def split(rows, cursor=None):
    return segments(rows, cursor=cursor or Cursor(), prefix="BTCUSDT-1h", interval="1h", summary=None)


def receipt(segment, sent, error=""):
    return Receipt(run=segment.run.name, run_id=f"id of {segment.run.name}", sent=sent, error=error)


def test_each_model_has_a_tracked_run_and_its_steps_are_the_indices_of_the_runs():
    found = split(rows_of("a", "a", "b", "a"))
    assert [(each.run.name, [step.number for step in each.steps]) for each in found] == [
        ("BTCUSDT-1h a", [0, 1]),
        ("BTCUSDT-1h b", [2]),
        ("BTCUSDT-1h a", [3]),
    ]


def test_a_run_without_a_model_belongs_to_the_model_before_it():
    assert [each.run.model_id for each in split(rows_of("a", None, "a"))] == ["a"]
    before = Cursor(step=4, open_time=NIGHT - HOUR, run=TrackedRun(name="BTCUSDT-1h a", model_id="a", since=NIGHT))
    (only,) = split(rows_of(None, None), before)
    assert (only.run.model_id, [step.number for step in only.steps]) == ("a", [5, 6])


def test_before_the_first_model_there_is_a_tracked_run_that_says_so():
    assert [each.run.name for each in split(rows_of(None, "a"))] == ["BTCUSDT-1h no-model", "BTCUSDT-1h a"]


def test_what_is_no_number_is_not_told_and_the_rest_is_told_at_the_close():
    ((step, *_),) = [each.steps for each in split(rows_of("a"))]
    assert step.at == NIGHT + HOUR
    assert step.metrics == {
        "p_up": 0.5,
        "close": 100.0,
        "exposure": 1.0,
        "return/net": 0.0,
        "return/gross": 0.0,
        "equity/paper_net": 0.0,
        "execution/fees": 0.0,
        "latency/run_seconds": 1.0,
    }


def test_the_cursor_stands_after_the_newest_row_when_everything_has_arrived():
    found = split(rows_of("a", "a", "b"))
    failing = Cursor(failures=3, failing_since=NIGHT, error="it was away")
    cursor = fold(failing, found, [receipt(found[0], 1), receipt(found[1], 2)], at=LATER)
    assert (cursor.step, cursor.open_time, cursor.run) == (2, NIGHT + 2 * HOUR, found[1].run)
    assert cursor.known == {"BTCUSDT-1h a": "id of BTCUSDT-1h a", "BTCUSDT-1h b": "id of BTCUSDT-1h b"}
    assert (cursor.failures, cursor.failing_since, cursor.error) == (0, None, "")


@pytest.mark.parametrize(("sent", "step"), [(None, -1), (0, 0)])
def test_the_cursor_stops_where_the_first_row_is_missing_whatever_arrived_after_it(sent, step):
    found = split(rows_of("a", "a", "b"))
    receipts = [receipt(found[0], sent, "it did not answer; look at it"), receipt(found[1], 2)]
    cursor = fold(Cursor(), found, receipts, at=LATER)
    assert (cursor.step, cursor.open_time) == (step, None if sent is None else NIGHT)
    assert (cursor.failures, cursor.failing_since, cursor.error) == (1, LATER, "it did not answer; look at it")
    again = split(rows_of("a", "a", "b")[step + 1 :], cursor)
    assert [number.number for each in again for number in each.steps] == list(range(step + 1, 3))


def test_it_is_known_since_when_a_tracker_fails():
    found = split(rows_of("a"))
    once = fold(Cursor(), found, [receipt(found[0], None, "away")], at=NIGHT)
    twice = fold(once, found, [receipt(found[0], None, "still away")], at=LATER)
    assert (twice.failures, twice.failing_since, twice.error) == (2, NIGHT, "still away")
