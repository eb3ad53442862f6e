"""Cron without root: the run at the start, the jobs at their times, the end. The clock is turned by hand."""

import shutil
import signal
import time

import pytest

from tests.docker.conftest import DOCKER

pytestmark = pytest.mark.slow

RUN, TRAIN = "trader run --catch-up", "trader train --if-due --unless-external"


def up(machine, lines=1):
    return f"cron is up: {lines} line(s) in {machine.folder / 'cron-job'}"


def test_it_begins_with_a_run_that_leaves_trainings_to_cron_and_ticks_from_then_on(clocked):
    clocked.start("cron.sh")
    clocked.until(up(clocked))
    assert clocked.said() == [RUN, up(clocked)]
    for ticks in (1, 2):
        clocked.ring()
        clocked.until(TRAIN, times=ticks)
    assert clocked.said() == [RUN, up(clocked), RUN, TRAIN, RUN, TRAIN]


@pytest.mark.parametrize("code", [0, 4, 75])
def test_data_market_and_storage_that_were_not_ready_at_the_start_are_crons_to_try_again(clocked, code):
    clocked.program("trader", f'echo "trader $*"; exit {code}')
    clocked.start("cron.sh")
    clocked.until(up(clocked))
    clocked.ring()
    clocked.until(RUN, times=2)


@pytest.mark.parametrize("code", [1, 2, 3, 5, 137])
def test_what_a_person_has_to_look_at_ends_the_container_at_its_start_with_the_same_code(clocked, code):
    clocked.program("trader", f'echo "trader $*"; exit {code}')
    assert clocked.run("cron.sh") == code
    assert clocked.said() == [RUN]
    assert not (clocked.run_dir / "cron.pid").exists()


@pytest.mark.parametrize("code", [1, 3, 137])
def test_later_no_exit_code_of_a_run_ends_cron(clocked, code):
    clocked.start("cron.sh")
    clocked.until(up(clocked))
    clocked.program("trader", f"echo failed; exit {code}")
    for ticks in (1, 2):
        clocked.ring()
        clocked.until("failed", times=ticks)


def test_a_job_that_takes_long_keeps_no_line_waiting(clocked):
    clocked.start("cron.sh")
    clocked.until(up(clocked))
    clocked.program("trader", 'echo "trader $*"; [ "$1" = run ] || sleep 30')
    clocked.ring()
    clocked.until(TRAIN)
    clocked.ring()
    clocked.until(RUN, times=3)


def test_every_line_has_its_own_times_and_is_for_the_shell(clocked, tmp_path):
    first, second = (
        f"0 * * * * {tmp_path}/bin/say one",
        f"  5 * * * * {tmp_path}/bin/say 'two  words' && echo \"$HOME\" *",
    )
    clocked.crontab(f"# two\n{first}\n{second}\n")
    clocked.program("say", 'echo "<$1>"')
    clocked.start("cron.sh", HOME="/nowhere")
    clocked.until(up(clocked, lines=2))
    clocked.ring("5")
    clocked.until("<two  words>")
    clocked.ring("0")
    clocked.until("<one>")
    clocked.ring("5")
    clocked.until("<two  words>", times=2)
    assert clocked.said().count("<one>") == 1
    assert "/nowhere bin cron-job " in "\n".join(clocked.said())


def test_the_environment_is_inherited_whatever_is_in_it_and_no_file_holds_it(clocked):
    nasty = 'it\'s "quoted"\n$HOME `id` $(id) %\\ ; exit 1\n'
    clocked.program("trader", 'printf "%s\\nsaid\\n" "$NASTY"')
    clocked.start("cron.sh", NASTY=nasty)
    clocked.until(up(clocked))
    clocked.ring()
    clocked.until("said", times=3)
    assert (clocked.folder / "out").read_text().count(f"{nasty}\nsaid\n") == 3
    assert not any(b"quoted" in path.read_bytes() for path in clocked.run_dir.iterdir())


def test_told_to_terminate_it_ends_a_run_and_a_training_at_once_and_waits_for_both(clocked):
    clocked.start("cron.sh")
    clocked.until(up(clocked))
    told = 'echo "$1 gave back"; sleep 0.3; echo "$1 gone"; exit 143'
    wait = f"trap '{told}' TERM; echo \"$1 at work\"; while :; do sleep 0.02; done"
    clocked.program("trader", f'[ "$1" = train ] || exit 0\n{wait}')
    clocked.ring()
    clocked.until("train at work")
    clocked.program("trader", wait)
    clocked.ring()
    clocked.until("run at work")
    cron = clocked.started[0]
    cron.send_signal(signal.SIGTERM)
    assert cron.wait(10) == 143
    assert sorted(clocked.said()[-4:]) == ["run gave back", "run gone", "train gave back", "train gone"]
    assert not (clocked.run_dir / "cron.pid").exists()


def test_told_to_terminate_during_the_run_at_the_start_it_waits_for_it(clocked):
    clocked.program("trader", "trap 'sleep 0.2; echo gone; exit 143' TERM; echo at work; while :; do sleep 0.02; done")
    cron = clocked.start("cron.sh")
    clocked.until("at work")
    assert clocked.run("health.sh") == 0
    cron.send_signal(signal.SIGTERM)
    assert cron.wait(10) == 143
    assert clocked.said() == ["at work", "gone"]


def test_told_to_terminate_when_nothing_is_under_way_it_ends_at_once(clocked):
    cron = clocked.start("cron.sh")
    clocked.until(up(clocked))
    began = time.monotonic()
    cron.send_signal(signal.SIGTERM)
    assert cron.wait(10) == 143
    assert time.monotonic() - began < 5
    assert clocked.said("err") == []


def test_what_does_not_end_by_itself_is_not_waited_for_longer_than_the_grace(clocked, tmp_path):
    shutil.copytree(DOCKER, tmp_path / "docker")
    short = (DOCKER / "cron.sh").read_text(encoding="utf-8").replace("grace=25 ", "grace=1 ")
    (tmp_path / "docker/cron.sh").write_text(short)
    clocked.program("trader", "trap '' TERM; echo deaf; while :; do sleep 0.02; done")
    cron = clocked.start(str(tmp_path / "docker/cron.sh"))
    clocked.until("deaf")
    began = time.monotonic()
    cron.send_signal(signal.SIGTERM)
    assert cron.wait(10) == 143
    assert 1 <= time.monotonic() - began < 5


def test_cron_that_cannot_wait_any_more_ends_and_says_so(clocked):
    cron = clocked.start("cron.sh")
    clocked.until(up(clocked))
    (clocked.folder / "broken").touch()
    assert cron.wait(10) == 1
    assert "error: snooze, which waits for the next run, ended with 9" in clocked.said("err")[-1]


def test_healthy_while_it_lives_and_unhealthy_when_it_was_killed(clocked):
    cron = clocked.start("cron.sh")
    clocked.until(up(clocked))
    assert clocked.run("health.sh") == 0
    cron.kill()
    cron.wait()
    assert clocked.run("health.sh") == 1
    assert clocked.said()[-1] == "cron is dead"
