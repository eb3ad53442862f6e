"""The evaluation as text: ordered, narrow enough for a terminal, and with all that there is."""

from dataclasses import replace

import numpy as np

from tests.report.evaluations import IMPORTANCE, bare_evaluation, busy_stream, whole_evaluation
from trader.core.evaluation.calibration import calibrate
from trader.core.evaluation.periods import Period
from trader.report.evaluation import (
    describe_evaluation,
    evaluation_tables,
    importance_table,
    month_table,
    probability_table,
    reliability_table,
    year_table,
)
from trader.report.tables import WIDTH


def period(name, net):
    return Period(name=name, klines=700, gross=net + 0.01, net=net, round_trips=3, max_drawdown=0.02)


def test_everything_is_told_in_order_and_fits_a_terminal():
    found = whole_evaluation()
    # As wide as figures become: a fall of hundreds of per cent, years of klines.
    wide = replace(
        found,
        metrics=replace(found.metrics, net=-12.3456, gross=9.8765, klines=65_000, round_trips=4_781),
        no_skill=replace(found.no_skill, coins=replace(found.no_skill.coins, low=-11.7544, high=-6.1008)),
        uncertainty=replace(found.uncertainty, net=replace(found.uncertainty.net, low=-11.7544, high=-6.1008)),
    )
    lines = describe_evaluation(wide, importance=IMPORTANCE)
    heads = [line.split(",")[0].split(":")[0] for line in lines if line and not line.startswith(" ")]
    assert heads == [
        *("RESULT", "RISK", "NO SKILL", "CHANCE", "CALIBRATION of p(up)", "RELIABILITY", "COLUMNS"),
        *("BY YEAR", "BY MONTH"),
    ]
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1]
    assert not any("nan" in line.lower().split() for line in lines)


def test_what_was_not_asked_for_or_is_not_known_is_left_out():
    titles = [table.title.split(":")[0] for table in evaluation_tables(bare_evaluation())]
    assert titles == ["RESULT", "RISK", "NO SKILL, at the same costs", "CHANCE", "BY YEAR", "BY MONTH, net in %"]


def test_months_are_a_row_a_year_and_years_without_a_month_have_a_hole():
    table = month_table((period("2021-12", 0.1234), period("2022-02", -0.0004), period("2022-03", -0.5)))
    assert table.rows[0] == ("2021", *[""] * 11, "+12.3")
    assert table.rows[1] == ("2022", "", "-0.0", "-50.0", *[""] * 9)
    assert len(table.columns) == len(table.align) == 13


def test_a_year_has_its_net_gross_round_trips_and_drawdown():
    assert year_table((period("2021", -0.25),)).rows == (("2021", "-25.00 %", "-24.00 %", "3", "-2.00 %", "700"),)


def test_a_forecast_is_told_beside_what_no_skill_would_have():
    p_up, labels = np.array([0.9, 0.8, 0.3, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])
    said = {row[0]: row[1] for row in probability_table(calibrate(p_up, labels)).rows}
    assert said["Brier"] == "0.03750"  # (0.01 + 0.04 + 0.09 + 0.01) / 4
    assert said["Brier skill"] == "+85.00 %"
    assert (said["AUC"], said["scored"]) == ("1.0000", "4")
    same = {row[0]: row[1] for row in probability_table(calibrate(p_up, np.ones(4))).rows}
    assert (same["AUC"], same["Brier skill"]) == ("-", "-")


def test_reliability_has_a_row_a_bin():
    stream = busy_stream()
    found = calibrate(stream.p_up, stream.labels)
    rows = reliability_table(found).rows
    assert len(rows) == len(found.reliability) == 10
    assert rows[0][0] == f"{found.reliability[0].mean_p:.3f}"
    assert sum(int(row[3].replace(",", "")) for row in rows) == len(stream)


def test_columns_that_are_missed_most_come_first_and_a_loss_is_a_minus():
    table = importance_table(IMPORTANCE)
    assert [row[0] for row in table.rows] == ["rsi_14", "mfi_7", "ma_5"]
    assert table.rows[0] == ("rsi_14", "70.0 %", "+0.01230", "-50.00 %")
    assert table.rows[1] == ("mfi_7", "5.0 %", "-", "+0.00 %")
    assert table.rows[2] == ("ma_5", "25.0 %", "+0.00000", "+2.00 %")
    assert "2,160 unseen klines" in table.title
