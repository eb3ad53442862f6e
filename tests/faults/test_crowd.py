"""Eight processes start the same run at once: one trades, seven leave it to that one, and all end well."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import HOUR
from tests.conftest import ROOT
from tests.faults.books import live_on
from tests.faults.machines import crowd, wait_until
from tests.faults.scenes import ALREADY_DONE, NOW
from tests.mortal import outcomes

pytestmark = pytest.mark.slow

MANY = 8
RIGHT = timedelta(0)


def check_outcomes(found: list[str]) -> None:
    """One did it, and the others say so."""
    assert Counter(found)["done"] == 1, found
    assert set(found) <= {"done", "already-done", "in-progress"}, found


def ended(machines) -> list[str]:
    return [outcome for machine in machines for outcome in outcomes(machine)]


@pytest.mark.parametrize("storage", ["folder", "s3"])
def test_of_eight_processes_one_trades(scene_on, twin, storage, tmp_path, monkeypatch):
    with scene_on(storage) as scene:
        check_outcomes(ended(crowd(scene, tmp_path / "crowd", ahead=[RIGHT] * MANY)))
        assert scene.orders_asked() == 1
        assert scene.run() == ALREADY_DONE
        assert len(live_on(scene, twin)[0].legs) == 1


def test_of_eight_processes_on_machines_whose_clocks_are_90_seconds_apart_one_trades(scene, twin, tmp_path):
    """By their own clocks half of them are in the hour before."""
    right = scene.control.now() - datetime.now(UTC)
    ahead = [right - number % 2 * timedelta(seconds=90) for number in range(MANY)]
    machines = crowd(scene, tmp_path / "crowd", ahead=ahead)
    check_outcomes(ended(machines))
    assert scene.orders_asked() == 1
    assert len(scene.records()) == 2
    assert len(live_on(scene, twin)[0].legs) == 1


@pytest.mark.parametrize("storage", ["folder", "s3"])
def test_of_eight_processes_whose_owner_is_killed_while_its_order_is_under_way_another_one_books_it(
    scene_on, twin, storage, tmp_path, monkeypatch
):
    with scene_on(storage) as scene:
        monkeypatch.setitem(scene.world.environment, "TRADER__RUN__LEASE_SECONDS", "3")
        scene.control.order_fault("hang", accept=True)
        machines = crowd(scene, tmp_path / "crowd", ahead=[RIGHT] * MANY)
        wait_until(lambda: len(scene.executed()) == 2)
        owner = scene.record(NOW).owner.partition(":")[0]
        (victim,) = [machine for machine in machines if machine.name == owner]
        victim.kill()
        assert victim.end() == -signal.SIGKILL
        check_outcomes(ended([machine for machine in machines if machine is not victim]))
        assert scene.orders_asked() == 1
        record, *_ = live_on(scene, twin)
        assert len(record.legs) == 1
        assert not record.owner.startswith(owner)


def test_of_eight_processes_that_find_an_order_of_the_hour_before_one_settles_it(scene, twin, tmp_path):
    scene.lose_an_order(accept=True)
    scene.world.move_to_run(NOW + HOUR)
    check_outcomes(ended(crowd(scene, tmp_path / "crowd", ahead=[RIGHT] * MANY)))
    assert scene.orders_asked() == 1
    assert [len(record.legs) for record in live_on(scene, twin, lived=1)[:2]] == [1, 0]


def test_of_eight_real_commands_one_trades_and_all_succeed(scene, twin):
    scene.be_patient()
    processes = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "run", "--json"],
            env={**os.environ, **scene.world.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(MANY)
    ]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * MANY, said
    check_outcomes([answer["outcome"] for printed, _ in said for answer in json.loads(printed)["runs"]])
    assert scene.orders_asked() == 1
    assert len(live_on(scene, twin)[0].legs) == 1
