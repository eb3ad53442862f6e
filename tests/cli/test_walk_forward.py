"""`trader backtest --walk-forward`: everything is said, programs get the same, and what cannot be meant is refused."""

from pathlib import Path

import pytest

from tests.cli.conftest import Trader, contents, differing, refused

BTC = ("--symbol", "BTCUSDT")
SPAN = ("--start", "2024-03-16", "--end", "2024-03-26")
"""Ten days after a warm-up and the 30 days that the cheap settings look back."""
WALK = ("backtest", "--walk-forward", *BTC, *SPAN)


PLAIN = {
    "TRADER__TRAIN__HORIZON": "1",
    "TRADER__DECISION__EXIT": "opposite",
    "TRADER__DECISION__MIN_VOLATILITY": "0",
    "TRADER__DECISION__MIN_VOLUME_RATIO": "0",
}
"""The raw sign, whatever the defaults are."""


@pytest.fixture(autouse=True)
def plain_settings(cheap_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def klines(trader: Trader, empty_store: Path, archive: Path) -> Path:
    """A store with three months of klines, and nothing else."""
    span = ("--start", "2024-01", "--end", "2024-03")
    assert trader("ingest", *BTC, *span, "--archive", str(archive)).code == 0
    return empty_store


def test_everything_is_said_in_order_within_a_hundred_columns(trader: Trader, klines):
    before = contents(klines)
    answer = trader(*WALK)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == "WALK-FORWARD of BTCUSDT 1h: 239 klines decided by 1 models"
    assert "  rule     the sign of p(up) - 0.5, left on the opposite signal, long and short" in lines
    assert max(map(len, lines)) <= 100
    heads = [line.split(",")[0].split(":")[0] for line in lines[1:] if line[:1].isupper()]
    assert heads == [
        *("RESULT", "RISK", "NO SKILL", "CHANCE", "CALIBRATION of p(up)", "RELIABILITY", "COLUMNS"),
        *("BY YEAR", "BY MONTH"),
    ]
    assert "fee 10 bp, slippage 0 bp a side" in answer.out
    assert "--trials N" in answer.out
    assert "DSR  " not in answer.out
    assert differing(before, contents(klines)) == set()


def test_json_has_the_test_the_evaluation_and_the_columns(trader: Trader, klines, tmp_path):
    found = trader(*WALK, "--json", "--trials", "5", "--out", str(tmp_path / "deep/table.csv")).json()
    assert (found["kind"], found["folds"], found["step_days"]) == ("walk-forward", 1, 30)
    assert found["test"]["recipe"]["look_back_days"] == 30
    assert found["test"]["start"] == "2024-03-16T00:00:00+00:00"
    metrics = found["evaluation"]["metrics"]
    assert metrics["klines"] == 239
    assert metrics["net"] == pytest.approx(metrics["gross"] - 0.001 * metrics["turnover"])
    assert found["evaluation"]["luck"]["deflated"]["trials"]["raw"] == 5
    assert len(found["importance"]["columns"]) == 10
    rows = Path(found["table"]).read_text().splitlines()
    assert rows[0] == '"open_time","close","p_up","label","exposure","gross","net","in_sample"'
    assert len(rows) == 240


def test_gross_charges_nothing_and_says_so(trader: Trader, klines):
    metrics = trader(*WALK, "--gross", "--json").json()["evaluation"]["metrics"]
    assert metrics["net"] == metrics["gross"]
    assert metrics["turnover"] > 0
    assert "GROSS    nothing is charged" in trader(*WALK, "--gross").out


def test_spans_may_be_the_tutorials_or_leave_room_for_a_longer_look_back(trader: Trader, klines):
    words = ("backtest", "--walk-forward", *BTC, "--start", "2024-02-12", "--end", "2024-03-26", "--json")
    decided = {
        name: trader(*words, *more).json()["evaluation"]["first"]
        for name, more in {"tutorial": ("--spans", "tutorial"), "longest": ("--look-back-max-days", "40")}.items()
    }
    assert decided == {"tutorial": "2024-03-13T00:00:00+00:00", "longest": "2024-03-23T00:00:00+00:00"}


def test_times_between_two_klines_mean_the_klines_that_open_between_them(trader: Trader, klines):
    crooked = ("--start", "2024-03-15T23:10", "--end", "2024-03-25T23:10")
    found = trader("backtest", "--walk-forward", *BTC, *crooked, "--json").json()
    assert found["test"]["start"] == "2024-03-16T00:00:00+00:00"
    assert found["evaluation"]["metrics"]["klines"] == 239


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--end", "2024-03-10"), 3, ("there is no 1h kline from --start",)),
        (("--start", "2024-01-20"), 4, ("is stored. Run `trader ingest --symbol BTCUSDT --start 2023-11",)),
        (("--end", "2024-04-20"), 4, ("is stored. Run `trader ingest --symbol BTCUSDT",)),
        (("--symbol", "ETHUSDT"), 4, ("ETHUSDT 1h", "nothing is stored")),
        (("--spans", "mine"), 3, ("--spans 'mine'", "common or tutorial")),
        (("--look-back-max-days", "20"), 3, ("looks back 30 days", "longest look-back of 20")),
        (("--look-back-max-days", "40", "--spans", "tutorial"), 3, ("leave it out",)),
        (("--in-sample",), 3, ("leave out --model, --in-sample and --on-halt",)),
        (("--on-halt", "mark"), 3, ("leave out --model, --in-sample and --on-halt",)),
        (("--model", "20240101T0000-0123456789"), 3, ("leave out --model",)),
        (("--out", "/proc/nowhere/x"), 3, ("--out /proc/nowhere", "choose another")),
    ],
)
def test_words_that_cannot_be_meant_are_refused(*, words, code, says, trader: Trader, klines, unchanged):
    unchanged(klines)
    refused(trader(*WALK, *words), code=code, says=says)


def test_a_frozen_model_is_named_and_takes_none_of_the_walk_forwards_words(trader: Trader, klines, unchanged):
    unchanged(klines)
    nameless = trader("backtest", *BTC, *SPAN)
    assert nameless.code == 2
    assert "name a stored model" in nameless.err
    model = ("--model", "20240301T0000-0123456789")
    for word in (("--gross",), ("--trials", "3"), ("--spans", "tutorial"), ("--look-back-max-days", "60")):
        refused(trader("backtest", *BTC, *SPAN, *model, *word), code=3, says=("go with --walk-forward",))
