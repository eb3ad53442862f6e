"""The figures in words: each with its value, what is undefined is a dash, and too few round trips are said to be."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.core.evaluation.streams import COSTS, stream_of
from tests.report.evaluations import bare_evaluation, whole_evaluation
from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.report import evaluate_stream
from trader.report.figures import figure_tables


def values(found):
    return {row[0]: row[1] for table in figure_tables(found) for row in table.rows}


def test_a_round_trip_worked_out_by_hand_is_printed_with_its_costs_and_as_no_evidence():
    # Long from 100 to 110 (+10 %), then flat: entered and left, 10 basis points each.
    found = evaluate_stream(stream_of([1.0, 0.0], closes=[100.0, 110.0, 110.0]), costs=COSTS, seed=0, draws=20)
    said = values(found)
    assert (said["net"], said["gross"], said["costs"]) == ("+9.80 %", "+10.00 %", "-0.20 %")
    assert said["round trips"] == "1 NO EVIDENCE"
    assert (said["turnover"], said["exposed"], said["hit rate"], said["winners"]) == (
        "2",
        "50.0 %",
        "100.0 %",
        "100.0 %",
    )
    assert (said["always long"], said["always short"], said["flat"]) == ("+9.90 %", "-10.10 %", "+0.00 %")
    assert said["expectancy"] == "+9.80 %"
    assert said["best, worst"] == "+9.90 %, -0.10 %"
    assert (said["drawdown"], said["recovered"]) == ("-0.10 %", "-")
    assert (said["drawdown from"], said["drawdown to"]) == ("2024-01-01 02:00", "2024-01-01 03:00")
    (costs,) = [row[2] for table in figure_tables(found) for row in table.rows if row[0] == "costs"]
    assert costs == "fee 10 bp, slippage 0 bp a side"


def test_what_is_undefined_is_a_dash_and_nothing_is_called_nan_or_none():
    said = values(bare_evaluation())
    for name in ("Sharpe", "Sortino", "Calmar", "hit rate", "profit factor", "expectancy", "PSR", "drawdown from"):
        assert said[name] == "-", name
    assert said["record needed"] == "no length"
    assert said["Sharpe, 90 %"] == "-"
    assert not {"nan", "none"} & {value.lower() for value in said.values()}
    assert "-0.00 %" not in said.values()


def test_enough_round_trips_are_not_called_no_evidence():
    said = values(whole_evaluation())
    assert int(said["round trips"].replace(",", "")) >= 30


def test_luck_of_a_search_is_told_for_independent_trials_and_for_all_of_them_only_where_they_differ():
    found = whole_evaluation()
    deflated = found.luck.deflated
    said = values(found)
    assert said["DSR"] == f"{deflated.probability:.3f}"
    assert said["DSR, all trials"] == f"{deflated.raw_probability:.3f}"
    assert said["PBO"] == f"{found.overfitting.pbo * 100:.1f} %"
    alike = replace(deflated, trials=TrialsInfo(raw=40, effective=40.0, sharpe_variance=0.001))
    by_hand = values(replace(found, luck=replace(found.luck, deflated=alike), overfitting=None))
    assert "DSR" in by_hand
    assert not {"DSR, all trials", "PBO"} & by_hand.keys()
    assert "DSR" not in values(replace(found, luck=replace(found.luck, deflated=None)))


def test_the_length_of_a_record_is_told_in_years():
    found = whole_evaluation()
    long = replace(found.luck, needed=8760.0 * 12.34)
    hopeless = replace(found.luck, needed=8760.0 * 1e7)
    metrics = replace(found.metrics, klines=8760 * 2)
    assert values(replace(found, luck=long, metrics=metrics))["record needed"] == "12.3 years"
    assert values(replace(found, luck=long, metrics=metrics))["record"] == "2.0 years"
    assert values(replace(found, luck=hopeless))["record needed"] == "> 1,000 years"


def test_a_drawdown_has_its_dates():
    found = whole_evaluation()
    back = replace(found.metrics.drawdown, recovery=datetime(2024, 5, 6, 7, tzinfo=UTC))
    assert values(replace(found, metrics=replace(found.metrics, drawdown=back)))["recovered"] == "2024-05-06 07:00"
