"""What the doctor finds beside the runs: versions, room, and whether the newest run was told of."""

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, SYMBOL, make_desk, with_model
from tests.jobs.test_run import replace_bot
from trader.jobs.checkups_beside import of_room, of_telling, of_versions
from trader.jobs.run import run
from trader.store.publication import Cursor, Publication, write_publication

KLINES = random_klines(1460, seed=5)


@pytest.fixture
def desk(tmp_path):
    """A bot that has done its first run."""
    desk = with_model(make_desk(tmp_path / "store", KLINES))
    run(desk)
    return desk


def telling(desk, *, has_dashboard=False, **fields):
    """What is found when this was told."""
    storage = desk.bot.storage
    if fields:
        write_publication(storage, Publication(**fields), symbol=SYMBOL, interval="1h")
    return of_telling(storage, symbol=SYMBOL, interval="1h", journal=desk.journal, has_dashboard=has_dashboard)


def test_a_run_that_everybody_was_told_of_is_fine(desk):
    found = telling(desk, newest=FIRST, trackers={"mlflow": Cursor(open_time=FIRST)})
    assert found.advice == ""
    assert found.found.endswith("UTC; mlflow has everything")


def test_before_the_first_run_there_is_nothing_to_tell(tmp_path):
    found = telling(make_desk(tmp_path, KLINES), has_dashboard=True)
    assert (found.found, found.advice) == ("nothing yet: no run is complete", "")


def test_a_run_that_nobody_was_told_of_and_one_that_was_left_out_are_warnings(desk):
    assert "nobody was told of any run" in telling(desk).found
    found = telling(desk, newest=FIRST - HOUR)
    assert f"the newest run is of {FIRST:%Y-%m-%d %H:%M} UTC" in found.found
    assert "the next run brings it up to date" in found.advice


def test_a_tracker_that_fails_and_a_dashboard_that_is_not_there_are_named(desk):
    failing = Cursor(failures=2, failing_since=FIRST, error="refused")
    found = telling(desk, has_dashboard=True, newest=FIRST, trackers={"mlflow": failing, "neptune": Cursor()})
    assert "mlflow has failed in 2 runs in a row: refused; neptune has everything" in found.found
    assert found.found.endswith("the dashboard is not there")
    assert found.advice.startswith("mend mlflow")
    assert "trader dashboard" in found.advice
    desk.bot.storage.put("dashboard/index.html", b"x")
    desk.bot.storage.put(f"dashboard/data/{SYMBOL}-1h/summary.js", b"x")
    assert telling(desk, has_dashboard=True, newest=FIRST).advice == ""


def test_other_versions_than_those_of_the_newest_run_are_a_reason_to_verify(desk):
    versions = {"trader": "test", "numpy": "9.9"}
    assert of_versions(versions, journal=desk.journal).advice == "", "the record does not say which numpy it was"
    found = of_versions({**versions, "trader": "next"}, journal=desk.journal)
    assert found.found == "trader next, numpy 9.9; in the newest run trader was test"
    assert "trader verify" in found.advice
    assert of_versions(versions, journal=None).found == "trader test, numpy 9.9"


def test_another_commit_of_the_same_version_is_a_reason_to_verify_and_one_that_nobody_knows_is_none(desk, tmp_path):
    other = with_model(
        replace_bot(make_desk(tmp_path / "other", KLINES), versions={"trader": "test", "commit": "ab" * 20})
    )
    run(other)
    now = {"trader": "test", "commit": "cd" * 20}
    found = of_versions(now, journal=other.journal)
    assert found.found == f"trader test, commit {'cd' * 20}; in the newest run commit was {'ab' * 20}"
    assert "trader verify" in found.advice
    unknown = of_versions({"trader": "test", "commit": ""}, journal=other.journal)
    assert (unknown.found, unknown.advice) == ("trader test, commit unknown", "")
    assert of_versions(now, journal=desk.journal).advice == "", "a record of a version that kept no commit"


@pytest.mark.parametrize(("free", "is_little"), [(999_999_999, True), (1_000_000_000, False), (5 * 10**11, False)])
def test_a_disk_with_less_than_a_gigabyte_is_a_warning(free, is_little):
    assert bool(of_room(free).advice) is is_little
