"""The page of results: every figure of every strategy is on it, with its command, and nothing later is looked at."""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from scripts import results
from scripts.results_page import Chapter, Walked, page, promotion_section, replay_section, trigger_section
from tests.builders import HOUR, random_klines
from tests.report.evaluations import IMPORTANCE, bare_evaluation, whole_evaluation
from trader.adapters.local_storage import LocalStorage
from trader.bootstrap import recipe_of
from trader.core.errors import BadData
from trader.store.klines import KlineStore


def training(kline, outcome):
    why = "due since 2022-03-01 03:00 UTC (age)"
    return {"kline": kline, "why": why, "outcome": "finished", "finished": {"outcome": outcome, "model_id": "a-model"}}


REPLAY = {
    "symbol": "BTCUSDT",
    "start": "2022-01-01T00:00:00+00:00",
    "end": "2025-01-01T00:00:00+00:00",
    "on_halt": "mark",
    "runs": 26304,
    "halts": 2,
    "gross": 0.5,
    "net": -0.25,
    "round_trips": 29,
    "hold": 1.0,
    "performance": {"sharpe": None, "max_drawdown": 0.5},
    "trainings": [
        training("2022-03-01T04:00:00Z", "promoted"),
        training("2022-04-01T04:00:00Z", "rejected"),
        {**training("2022-05-01T04:00:00Z", "rejected"), "outcome": "failed", "finished": None},
        training("2022-06-01T04:00:00Z", "rejected"),
    ],
}


@pytest.fixture(scope="module")
def walked():
    found = whole_evaluation()
    gross = replace(found, metrics=replace(found.metrics, net=0.77))
    bare = bare_evaluation()
    return (
        Walked(strategy="first", command="trader backtest --one", net=found, gross=gross, importance=IMPORTANCE),
        Walked(strategy="second", command="trader backtest --two", net=bare, gross=bare, importance=IMPORTANCE),
    )


def written(walked, **changes):
    options = {
        "strategies": {"first": "59 days"},
        "chart": "c.png",
        "command": "make results",
        "measured": [],
        "words": [],
    }
    return page([Chapter(title="In sample, 2018", walked=walked)], **(options | changes))


def test_every_figure_stands_beside_the_other_strategys_before_and_after_costs(walked):
    lines = written(walked).splitlines()
    assert "|  | first, gross | first, net | second, gross | second, net |" in lines
    (net,) = [line for line in lines if line.startswith("| net | ")]
    assert net.split(" | ")[1] == "+77.00 %"
    assert len([line for line in lines if line.startswith("| PSR | ")]) == 1
    assert "trader backtest --one" in lines
    assert "trader backtest --two" in lines
    for title in ("RESULT", "RISK", "CHANCE", "CALIBRATION of p(up)"):
        assert f"**{title}**" in lines


def test_a_long_command_can_be_pasted_from_several_lines(walked):
    words = " ".join(f"TRADER__TRAIN__SETTING_{number}={number}" for number in range(6))
    long = replace(walked[0], command=f"{words} trader backtest --one")
    lines = written((long,)).splitlines()
    block = lines[lines.index("```") + 1 : lines.index("```", lines.index("```") + 1)]
    assert max(map(len, block)) <= 114
    assert block[-1] == "  trader backtest --one"
    assert "".join(line.removesuffix("\\").strip() + " " for line in block).strip() == long.command


def test_a_strategy_without_evidence_is_called_so_wherever_its_return_is(walked):
    text = written(walked)
    (short,) = [line for line in text.splitlines() if line.startswith("| In sample, 2018 | second")]
    assert "0 NO EVIDENCE" in short
    assert "| round trips | " in text


def test_tables_are_whole(walked):
    sections = [replay_section([REPLAY]), trigger_section(TRIGGER), promotion_section(PROMOTION)]
    width = 0
    for line in written(walked, measured=sections).splitlines():
        if line.startswith("|"):
            cells = line.count("|")
            assert width in (0, cells), line
            width = cells
        else:
            width = 0


def test_sections_from_files_and_words_of_a_person_are_kept_as_they_are(walked):
    lines = written(walked, measured=[["## Measured", "", "text"]], words=["Nothing survives.", ""]).splitlines()
    assert lines.index("Nothing survives.") < lines.index("## In short") < lines.index("## Measured")


def test_a_replay_is_a_row_with_what_became_of_its_trainings():
    lines = replay_section([REPLAY])
    assert "trader replay --symbol BTCUSDT --start 2022-01-01 --end 2025-01-01 --on-halt mark --retrain --json" in lines
    cells = next(line for line in lines if line.startswith("| 2022-01-01 to")).strip("| ").split(" | ")
    assert cells == [
        *("2022-01-01 to 2025-01-01", "mark", "26,304", "+50.00 %", "-25.00 %", "29 NO EVIDENCE", "-", "-50.00 %"),
        *("+100.00 %", "2", "1 promoted, 2 rejected, 1 failed"),
    ]


