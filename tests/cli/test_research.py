"""ingest, explore, train, replay and backtest: what they promise to programs, and every argument they must refuse."""

import json
from pathlib import Path

import pytest

from tests.archives import monthly_path, publish_bytes
from tests.cli.conftest import Trader, contents, differing, model_id, refused

BTC = ("--symbol", "BTCUSDT")
SPAN = ("--start", "2024-03-16", "--end", "2024-03-18")
"""After what the stored model has seen."""
FIGURES = {
    "runs",
    "gross",
    "net",
    "round_trips",
    "seconds",
    "costs",
    "hold",
    "in_sample",
    "model_id",
    "on_halt",
    "halts",
}


def test_ingest_reports_in_words_and_in_json(trader: Trader, empty_store, archive):
    words = ("ingest", *BTC, "--start", "2024-01", "--end", "2024-02", "--archive", str(archive))
    answer = trader(*words)
    assert (answer.code, answer.err) == (0, "")
    assert "2 months" in answer.out
    assert "files     2 fetched, 0 from raw, 0 unchanged" in answer.out
    before = contents(empty_store)
    report = trader(*words, "--json").json()
    assert (report["fetched"], report["unchanged"], report["real"]) == (0, 2, 24 * 60)
    assert differing(before, contents(empty_store)) == set()


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2022-13", "2022-14", "is not a month; write it as 2024-11"),
        ("2022-1", "2022-02", "'2022-1' is not a month"),
        ("2022-01-01", "2022-02", "is not a month"),
        ("2022-01", "foo", "'foo' is not a month"),
        ("2022-02", "2022-01", "the range from 2022-02 to 2022-01 is empty"),
        ("2024-01", "2999-01", "month 2999-01 is in the future"),
    ],
)
def test_ingest_refuses_months_that_are_none(
    *, start: str, end: str, says: str, trader: Trader, history, unchanged, archive
):
    unchanged(history)
    refused(trader("ingest", *BTC, "--start", start, "--end", end, "--archive", str(archive)), code=3, says=(says,))


def test_ingest_of_what_the_archive_does_not_have_says_what_to_check(trader: Trader, history, unchanged, archive):
    unchanged(history)
    span = ("--start", "2024-01", "--end", "2024-02")
    unknown = trader("ingest", "--symbol", "XYZUSDT", *span, "--archive", str(archive))
    refused(unknown, code=4, says=("XYZUSDT 1h", "has nothing from 2024-01 to 2024-02", "check symbol"))
    refused(
        trader("ingest", *BTC, *span, "--archive", "/nowhere"), code=3, says=("/nowhere is not a folder", "data/spot")
    )


