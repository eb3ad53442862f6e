"""The curves of a ledger, by hand."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trader.core.errors import BadConfig, BadData
from trader.core.klines import to_ms
from trader.report.curves import equity_curves, stretches


def ledger(**columns) -> pd.DataFrame:
    """Four runs, two replayed and two live, of which columns can be replaced."""
    values = {
        "open_time": pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC"),
        "origin": ["replay", "replay", "live", "live"],
        "outcome": ["decided", "missed", "decided", "decided"],
        "reason": ["long-signal", "missed", "long-signal", "exit-rule"],
        "p_up": [0.6, np.nan, 0.6, 0.5],
        "close": [100.0, 110.0, 99.0, 120.0],
        "exposure": [1.0, 1.0, 1.0, 0.0],
        "paper_gross": [0.0, 0.1, 0.0, 0.2],
        "paper_net": [0.0, 0.099, -0.001, 0.199],
        "execution_equity": [0.0, 50.0, np.nan, 100.0],
        "halted": [False, False, True, False],
        "model_id": ["a", "a", "b", "b"],
    }
    return pd.DataFrame({**values, **columns})


def test_curves_are_per_cent_of_the_notional_at_the_close_of_each_kline():
    curves = equity_curves(ledger(), interval="1h", notional=500.0)
    np.testing.assert_allclose(curves.net, [0.0, 9.9, -0.1, 19.9])
    np.testing.assert_allclose(curves.gross, [0.0, 10.0, 0.0, 20.0])
    np.testing.assert_allclose(curves.execution, [0.0, 10.0, np.nan, 20.0])
    np.testing.assert_allclose(curves.hold, [0.0, 10.0, -1.0, 20.0])
    assert curves.closed[0] == to_ms(datetime(2024, 1, 1, 1, tzinfo=UTC))
    assert curves.hours == 3
    assert curves.exposure.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert curves.halted.tolist() == [False, False, True, False]
    assert curves.missed.tolist() == [False, True, False, False]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_resolution_of_the_times_does_not_matter(unit):
    frame = ledger()
    frame["open_time"] = frame["open_time"].astype(f"datetime64[{unit}, UTC]")
    curves = equity_curves(frame, interval="1h", notional=1.0)
    assert np.diff(curves.closed).tolist() == [3_600_000] * 3


def test_the_first_origin_is_no_change_and_a_new_one_is():
    assert equity_curves(ledger(), interval="1h", notional=1.0).origin_changes == (2,)
    assert equity_curves(ledger(origin=["live"] * 4), interval="1h", notional=1.0).origin_changes == ()


@pytest.mark.parametrize(
    ("models", "changes"),
    [
        (["a", "a", "b", "b"], (2,)),
        ([None, "a", "a", "b"], (3,)),
        (["", "a", "a", "a"], ()),
        (["a", None, "a", "b"], (3,)),
        (["a", "b", None, "a"], (1, 3)),
        ([None, None, None, None], ()),
    ],
)
def test_the_first_model_is_no_change_nor_is_a_run_without_one(models, changes):
    assert equity_curves(ledger(model_id=models), interval="1h", notional=1.0).model_changes == changes


def test_an_empty_ledger_has_empty_curves():
    curves = equity_curves(ledger().iloc[:0], interval="1h", notional=1.0)
    assert len(curves) == 0
    assert curves.hours == 0
    assert curves.origin_changes == curves.model_changes == ()


def test_a_missing_column_is_named():
    with pytest.raises(BadData, match="'paper_net' is missing"):
        equity_curves(ledger().drop(columns="paper_net"), interval="1h", notional=1.0)


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 1, 1, 2]])
def test_runs_out_of_order_or_repeated_are_refused(order):
    with pytest.raises(BadData, match="out of order"):
        equity_curves(ledger().iloc[order], interval="1h", notional=1.0)


@pytest.mark.parametrize("notional", [0.0, -1.0, float("nan")])
def test_a_notional_that_is_not_positive_is_refused(notional):
    with pytest.raises(BadConfig, match="not positive"):
        equity_curves(ledger(), interval="1h", notional=notional)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("", []), ("000", []), ("111", [(0, 3)]), ("0110", [(1, 3)]), ("101", [(0, 1), (2, 3)])],
)
def test_stretches_are_first_and_after_last(flags, expected):
    assert stretches(np.array([flag == "1" for flag in flags], dtype=bool)) == expected