TRIGGER = {
    "symbol": "BTCUSDT",
    "start": "2018-01-01T00:00:00+00:00",
    "end": "2022-01-01T00:00:00+00:00",
    "klines": 35064,
    "coins": 50,
    "coin_week": -0.01,
    "losing_week": -0.05,
    "rates": [
        {"window": 168, "threshold": -0.05, "a_year": 3.21, "low": 1.0, "high": 5.0, "caught": 0.9, "days": None},
    ],
}


def test_the_triggers_rates_have_their_command():
    lines = trigger_section(TRIGGER)
    assert "trader trigger-rate --symbol BTCUSDT --start 2018-01-01 --end 2022-01-01 --json" in lines
    assert lines[-1] == "| 168 | -5.00 % | 3.2 | 1.0 to 5.0 | 90 % | never |"
    own = trigger_section(TRIGGER | {"command": "trader trigger-rate --holding 12"})
    assert "trader trigger-rate --holding 12" in own


PROMOTION = {
    "command": "python rate.py",
    "rates": [
        {
            "gate": {"hold_out_days": 90, "rules": {"confidence": 0.9, "margin": 0.01, "min_round_trips": 30}},
            "hours": 12,
            "contests": 48,
            "promoted": 3,
            "rate": 0.0625,
            "low": 0.01,
            "high": 0.2,
        }
    ],
}


def test_promotions_by_luck_are_counted():
    lines = promotion_section(PROMOTION)
    assert "python rate.py" in lines
    assert lines[-1] == "| 90 days | 0.9 | +1.00 % | 30 | 12 | 48 | 6.2 % | 1.0 to 20.0 % |"


def test_the_tutorials_row_is_set_by_the_words_before_its_command(monkeypatch):
    tutorial, default = results.strategies(trials=12)
    for word in tutorial.prefix.split():
        monkeypatch.setenv(*word.split("=", 1))
    again = results.load_settings()
    assert recipe_of(again) == recipe_of(tutorial.settings)
    assert again.rules().decision == tutorial.settings.rules().decision
    assert recipe_of(tutorial.settings).look_back_days == 59
    assert default.prefix == ""
    assert default.trials == 12


def test_the_settings_of_a_machine_change_no_strategy(monkeypatch):
    before = [each.settings.rules() for each in results.strategies(trials=None)]
    for name, value in {"DECISION__BAND": "0.3", "COSTS__FEE_RATE": "0", "RISK__RANGE_MARGIN": "9"}.items():
        monkeypatch.setenv(f"TRADER__{name}", value)
    after = [each.settings.rules() for each in results.strategies(trials=None)]
    assert [(each.decision, each.costs, each.risk) for each in after] == [
        (each.decision, each.costs, each.risk) for each in before
    ]


def options(store: Path, out: Path, *more: str) -> argparse.Namespace:
    return results.parser().parse_args(["--store", str(store), "--out", str(out), *more])


def test_an_empty_store_says_what_to_ingest(tmp_path):
    with pytest.raises(BadData, match="trader ingest --symbol BTCUSDT --start 2017-08"):
        results.write(options(tmp_path / "none", tmp_path / "docs"))


@pytest.mark.slow
def test_the_page_and_its_chart_are_written_from_a_store_and_end_where_they_are_told(tmp_path, monkeypatch):
    begin = results.day("2020-01-01")
    look_back = max(recipe_of(each.settings).look_back_days for each in results.strategies(trials=None))
    ready = begin + (1000 + 24) * HOUR + look_back * 24 * HOUR
    first = (ready + 31 * 24 * HOUR).replace(day=1, hour=0)
    edge, last = first + 50 * 24 * HOUR, first + 90 * 24 * HOUR
    klines = random_klines((last - begin) // HOUR, start=begin)
    KlineStore(LocalStorage(tmp_path / "store", durable=False)).append("BTCUSDT", klines)
    always = partial(results.DecisionSection, band=0.0, min_volatility=0.0, min_volume_ratio=0.0)
    monkeypatch.setattr(results, "DecisionSection", always)  # a position in every hour, whatever the default is
    monkeypatch.setattr(results, "IN_SAMPLE", (begin, edge))
    monkeypatch.setattr(results, "LATER", {"Later": (edge, last)})
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps(REPLAY))

    results.write(options(tmp_path / "store", tmp_path / "all", "--replay", str(replay), "--trials", "9"))
    text = (tmp_path / "all/results.md").read_text()
    assert f"## In sample, {first:%Y-%m}" in text
    assert "## Later, " in text
    assert "## Replay with the trigger on" in text
    assert text.count("| DSR |") == 1, "only in sample was anything chosen"
    assert f"--start {first:%Y-%m-%d} --end {edge:%Y-%m-%d} --trials 9" in text
    assert (tmp_path / "all/results-equity.png").read_bytes().startswith(b"\x89PNG")

    results.write(options(tmp_path / "store", tmp_path / "early", "--end", f"{edge:%Y-%m-%d}"))
    assert "## Later" not in (tmp_path / "early/results.md").read_text()


def test_every_training_of_a_replay_is_listed_with_its_reason():
    lines = replay_section([REPLAY])
    assert "| 2022-03-01 04:00 | age | promoted | a-model |" in lines
    assert "| 2022-05-01 04:00 | age | failed | - |" in lines
