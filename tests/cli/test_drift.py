"""`trader drift`: what it prints, and what it refuses."""

import json
from datetime import UTC, datetime

import pytest

from trader.cli import main
from trader.cli.drift import describe_report
from trader.ml.drift.report import DriftReport, FeatureDrift, Finding


@pytest.fixture(autouse=True)
def _demo(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADER__BOT__MODE", "demo")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))


def test_without_a_model_there_is_nothing_to_compare_with(capsys):
    assert main(["drift", "--symbol", "BTCUSDT", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["note"], found["alarms"], found["wants_training"]) == ("no model decides yet", [], False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--start", "2024-01-01"], "takes both --start and --end"),
        (["--start", "2024-02-01", "--end", "2024-01-01"], "swap them"),
        (["--start", "2024-01-01", "--end", "2024-02-01"], "no model decides yet; run `trader train"),
    ],
)
def test_a_range_that_cannot_be_looked_at_is_refused(capsys, words, said):
    assert main(["drift", "--symbol", "BTCUSDT", *words]) != 0
    assert said in capsys.readouterr().err


def test_a_report_in_words_names_each_figure_its_limit_and_the_alarms():
    report = DriftReport(
        checked_at=datetime(2024, 5, 1, tzinfo=UTC),
        model_id="m1",
        rows=700,
        window_days=30,
        false_alarms_per_year=0.5,
        features=(FeatureDrift(name="ma_5", psi=0.9, ks=0.4, limit_psi=0.5, limit_ks=0.2, alarm=True),),
        relation=Finding(name="relation", value=-1.0, limit=-2.7, what="covariance"),
        alarms=("feature ma_5",),
    )
    lines = describe_report(report, symbol="BTCUSDT")
    assert lines[0] == "BTCUSDT: 700 rows of 30 days against the training of m1: ALARM: feature ma_5"
    assert lines[1] == "limits for 0.5 false alarms a year"
    assert lines[2] == "  ma_5             PSI  0.900 (limit 0.500)   KS 0.400 (limit 0.200)  <- ALARM"
    assert lines[3] == "  relation         -1.000 (limit -2.700)  covariance"
