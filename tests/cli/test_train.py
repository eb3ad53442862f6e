"""`trader train` as a user gives it: what it tells, what it leaves when it is cut off, and what it refuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.archives import publish_months
from tests.cli.conftest import _made, contents, differing, refused
from tests.jobs.training.trainings import EASY, NOISE
from tests.worlds import SMALL_SEARCH

SMALL = SMALL_SEARCH | {
    "TRADER__SEARCH__TRIALS": "4",
    "TRADER__TRAIN__WORKERS": "2",
    "TRADER__BOT__MODE": "dry-run",
    "TRADER__MARKET__BASE_URL": "http://127.0.0.1:9",
}
BTC, ETH = ("--symbol", "BTCUSDT"), ("--symbol", "ETHUSDT")
COMMAND = (sys.executable, "-c", "import sys; from trader.cli import main; sys.exit(main(sys.argv[1:]))")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def klines_store(tmp_path_factory):
    """Five months of two symbols, and no model."""
    root = tmp_path_factory.mktemp("easy")
    publish_months(root, EASY)
    publish_months(root, NOISE, symbol="ETHUSDT")
    span = ["--start", "2024-01", "--end", "2024-06", "--archive", str(root)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADER__BOT__MODE", "dry-run")
        folder = tmp_path_factory.mktemp("klines") / "store"
        ingest = [["ingest", *symbol, *span] for symbol in (BTC, ETH)]
        return _made(folder, *ingest)


@pytest.fixture
def store(klines_store, tmp_path, monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))
    shutil.copytree(klines_store, tmp_path / "store")
    return tmp_path / "store"


def trials_of(store: Path, *, symbol="BTCUSDT") -> list[dict]:
    """All trials of the only study but for the seconds that they took."""
    (folder,) = store.glob(f"studies/{symbol}/1h/*")
    found = [json.loads(path.read_bytes()) for path in sorted(folder.glob("[0-9]*.json"))]
    return [{name: value for name, value in trial.items() if name != "seconds"} for trial in found]


def head_of(store: Path, *, symbol="BTCUSDT") -> dict:
    return json.loads((store / f"models/{symbol}/1h/champion.json").read_bytes())


def test_it_tells_what_it_tried_what_that_is_worth_and_what_came_of_it(trader, store):
    told = trader("train", *BTC)
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    starts = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert starts == [
        *("training", "study", "recipe", "searched", "luck", "hold-out", "checks", "gate", "result", "model"),
    ]
    assert max(map(len, lines)) <= 100
    assert "4 trials in" in told.out
    head = head_of(store)
    assert f"model     {head['model_id']}" in lines
    shown = trader("models", "show", head["model_id"], *BTC).out
    assert told.out.strip() in shown


@pytest.mark.slow
def test_as_json_there_is_one_document_with_every_figure(trader, store):
    told = trader("train", *BTC, "--json")
    assert (told.code, told.err) == (0, "")
    found = told.json()
    assert found["failed"] == []
    (report,) = found["trainings"]
    assert report["model_id"] == head_of(store)["model_id"]
    assert report["study"]["is_reproducible"] is True
    assert report["in_sample"]["metrics"]["klines"] == 1439
    assert report["hold_out"]["metrics"]["klines"] == 504
    shown = trader("models", "show", *BTC, "--json").json()
    assert shown["report"] == report


@pytest.mark.slow
def test_two_symbols_are_trained_and_one_that_fails_does_not_stop_the_other(trader, store):
    told = trader("train", "--symbol", "NOPE", *BTC, *ETH, "--json")
    found = told.json()
    assert told.code == 4
    assert [each["symbol"] for each in found["trainings"]] == ["BTCUSDT", "ETHUSDT"]
    assert [each["symbol"] for each in found["failed"]] == ["NOPE"]
    assert "trader ingest --symbol NOPE" in found["failed"][0]["error"]
    assert told.err.startswith("error: NOPE 1h: no klines are stored")
    assert head_of(store, symbol="ETHUSDT")["finished"]["outcome"] == "promoted"


@pytest.mark.slow
def test_the_study_is_the_same_whatever_the_executor(trader, store, klines_store, tmp_path, monkeypatch):
    assert trader("train", *BTC).code == 0
    shutil.copytree(klines_store, tmp_path / "other")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "other"))
    assert trader("train", *BTC, "--executor", "processes").code == 0
    assert trials_of(store) == trials_of(tmp_path / "other")
    assert head_of(store)["model_id"] == head_of(tmp_path / "other")["model_id"]
    (one,), (two,) = ([each.name for each in path.glob("studies/BTCUSDT/1h/*")] for path in (store, tmp_path / "other"))
    assert one == two


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--symbol", "NOPE"), 4, ("NOPE 1h: no klines are stored", "trader ingest --symbol NOPE")),
        ((*BTC, "--end", "2023-01-01"), 4, ("no klines are stored before that time",)),
        ((*BTC, "--end", "2024-04-01"), 4, ("2184 klines are too few", "3665 are needed", "search.span_days")),
        ((*BTC, "--executor", "dask"), 3, ("train.dask_address",)),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(*, words, code, says, trader, store):
    before = contents(store)
    refused(trader("train", *words), code=code, says=says)
    assert not {key for key in differing(before, contents(store)) if key.startswith("models/")}


@pytest.mark.slow
def test_without_a_market_what_is_stored_has_to_do(trader, store, monkeypatch, caplog):
    monkeypatch.setenv("TRADER__SEARCH__LONGEST_LOOK_BACK_DAYS", "180")
    assert trader("train", *BTC).code == 0
    assert "BTCUSDT: trained on the 3904 klines that are stored: http://127.0.0.1:9 did not answer" in caplog.text


@pytest.mark.parametrize("words", [("--trials", "0"), ("--seconds", "0"), ("--executor", "clouds")])
def test_impossible_words_are_the_command_lines_fault(*, words, trader, store, unchanged):
    unchanged(store)
    told = trader("train", *BTC, *words)
    assert (told.code, words[0] in told.err) == (2, True)


def test_more_trees_at_least_than_at_most_is_refused(trader, store, unchanged, monkeypatch):
    unchanged(store)
    monkeypatch.setenv("TRADER__SEARCH__FEWEST_TREES", "9")
    refused(trader("train", *BTC), code=3, says=("search.fewest_trees is 9, search.most_trees 8",))


@pytest.mark.slow
def test_a_damaged_report_does_not_keep_a_model_from_being_shown(trader, store):
    assert trader("train", *BTC).code == 0
    (path,) = store.glob("studies/BTCUSDT/1h/*/report.json")
    path.write_bytes(path.read_bytes()[:100])
    told = trader("models", "show", *BTC)
    assert told.code == 0
    assert "report.json is not complete JSON (100 bytes)" in told.out


def begin(store: Path, *words: str, trees: int) -> subprocess.Popen[str]:
    """Start the command as a process of its own, with trials that take a while."""
    environment = os.environ | {
        "TRADER__SEARCH__FEWEST_TREES": str(trees),
        "TRADER__SEARCH__MOST_TREES": str(trees + 9),
    }
    return subprocess.Popen(
        [*COMMAND, "train", *words],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=store.parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the command and return what it said; it must have ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def wait_for_trial(process: subprocess.Popen[str], store: Path, number: int) -> None:
    until = time.monotonic() + 120
    while not list(store.glob(f"studies/BTCUSDT/1h/*/{number:04d}.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_search_that_is_cut_off_goes_on_where_it_was(*, store, klines_store, tmp_path, monkeypatch, number, code):
    monkeypatch.setenv("TRADER__SEARCH__TRIALS", "8")
    before = contents(store)
    process = begin(store, *BTC, trees=300)
    wait_for_trial(process, store, 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    done = len(trials_of(store))
    assert 3 <= done < 8
    changed = differing(before, contents(store))
    assert all(key.startswith("studies/BTCUSDT/1h/") for key in changed)
    if number != signal.SIGKILL:
        assert re.search(
            rf"BTCUSDT: interrupted; {done} trials of study \S+ are kept, and the champion is as before", err
        )
        assert "Traceback" not in err
    finish(begin(store, *BTC, trees=300))
    shutil.copytree(klines_store, tmp_path / "twin")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "twin"))
    finish(begin(tmp_path / "twin", *BTC, trees=300))
    assert trials_of(store) == trials_of(tmp_path / "twin")
    assert head_of(store)["model_id"] == head_of(tmp_path / "twin")["model_id"]


@pytest.mark.slow
def test_it_is_done_in_about_the_seconds_it_was_given(store, monkeypatch):
    monkeypatch.setenv("TRADER__SEARCH__TRIALS", "5000")
    began = time.monotonic()
    process = begin(store, *BTC, "--seconds", "10", "--json", trees=50)
    out = finish(process)
    assert time.monotonic() - began < 20
    (report,) = json.loads(out)["trainings"]
    assert 0 < report["study"]["trials"] < 5000
    assert report["study"]["is_reproducible"] is False
    assert head_of(store)["model_id"] == report["model_id"]
