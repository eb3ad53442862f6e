"""The crontab: what is in it, what its lines mean, and which are refused because they would mean something else."""

import subprocess

import pytest

from tests.docker.conftest import ROOT, crontab_lines

pytestmark = pytest.mark.slow


def refused(machine, text):
    """Start cron with a crontab that it refuses, and return what it says."""
    machine.crontab(text)
    assert machine.run("cron.sh") == 3
    assert machine.said() == []  # no run either
    assert not machine.run_dir.exists()
    (*_, last) = machine.said("err")
    return last


def test_the_shipped_crontab_starts_a_run_at_minutes_0_2_5_and_10_of_every_hour():
    (job,) = crontab_lines()
    assert job.split(maxsplit=5) == ["0,2,5,10", "*", "*", "*", "*", "/opt/trader/libexec/run.sh"]
    assert (ROOT / "docker/run.sh").exists()


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("0,2,5,10 * * * *", "-M 0,2,5,10 -H * -d * -m * -w * true"),
        ("*/20 */6 * * *", "-M /20 -H /6 -d * -m * -w * true"),
        ("5-7,30 8 1 1-3,12 *", "-M 5-7,30 -H 8 -d 1 -m 1-3,12 -w * true"),
        ("00 08 * * 0,7", "-M 00 -H 08 -d * -m * -w 0,7 true"),
    ],
)
def test_a_line_waits_for_its_times_in_utc(clocked, schedule, wanted):
    clocked.program(
        "snooze", f'[ "$1" != -n ] || exit 0\nset -f\necho $TZ $* >>{clocked.folder}/snoozed\nexec sleep 30'
    )
    clocked.crontab(f"{schedule} /bin/true\n")
    clocked.start("cron.sh", TZ="Asia/Tokyo")
    clocked.until(f"UTC {wanted}", name="snoozed")


@pytest.mark.parametrize(
    ("field", "minutes"), [("0,2,5,10", [0, 2, 5, 10]), ("/20", [0, 20, 40]), ("5-7,30", [5, 6, 7, 30]), ("08", [8])]
)
def test_what_snooze_makes_of_a_field_is_what_cron_means(snooze, field, minutes):
    answer = subprocess.run([snooze, "-n", "-H", "*", "-M", field, "true"], capture_output=True, text=True, check=True)
    seen = {int(line[14:16]) for line in answer.stdout.splitlines()}
    assert seen == set(minutes)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("@hourly /bin/true", "words such as @hourly are not understood; write five fields"),
        ("MAILTO=somebody", "set the container's environment instead"),
        ("PATH = /bin", "set the container's environment instead"),
        ("0 * * * * trader /bin/true", "after five fields comes a command with its whole path, no user"),
        ("0 * * * * true", "after five fields comes a command with its whole path, no user"),
        ("0 * * * /bin/true", "after five fields comes a command with its whole path, no user"),
        ("0 * * * *", "after five fields comes a command with its whole path, no user"),
        ("0 * * * * /bin/date +%s", "% ends a command in cron; call a script instead"),
        ("0 0 1 * 1 /bin/true", "day of month and weekday together: write two lines"),
        ("30-10 * * * * /bin/true", "minute `30-10`: a range has to go up"),
        ("*/0 * * * * /bin/true", "minute `*/0`: every 0 is never"),
        ("60 * * * * /bin/true", "that is never; see above"),
        ("0 24 * * * /bin/true", "that is never; see above"),
        ("0 0 30 2 * /bin/true", "that is never; see above"),
    ],
)
def test_a_line_that_snooze_cannot_do_is_refused_by_file_and_number(clocked, line, why):
    text = f"# a comment\n\n0 * * * * /bin/true\n{line}\n"
    assert refused(clocked, text) == f"error: {clocked.folder / 'cron-job'}, line 4: {why}"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ("0 * * * MON", "weekday `MON`"),
        ("0 * * JAN *", "month `JAN`"),
        ("0 * */2 * *", "day of month `*/2`"),
        ("0 * * */2 *", "month `*/2`"),
        ("0-30/10 * * * *", "minute `0-30/10`"),
        ("/5 * * * *", "minute `/5`"),
        ("*/5,7 * * * *", "minute `*/5,7`"),
        ("0,,2 * * * *", "minute `0,,2`"),
        ("-5 * * * *", "minute `-5`"),
        ("$(id) * * * *", "minute `$(id)`"),
    ],
)
def test_a_field_that_snooze_would_read_otherwise_is_refused_by_name(clocked, fields, named):
    said = refused(clocked, f"{fields} /bin/true\n")
    assert said.startswith(f"error: {clocked.folder / 'cron-job'}, line 1: {named} is not understood: numbers, ")


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_a_crontab_without_any_line_is_refused(clocked, text):
    assert refused(clocked, text).endswith("the file has no line that starts anything")


def test_a_crontab_that_is_not_there_is_refused(clocked):
    (clocked.folder / "cron-job").unlink()
    assert clocked.run("cron.sh") == 3
    assert clocked.said("err") == [f"error: cannot read {clocked.folder / 'cron-job'}, the crontab"]


def test_a_last_line_without_its_end_counts(clocked):
    clocked.crontab("0 * * * * /bin/true\n5 * * * * /bin/true")
    clocked.start("cron.sh")
    clocked.until(f"cron is up: 2 line(s) in {clocked.folder / 'cron-job'}")
