"""What trackers are told are values: equal when they say the same, and nothing is sent that was not put in."""

from datetime import UTC, datetime

from trader.core.tracking import Dispatch, Receipt, Step

STEP = Step(number=3, at=datetime(2026, 1, 1, tzinfo=UTC), metrics={"p_up": 0.5})


def test_a_dispatch_begins_empty_and_unknown_to_the_tracker():
    dispatch = Dispatch(experiment="hourly-trader", run="BTCUSDT-1h a")
    assert (dispatch.run_id, dispatch.steps) == (None, ())
    assert not dispatch.tags
    assert not dispatch.params
    assert not dispatch.files
    assert dispatch != Dispatch(experiment="hourly-trader", run="BTCUSDT-1h a", steps=(STEP,))


def test_a_receipt_without_an_error_says_that_everything_has_arrived():
    assert Receipt(run="BTCUSDT-1h a", run_id="7", sent=3).error == ""
    assert Receipt(run="BTCUSDT-1h a", run_id="7", sent=3) != Receipt(run="BTCUSDT-1h a", run_id="7", sent=2)
