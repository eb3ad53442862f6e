"""One scheduled hour: what run.sh does, in which order, and which exit code it leaves."""

import signal
import time

import pytest

pytestmark = pytest.mark.slow

RUN, TRAIN = "trader run --catch-up", "trader train --if-due --unless-external"


def test_the_run_leaves_its_training_to_a_process_of_its_own(machine):
    machine.program("trader", 'echo "trader $*" "${TRADER__RETRAIN__TIMING-}"')
    assert machine.run("run.sh") == 0
    assert machine.said() == [f"{RUN} external", f"{TRAIN} "]


@pytest.mark.parametrize("code", [1, 3, 75])
def test_a_run_that_failed_is_followed_by_no_training_and_its_exit_code_is_kept(machine, code):
    machine.program("trader", f'echo "trader $*"; exit {code}')
    assert machine.run("run.sh") == code
    assert machine.said() == [RUN]


def test_after_a_run_that_ended_well_the_exit_code_is_the_trainings(machine):
    machine.program("trader", '[ "$1" = run ] || exit 4')
    assert machine.run("run.sh") == 4


@pytest.mark.parametrize("code", [0, 3, 75])
def test_an_attempt_is_noted_before_it_is_known_how_it_goes(machine, code):
    machine.program("trader", f'[ -e "$TRADER_RUN_DIR/attempted" ] && echo noted; exit {code}')
    assert machine.run("run.sh") == code
    assert "noted" in machine.said()


def test_a_chance_that_finds_the_run_before_at_work_does_nothing_and_counts_as_an_attempt(machine):
    machine.program("trader", 'echo "trader $*"; sleep 30')
    machine.start("run.sh")
    machine.until(RUN)
    attempted = machine.run_dir / "attempted"
    attempted.unlink()
    assert machine.run("run.sh") == 0
    assert attempted.exists()
    assert machine.said() == [RUN]
    assert machine.said("err") == ["the run before is still at work: nothing done"]


def test_a_training_keeps_no_run_waiting_and_is_not_done_twice_at_once(machine):
    machine.program("trader", 'echo "trader $*"; [ "$1" = run ] || sleep 30')
    machine.start("run.sh")
    machine.until(TRAIN)
    assert machine.run("run.sh") == 0
    assert machine.said() == [RUN, TRAIN, RUN]
    assert machine.said("err") == ["the training before is still at work: nothing done"]


def test_a_run_whose_script_was_killed_is_not_joined_by_another(machine):
    machine.program("trader", 'echo "trader $*"; exec sleep 30')
    script = machine.start("run.sh")
    machine.until(RUN)
    script.kill()
    script.wait()
    assert machine.run("run.sh") == 0
    assert machine.said() == [RUN]


@pytest.mark.parametrize("work", ["run", "train"])
def test_told_to_terminate_it_tells_what_is_under_way_once_and_waits_for_it(machine, work):
    wait = "trap 'echo gave back; sleep 0.2; echo gone; exit 143' TERM; echo at work; while :; do sleep 0.02; done"
    machine.program("trader", f'[ "$1" = {work} ] || exit 0\n{wait}')
    script = machine.start("run.sh")
    machine.until("at work")
    script.send_signal(signal.SIGTERM)
    assert script.wait(10) == 143
    assert machine.said() == ["at work", "gave back", "gone"]
    machine.program("trader", 'echo "$1 again"')
    assert machine.run("run.sh") == 0
    assert machine.said()[3:] == ["run again", "train again"]  # no lock is left behind


@pytest.mark.parametrize(("work", "limit", "after"), [("run", "50m", []), ("train", "55m", [RUN])])
def test_what_hangs_is_ended_before_the_hour_is_over_and_leaves_no_lock(machine, work, limit, after):
    quick = f'kind=$1 kill=$2 limit=$3; shift 3; [ "$limit" != {limit} ] || limit=0.3'
    machine.program("timeout", f'{quick}; exec /usr/bin/timeout "$kind" "$kill" "$limit" "$@"')
    machine.program("trader", f'echo "trader $*"; [ "$1" = {work} ] || exit 0\nexec sleep 30')
    assert machine.run("run.sh") == 124
    assert machine.said()[: len(after)] == after
    machine.program("trader", 'echo "$1 again"')
    assert machine.run("run.sh") == 0
    assert machine.said()[-2:] == ["run again", "train again"]


def test_a_lock_that_it_may_not_open_is_a_place_that_cannot_be_written_to(machine):
    machine.run_dir.mkdir()
    (machine.run_dir / "run.lock").symlink_to("nowhere/else")  # refused to root, too
    assert machine.run("run.sh") == 3
    assert "mount a tmpfs on /tmp" in machine.said("err")[-1]
    assert machine.said() == []


def test_without_a_place_to_write_to_it_says_what_to_mount(machine):
    (machine.run_dir).write_text("in the way")
    began = time.monotonic()
    assert machine.run("run.sh") == 3
    assert time.monotonic() - began < 5
    assert machine.said("err")[-1] == f"error: cannot write to {machine.run_dir}; mount a tmpfs on /tmp (--tmpfs /tmp)"
    assert machine.said() == []
