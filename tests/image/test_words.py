"""One container, one command: the words, and exit codes that pass through."""

import json
import time

import pytest

from tests.image.host import HARDENED

DEMO = ["--env=TRADER__TRACKER__KINDS=none", "--env=TRADER__DEMO__REPLAY_DAYS=2"]


@pytest.fixture
def run(engine, image):
    """Do something in a container that is denied everything, with a volume for a local store."""

    def done(*words: str, options: tuple[str, ...] = ()):
        given = [*HARDENED, *DEMO, "--volume=/srv/trader", "--rm", *options]
        return engine.run(*given, image, *words, check=False)

    return done


def test_run_does_that_one_command_and_nothing_else_is_on_its_output(run):
    done = run("run", "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)["runs"]
    assert answer["outcome"] == "done"


def test_once_is_one_scheduled_hour(run):
    done = run("once")
    assert done.returncode == 0, done.stderr
    assert "DEMOUSDT: done" in done.stdout
    assert "cron is up" not in done.stdout


def test_train_is_the_command(run):
    done = run("train", "--help")
    assert done.returncode == 0
    assert "--if-due" in done.stdout


def test_version_is_that_of_the_build(run):
    assert run("--version").stdout == "1.2.3 (hourly-trader, commit 0123456789abcdef0123456789abcdef01234567)\n"


@pytest.mark.parametrize(
    ("words", "options", "code", "said"),
    [
        (["bogus"], (), 2, "bogus"),
        (["once", "more"], (), 2, "more"),
        (["run"], ("--env=TRADER__BOT__MODE=bogus",), 3, "mode"),
        (["run"], ("--user=0",), 3, "root"),
        ([], ("--env=TRADER__BOT__MODE=bogus",), 3, "mode"),
        (["once"], ("--env=TRADER__BOT__MODE=bogus",), 3, "mode"),
        (["worker"], (), 3, "EXTRAS"),
        (["api"], (), 3, "api"),
    ],
)
def test_the_exit_code_is_the_commands(run, words, options, code, said):
    done = run(*words, options=options)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr


def test_another_user_may_do_it(run):
    assert run("--version", options=("--user=12345:12345",)).returncode == 0


def test_once_that_is_told_to_stop_ends_with_143(engine, image, fresh_host):
    fresh_host.control.order_fault("hang")
    with engine.started(*HARDENED, *fresh_host.options(), image, "once", network="host") as container:
        _wait_for_an_order(fresh_host)
        assert container.stop() < 28
        assert container.code() == 143


def _wait_for_an_order(host) -> None:
    deadline = time.monotonic() + 60
    while not any(each["path"] == "/api/v3/order" for each in host.control.requests()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
