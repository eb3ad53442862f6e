"""Unhealthy when nothing attempts a run any more, and for no other reason: a restart helps nobody who is halted.

Asked is what the image itself names as its check, inside a container that is denied everything.
"""

import json

import pytest

from tests.image.host import HARDENED

UP = "cron is up"
RUN = "/opt/trader/libexec/run.sh"
STAMP = "/tmp/trader/attempted"  # noqa: S108 - in the container


@pytest.fixture(scope="module")
def check(engine, image):
    """The exit code of the image's health check in a container."""
    (about,) = json.loads(engine.podman("image", "inspect", image).stdout)
    kind, *words = about["Healthcheck"]["Test"]
    assert kind == "CMD"
    return lambda container: container.execute(*words, check=False).returncode


@pytest.fixture(scope="module")
def running(engine, image, host, next_year):
    """A bot that has caught up, whose cron leaves the runs to the tests."""
    with engine.started(*HARDENED, next_year, *host.options(), image, network="host") as container:
        container.wait_for(UP, seconds=60)
        yield container


@pytest.fixture
def silent(running, check):
    """The same bot after three hours in which nothing attempted a run."""
    running.execute("touch", "-d", "3 hours ago", STAMP)
    assert check(running) == 1
    return running


def test_healthy_when_all_is_well(running, check):
    assert check(running) == 0


def test_unhealthy_when_no_run_was_attempted_for_hours_until_one_is(silent, check):
    silent.execute(RUN)
    assert check(silent) == 0


def test_healthy_when_halted(silent, host, check):
    silent.execute("trader", "halt", "--why", "for a test")
    host.next_hour()
    silent.execute(RUN)
    assert host.records()[-1]["decision"]["reason"] == "control-halt"
    assert check(silent) == 0


def test_healthy_when_the_market_is_down(silent, host, check):
    host.next_hour()
    for kind in ("klines", "time", "exchangeInfo"):
        host.control.fault("error", error="unavailable", times=0, method="GET", path=f"/api/v3/{kind}")
    assert silent.execute(RUN, check=False).returncode == 75
    host.control.clear()
    assert check(silent) == 0


def test_healthy_when_runs_fail_because_a_person_has_to_do_something(silent, check):
    assert silent.execute("env", "TRADER__EXCHANGE__API_KEY=", RUN, check=False).returncode == 3
    assert check(silent) == 0


def test_unhealthy_when_cron_is_dead_in_a_container_that_lives_on(engine, image, check):
    words = (
        "mkdir -p /tmp/trader; touch /tmp/trader/attempted; true & echo $! >/tmp/trader/cron.pid; wait; exec sleep 60"
    )
    with engine.started(*HARDENED, "--entrypoint=sh", image, "-c", words) as container:
        assert check(container) == 1


def test_cron_that_dies_ends_the_container(engine, image, fresh_host):
    with engine.started(*HARDENED, *fresh_host.options(), image, network="host") as container:
        container.wait_for(UP, seconds=60)
        container.execute("sh", "-c", "kill -9 $(cat /tmp/trader/cron.pid)", check=False)
        assert container.wait(seconds=10) not in {0, 143}


def test_a_container_for_one_command_is_healthy(engine, image, check):
    with engine.started(*HARDENED, "--entrypoint=sleep", image, "60") as container:
        assert check(container) == 0
