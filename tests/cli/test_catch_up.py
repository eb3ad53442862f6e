"""`trader run --catch-up`: from an empty bucket to a decision, unattended; and what a troubled archive leaves of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.archives import monthly_path, publish_months
from tests.builders import HOUR, START, random_klines, ticked
from tests.cli.conftest import Answer, Trader
from tests.conftest import ROOT
from tests.counted import counted_world, counting_s3
from tests.worlds import trading_world
from trader.cli import main
from trader.core.journal import Status
from trader.core.klines import Klines

pytestmark = pytest.mark.slow

FIRST = START + 1400 * HOUR
KLINES = ticked(random_klines(1500, seed=6, price=60000.0))
OTHER = ticked(random_klines(1500, seed=7, price=3000.0))


@pytest.fixture
def archive(tmp_path):
    """The months before the one that is being lived, as Binance publishes them."""
    folder = tmp_path / "archive"
    publish_months(folder, KLINES.between(START, FIRST.replace(day=1, hour=0)))
    return folder


def entered(world, monkeypatch, archive):
    world.enter(monkeypatch)
    monkeypatch.setenv("TRADER__MARKET__ARCHIVE", str(archive))
    world.move_to_run(FIRST)


def run_of(text: str) -> dict:
    (run,) = json.loads(text)["runs"]
    return dict(run)


def test_from_an_empty_bucket_it_ingests_trains_and_decides(tmp_path, monkeypatch, capsys, archive):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="s3") as world:
        entered(world, monkeypatch, archive)
        assert main(["run", "--catch-up"]) == 0
        said = capsys.readouterr()
        desk = world.desk()
        kept = [key for key in desk.bot.storage.keys("raw/") if key.endswith(".zip")]
        record, model = desk.journal.read(FIRST).record, desk.models.load_champion()
        stored = desk.bot.klines.load("BTCUSDT", "1h", start=START, end=FIRST + HOUR)
    assert "klines of" in said.out
    assert "BTCUSDT: done" in said.out
    assert said.err == ""
    assert len(kept) == 1
    assert isinstance(stored, Klines)
    assert len(stored) == 1401
    assert record.status is Status.COMPLETED
    assert record.inputs.model_id == model.card.model_id
    assert model.card.last == FIRST


def test_what_the_archive_has_is_not_asked_of_the_market(tmp_path, monkeypatch, archive):
    asked = {}
    for words in (["run"], ["run", "--catch-up"]):
        with trading_world(tmp_path / words[-1], {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
            entered(world, monkeypatch, archive)
            assert main(words) == 0
            asked[words[-1]] = [
                int(parse_qs(each["query"])["startTime"][0])
                for each in world.net.control.requests()
                if each["path"].endswith("klines")
            ]
    month = FIRST.replace(day=1, hour=0).timestamp() * 1000
    assert min(asked["run"]) < month
    assert min(asked["--catch-up"]) >= month


def test_with_a_model_it_is_a_run_that_looks_whether_there_is_one(tmp_path, monkeypatch, capsys, archive):
    with counted_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST) as counted:
        entered(counted.world, monkeypatch, archive)
        assert main(["run", "--catch-up"]) == 0
        shutil.rmtree(archive)  # nobody looks
        seen = counted.watch(FIRST + HOUR, lambda: main(["run", "--catch-up", "--json"]))
        capsys.readouterr()
        assert main(["run", "--catch-up", "--json"]) == 0
        assert run_of(capsys.readouterr().out)["outcome"] == "already-done"
    assert len(seen.to_commit) <= 12, f"\n{seen}"
    assert not [request for request in seen.storage if "raw/" in request.key]


def test_two_at_once_in_an_empty_bucket_fill_it_once_and_decide_once(tmp_path, monkeypatch, archive):
    command = [sys.executable, str(ROOT / "main.py"), "run", "--catch-up", "--json"]
    with counting_s3() as log, trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="s3") as world:
        entered(world, monkeypatch, archive)
        monkeypatch.setenv("TRADER__RUN__LEASE_SECONDS", "30")  # on a busy machine too, nobody is taken for dead
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [each.communicate(timeout=120) for each in both]
        orders = world.net.control.orders()["by_client_order_id"]
        desk = world.desk()
        record = desk.journal.read(FIRST).record
        stored = desk.bot.klines.load("BTCUSDT", "1h", start=START, end=FIRST + HOUR)
    assert [each.returncode for each in both] == [0, 0], said
    assert sorted(run_of(out)["outcome"] for out, _ in said) in (["already-done", "done"], ["done", "in-progress"])
    assert record.status is Status.COMPLETED
    assert len(stored) == 1401
    assert sorted(orders) == sorted(leg.intent.client_order_id for leg in record.legs)
    assert log.requests()


@pytest.mark.parametrize("trouble", ["away", "empty", "damaged"])
def test_an_archive_that_gives_nothing_good_keeps_no_bot_from_its_hour(trouble, tmp_path, monkeypatch, caplog, archive):
    (month,) = archive.rglob("*.zip")
    assert month == archive / monthly_path(f"{START:%Y-%m}")
    if trouble == "damaged":
        month.write_bytes(month.read_bytes()[:-200])
    if trouble == "empty":
        shutil.rmtree(archive / "data")
    with trading_world(tmp_path, {"BTCUSDT": KLINES, "ETHUSDT": OTHER}, first=FIRST, storage="folder") as world:
        entered(world, monkeypatch, archive)
        if trouble == "away":
            monkeypatch.setenv("TRADER__MARKET__ARCHIVE", "http://127.0.0.1:1")
        assert main(["run", "--catch-up"]) == 0
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert world.desk(symbol).journal.open_times() == [FIRST]
            assert world.desk(symbol).models.champion() is not None
    assert caplog.text.count("the market has to do") == (1 if trouble == "away" else 2)  # nobody waits for it twice


def test_an_archive_that_is_set_wrongly_is_told_and_nothing_is_decided(tmp_path, monkeypatch, capsys, caplog):
    caplog.set_level("INFO", logger="trader")
    monkeypatch.setenv("TRADER__LOG__LEVEL", "info")
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
        entered(world, monkeypatch, tmp_path / "nowhere")
        assert main(["run", "--catch-up"]) == 3
        assert f"archive {tmp_path / 'nowhere'} is not a folder" in capsys.readouterr().err
        (ended,) = [each for each in caplog.records if each.message == "run ended"]
        assert (ended.figures["symbol"], ended.figures["outcome"]) == ("BTCUSDT", "failed")
        assert world.desk().journal.open_times() == []


@pytest.mark.parametrize("trouble", ["set wrongly", "refuses", "damaged champion"])
def test_a_symbol_that_cannot_be_caught_up_keeps_no_other_from_its_run(trouble, tmp_path, monkeypatch, caplog, archive):
    with trading_world(tmp_path, {"BTCUSDT": KLINES, "ETHUSDT": OTHER}, first=FIRST, storage="folder") as world:
        entered(world, monkeypatch, archive)
        monkeypatch.setenv("TRADER__BOT__SYMBOLS", "BTCUSDT")
        assert main(["run", "--catch-up"]) == 0
        world.move_to_run(FIRST + HOUR)
        monkeypatch.setenv("TRADER__BOT__SYMBOLS", "ETHUSDT,BTCUSDT")
        if trouble == "set wrongly":
            monkeypatch.setenv("TRADER__MARKET__ARCHIVE", str(tmp_path / "nowhere"))
        if trouble == "refuses":  # 400, which no other try changes
            monkeypatch.setenv("TRADER__MARKET__ARCHIVE", f"{world.net.url}/api/v3/klines?archive=")
        if trouble == "damaged champion":
            champion = Path(world.environment["TRADER__STORAGE__URL"]) / "models/ETHUSDT/1h/champion.json"
            champion.parent.mkdir(parents=True)
            champion.write_text("{")
        assert main(["run", "--catch-up"]) == (4 if trouble == "damaged champion" else 0)
        assert world.desk("BTCUSDT").journal.read(FIRST + HOUR).record.status is Status.COMPLETED
    assert ("ETHUSDT: the market has to do" in caplog.text) is (trouble != "damaged champion")


def test_in_the_demo_there_is_nothing_to_catch_up(trader: Trader, store):
    answer: Answer = trader("run", "--catch-up")
    assert answer.code == 0
    assert answer.out.startswith("DEMOUSDT: done\n")
    assert not (store / "raw").exists()