@pytest.mark.parametrize("damage", ["corrupt zip", "wrong checksum", "not a csv"])
def test_a_damaged_file_of_the_archive_is_named_and_nothing_of_it_is_stored(
    *, damage: str, trader: Trader, history, unchanged, archive, tmp_path
):
    path = monthly_path("2024-04")
    data = (archive / monthly_path("2024-01")).read_bytes()
    if damage == "wrong checksum":
        publish_bytes(tmp_path / "bad", path, data, digest="0" * 64)
    else:
        publish_bytes(tmp_path / "bad", path, data[: len(data) // 2] if damage == "corrupt zip" else b"no klines")
    unchanged(history)
    answer = trader("ingest", *BTC, "--start", "2024-04", "--end", "2024-04", "--archive", str(tmp_path / "bad"))
    refused(answer, code=4, says=("BTCUSDT-1h-2024-04.zip",))
    assert answer.out == ""


@pytest.mark.slow
def test_explore_writes_one_page_into_the_store_or_where_it_is_told_to(trader: Trader, history, tmp_path):
    inside = trader("explore", *BTC)
    assert inside.code == 0
    assert Path(inside.out.strip()).is_relative_to(history)
    outside = tmp_path / "new/folder/page.html"
    assert trader("explore", *BTC, "--out", str(outside)).out == f"{outside}\n"
    assert outside.read_text() == Path(inside.out.strip()).read_text()
    assert outside.read_text().lstrip().lower().startswith("<!doctype html")


def test_a_model_is_trained_on_what_was_known_before_a_time(trader: Trader, history):
    card = trader("train", *BTC, "--no-search", "--end", "2024-03-20", "--json").json()
    assert card["last"] == "2024-03-19T23:00:00+00:00"
    pointer = json.loads((history / "models/BTCUSDT/1h/champion.json").read_bytes())
    assert pointer["model_id"] != card["model_id"], "there was a champion already"
    promoted = trader("train", *BTC, "--no-search", "--end", "2024-03-20", "--promote")
    assert f"champion  {card['model_id']}" in promoted.out


def test_training_on_too_little_is_refused(trader: Trader, history, unchanged):
    unchanged(history)
    refused(trader("train", *BTC, "--end", "2024-01-05"), code=4, says=("96 klines are too few", "ingest more history"))
    refused(trader("train", *BTC, "--end", ""), code=3, says=("'' is not an ISO time",))
    refused(trader("train", *BTC, "--end", "2023-01-05"), code=4, says=("BTCUSDT 1h: no klines are stored before",))
    refused(trader("train", "--symbol", "ETHUSDT"), code=4, says=("ETHUSDT 1h: no klines are stored",))


@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_a_test_as_json_has_the_figures_and_where_the_table_is(command: str, trader: Trader, history, tmp_path):
    before = contents(history)
    out = tmp_path / ("scratch" if command == "replay" else "deep/down/table.csv")
    answer = trader(command, *BTC, *SPAN, "--model", model_id(history, "BTCUSDT"), "--out", str(out), "--json")
    assert (answer.code, answer.err) == (0, "")
    found = answer.json()
    assert found.keys() >= FIGURES
    assert (found["runs"], found["in_sample"], found["on_halt"]) == (48, False, "stop")
    assert found["net"] == pytest.approx(found["gross"] - found["performance"]["costs"])
    assert found["seconds"] > 0
    table = Path(found["table"])
    assert table.is_file()
    assert len(table.read_text().splitlines()) == 49
    assert differing(before, contents(history)) == set()


def test_replay_and_backtest_say_the_same(trader: Trader, history):
    model = ("--model", model_id(history, "BTCUSDT"))
    lived = trader("replay", *BTC, *SPAN, *model, "--json").json()
    computed = trader("backtest", *BTC, *SPAN, *model, "--json").json()
    for name in ("runs", "gross", "net", "round_trips", "hold", "halts"):
        assert lived[name] == pytest.approx(computed[name], abs=1e-12), name


@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_times_between_two_klines_mean_the_klines_that_open_between_them(command: str, trader: Trader, history):
    model = ("--model", model_id(history, "BTCUSDT"), "--json")
    crooked = trader(command, *BTC, "--start", "2024-03-15T23:10", "--end", "2024-03-17T23:10", *model).json()
    straight = trader(command, *BTC, *SPAN, *model).json()
    assert (crooked["runs"], crooked["net"]) == (straight["runs"], straight["net"])


@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_figures_of_one_hour_are_null_and_never_nan(command: str, trader: Trader, history):
    words = (
        command,
        *BTC,
        "--start",
        "2024-03-16",
        "--end",
        "2024-03-16T01:00",
        "--model",
        model_id(history, "BTCUSDT"),
    )
    found = trader(*words, "--json").json()
    assert (found["runs"], found["performance"]["sharpe"], found["performance"]["hit_rate"]) == (1, None, None)
    told = trader(*words).out
    assert "nan" not in told
    assert "Sharpe       unknown a year" in told
    assert "-0.00" not in told


@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_a_model_is_not_tested_on_what_it_has_seen_unless_asked_and_then_it_says_so(
    command: str, trader: Trader, history, unchanged
):
    unchanged(history)
    words = (command, *BTC, "--start", "2024-03-10", "--end", "2024-03-12", "--model", model_id(history, "BTCUSDT"))
    refused(trader(*words), code=3, says=("was trained on klines up to 2024-03-14 23:00 UTC", "--in-sample"))
    answer = trader(*words, "--in-sample")
    assert answer.code == 0
    assert answer.out.startswith("IN-SAMPLE: ")
    assert trader(*words, "--in-sample", "--json").json()["in_sample"] is True
    assert "IN-SAMPLE" not in trader(command, *BTC, *SPAN, *words[-2:]).out


def test_a_replay_without_a_model_trains_one_on_what_was_before_and_in_sample_on_what_is_tested(
    trader: Trader, history, unchanged
):
    unchanged(history)
    honest = trader("replay", *BTC, *SPAN)
    assert "IN-SAMPLE" not in honest.out
    assert "to 2024-03-15 23:00 UTC" in honest.out
    flattering = trader("replay", *BTC, *SPAN, "--in-sample")
    assert flattering.out.startswith("IN-SAMPLE: ")
    assert "to 2024-03-17 23:00 UTC" in flattering.out


@pytest.mark.parametrize("command", ["replay", "backtest"])
@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"--start": "nope"}, 3, ("'nope' is not an ISO time",)),
        ({"--end": "2024-02-30"}, 3, ("'2024-02-30' is not an ISO time",)),
        ({"--start": "0001-01-01"}, 3, ("'0001-01-01'", "between the years")),
        ({"--end": "9999-12-31"}, 3, ("'9999-12-31'", "between the years")),
        ({"--start": "2024-03-18", "--end": "2024-03-16"}, 3, ("is not after --start", "swap")),
        ({"--end": "2024-03-16"}, 3, ("is not after --start",)),
        ({"--start": "2024-03-16T00:10", "--end": "2024-03-16T00:50"}, 3, ("there is no 1h kline from",)),
        ({"--end": "2024-04-02"}, 4, ("is stored. Run `trader ingest --symbol BTCUSDT",)),
        ({"--symbol": "ETHUSDT"}, 3, ("there is no model", "ETHUSDT 1h")),
        ({"--model": "foo"}, 3, ("'foo' is not a model id",)),
        ({"--model": "20220101T0000-0123456789"}, 3, ("there is no model 20220101T0000-0123456789", "stored: 2024")),
        ({"--on-halt": "foo"}, 3, ("--on-halt 'foo'", "stop, mark, or resume-after=HOURS")),
        ({"--on-halt": "stop=3"}, 3, ("--on-halt 'stop=3'",)),
        ({"--on-halt": "resume-after"}, 3, ("--on-halt 'resume-after'",)),
        ({"--on-halt": "resume-after=0"}, 3, ("--on-halt",)),
        ({"--on-halt": "resume-after=²"}, 3, ("--on-halt",)),
        ({"--on-halt": f"resume-after={10**15}"}, 3, ("--on-halt", "1 to 100000")),
        ({"--out": "/proc/nowhere/x"}, 3, ("--out /proc/nowhere", "choose another")),
        ({"--out": "taken"}, 3, ("--out taken",)),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(
    *, command: str, changes: dict[str, str], code: int, says: tuple[str, ...], trader: Trader, history, unchanged
):
    Path("taken").mkdir()
    Path("taken/file").write_text("mine")
    unchanged(history)
    options = {"--symbol": "BTCUSDT", "--start": "2024-03-16", "--end": "2024-03-17"}
    options |= {"--model": model_id(history, "BTCUSDT")} | changes
    refused(trader(command, *(word for pair in options.items() for word in pair)), code=code, says=says)
    assert Path("taken/file").read_text() == "mine"


