"""Whatever a run reads, cut off or from a newer version: it stops, names it, changes nothing, and goes on once mended.

A run that fails after its claim leaves that claim, given back, and the klines it had fetched; failing again changes
nothing more.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Trader, contents, differing, refused

NEXT = "journal/DEMOUSDT/1h/2026/01/01T0100.json"
"""The record of the hour after the prepared store's newest."""

KLINES = "klines/DEMOUSDT/1h/2026-01.parquet"
LEDGER = "ledger/DEMOUSDT/1h/2026-01.parquet"
STATE = "state/DEMOUSDT/1h.json"
BEFORE_THE_CLAIM = ["bot.json"]
AFTER_THE_CLAIM = [
    KLINES,
    "models/DEMOUSDT/1h/champion.json",
    "models/DEMOUSDT/1h/*/model.ubj",
    "control.json",
    "exchange/simulated.json",
]
HELP = ("restore", "upgrade", "train again", "ingest", "delete", "use the version")


def cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def emptied(data: bytes) -> bytes:
    return b""


def newer(data: bytes) -> bytes:
    """The artefact with schema 99, as a newer version would write it."""
    if data.startswith(b"PAR1"):
        table = pq.read_table(pa.BufferReader(data))
        metadata = dict(table.schema.metadata)
        if b"schema" in metadata:
            metadata[b"schema"] = b"99"
        else:
            (name,) = metadata
            metadata[name] = json.dumps({**json.loads(metadata[name]), "schema": 99}).encode()
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata(metadata), sink)
        return bytes(sink.getvalue().to_pybytes())
    if not data.startswith(b"{") or b'"schema"' not in data[:200]:
        return b"a format that is not known yet" + data
    return json.dumps({**json.loads(data), "schema": 99}).encode()


DAMAGES = pytest.mark.parametrize("damage", [cut_off, emptied, newer])


def damaged(store: Path, pattern: str, damage: Callable[[bytes], bytes]) -> tuple[Path, bytes]:
    """Damage an artefact and return where it is with what it was."""
    (path,) = store.glob(pattern)
    intact = path.read_bytes()
    path.write_bytes(damage(intact))
    return path, intact


@DAMAGES
@pytest.mark.parametrize("pattern", BEFORE_THE_CLAIM)
def test_a_damaged_artefact_stops_the_run_before_it_writes_anything(
    pattern: str, damage: Callable[[bytes], bytes], trader: Trader, store, unchanged
):
    path, intact = damaged(store, pattern, damage)
    unchanged(store)
    refused(trader("run"), code=4, says=(path.name,))
    path.write_bytes(intact)
    unchanged(store)
    assert trader("status").code == 0


@DAMAGES
@pytest.mark.parametrize("pattern", AFTER_THE_CLAIM)
def test_a_damaged_artefact_stops_the_run_which_goes_on_once_it_is_mended(
    pattern: str, damage: Callable[[bytes], bytes], trader: Trader, store
):
    path, intact = damaged(store, pattern, damage)
    before = contents(store)
    answer = trader("run")
    refused(answer, code=4, says=(path.name,))
    assert any(word in answer.err for word in HELP)
    once = contents(store)
    assert differing(before, once) <= {NEXT, KLINES}
    record = json.loads((store / NEXT).read_bytes())
    assert (record["status"], record["owner"], record["legs"]) == ("claimed", "", [])

    refused(trader("run"), code=4, says=(path.name,))
    assert differing(once, contents(store)) == set()

    path.write_bytes(intact)
    (run,) = trader("run", "--json").json()["runs"]
    assert (run["outcome"], run["kline"]) == ("done", "2026-01-01T01:00:00+00:00")


@DAMAGES
def test_a_damaged_record_of_the_hour_itself_stops_the_run(
    damage: Callable[[bytes], bytes], trader: Trader, store, unchanged
):
    (store / NEXT).write_bytes(damage((store / NEXT.replace("0100", "0000")).read_bytes()))
    unchanged(store)
    refused(trader("run"), code=4, says=(NEXT,))


@DAMAGES
def test_status_refuses_a_damaged_record_instead_of_showing_half_of_it(
    damage: Callable[[bytes], bytes], trader: Trader, store, unchanged
):
    damaged(store, NEXT.replace("0100", "0000"), damage)
    unchanged(store)
    refused(trader("status"), code=4, says=("01T0000.json",))


def test_status_does_not_take_a_lost_record_for_no_run_yet(trader: Trader, store, unchanged):
    (store / NEXT.replace("0100", "0000")).unlink()
    unchanged(store)
    refused(trader("status"), code=4, says=("2026-01-01 00:00 UTC", "restore it from a backup"))


@DAMAGES
def test_a_damaged_ledger_does_not_fail_a_run_and_is_made_again_when_it_is_deleted(
    damage: Callable[[bytes], bytes], trader: Trader, store
):
    path, _ = damaged(store, LEDGER, damage)
    (run,) = trader("run", "--json").json()["runs"]
    assert run["outcome"] == "done"
    assert trader("run").code == 0

    path.unlink(missing_ok=True)  # as the message of `chart` says, unless the run has mended it
    assert trader("run").code == 0
    times = pq.read_table(path).column("open_time").to_pylist()
    assert [time.hour for time in times] == [0, 1, 2, 3]
    assert trader("chart").code == 0


def test_a_chart_of_a_ledger_of_a_newer_version_is_refused(trader: Trader, store, unchanged):
    damaged(store, LEDGER, newer)
    unchanged(store)
    refused(trader("chart"), code=4, says=("2026-01.parquet",))


@pytest.mark.parametrize("damage", [cut_off, emptied])
def test_a_damaged_copy_of_the_journal_is_made_again_from_it(damage: Callable[[bytes], bytes], trader: Trader, store):
    whole = (store / LEDGER).read_bytes()
    damaged(store, LEDGER, damage)
    damaged(store, STATE, damage)
    assert trader("status", "--json").json()["symbols"][0]["record"]["key"]["open_time"].startswith("2026-01-01T00")
    assert trader("chart").code == 0
    assert (store / LEDGER).read_bytes() == whole
    (answer,) = trader("run", "--json").json()["runs"]
    assert (answer["outcome"], answer["kline"]) == ("done", "2026-01-01T01:00:00+00:00")


def test_a_state_of_a_newer_version_stops_the_run(trader: Trader, store, unchanged):
    damaged(store, STATE, newer)
    unchanged(store)
    refused(trader("run"), code=4, says=(STATE, "upgrade"))


def test_a_halt_works_on_a_damaged_switch(trader: Trader, store):
    damaged(store, "control.json", cut_off)
    assert trader("halt", "--why", "x").code == 0
    (halted,) = trader("run", "--json").json()["runs"]
    assert halted["decision"]["reason"] == "control-halt"
