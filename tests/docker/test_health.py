"""Healthy is a container whose cron lives and tries; how its runs end is none of its business."""

import os
import subprocess

import pytest


def noted(machine, *, minutes, pid=None):
    machine.run_dir.mkdir()
    machine.run_dir.joinpath("cron.pid").write_text(f"{pid or os.getpid()}\n")
    subprocess.run(["touch", "-d", f"{minutes} minutes ago", machine.run_dir / "attempted"], check=True)


@pytest.mark.parametrize(
    ("minutes", "code", "said"), [(0, 0, []), (118, 0, []), (122, 1, ["no run was attempted in the last two hours"])]
)
def test_two_hours_without_an_attempt_are_unhealthy(machine, minutes, code, said):
    noted(machine, minutes=minutes)
    assert machine.run("health.sh") == code
    assert machine.said() == said


def test_a_dead_cron_is_unhealthy_at_once(machine):
    dead = subprocess.Popen(["true"])
    dead.wait()
    noted(machine, minutes=0, pid=dead.pid)
    assert machine.run("health.sh") == 1
    assert machine.said() == ["cron is dead"]


def test_cron_without_any_attempt_is_unhealthy(machine):
    noted(machine, minutes=0)
    (machine.run_dir / "attempted").unlink()
    assert machine.run("health.sh") == 1


@pytest.mark.parametrize("code", [0, 1, 3, 4, 5, 75])
def test_an_attempt_is_healthy_however_it_ended(machine, code):
    noted(machine, minutes=500)
    machine.program("trader", f"exit {code}")
    assert machine.run("run.sh") == code
    assert machine.run("health.sh") == 0


def test_a_container_that_does_one_command_is_never_unhealthy(machine):
    assert machine.run("health.sh") == 0
    assert machine.run("run.sh") == 0
    subprocess.run(["touch", "-d", "3 hours ago", machine.run_dir / "attempted"], check=True)
    assert machine.run("health.sh") == 0