def test_a_replay_of_a_symbol_without_klines_says_what_to_ingest(trader: Trader, history, unchanged):
    unchanged(history)
    answer = trader("replay", "--symbol", "ETHUSDT", *SPAN)
    refused(answer, code=4, says=("ETHUSDT 1h", "nothing is stored", "trader ingest --symbol ETHUSDT --start 2024-01"))


@pytest.mark.parametrize("rule", ["stop", "mark", "resume-after=2"])
def test_each_rule_for_a_halt_is_printed_with_the_figures(rule: str, trader: Trader, history, monkeypatch):
    monkeypatch.setenv("TRADER__RISK__MAX_LOSS", "0.001")
    words = (*BTC, *SPAN, "--model", model_id(history, "BTCUSDT"), "--on-halt", rule, "--json")
    lived, computed = trader("replay", *words).json(), trader("backtest", *words).json()
    assert lived["on_halt"] == computed["on_halt"] == rule.partition("=")[0]
    assert lived["halts"] == computed["halts"] > 0
    assert lived["net"] == pytest.approx(computed["net"], abs=1e-12)


@pytest.mark.parametrize("file", ["card.json", "model.ubj"])
@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_a_damaged_model_is_not_tested(command: str, file: str, trader: Trader, history, unchanged):
    identity = model_id(history, "BTCUSDT")
    path = history / f"models/BTCUSDT/1h/{identity}/{file}"
    path.write_bytes(path.read_bytes()[:50])
    unchanged(history)
    refused(trader(command, *BTC, *SPAN, "--model", identity), code=4, says=(file,))


@pytest.mark.parametrize("command", ["explore", "train", "replay"])
def test_a_damaged_month_of_klines_is_not_used(command: str, trader: Trader, history, unchanged):
    path = history / "klines/BTCUSDT/1h/2024-02.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    unchanged(history)
    answer = trader(command, *BTC, *(SPAN if command == "replay" else ()))
    refused(answer, code=4, says=("2024-02.parquet", "trader ingest"))
