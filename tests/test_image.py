"""The image, built and run: one command, cron's tick, the end. `make test-image`; see tests/containers.py.

Skipped, and says so, where no image can be built; with CI=true that is a failure.
"""

import json
import os
import re
import time
from dataclasses import dataclass

import pytest

from tests.containers import ROOT, CannotBeHad, find_base, make_engine, pip_access, what_is_missing

pytestmark = [pytest.mark.image, pytest.mark.slow]

TAG = "localhost/trader:test"
NASTY = 'it\'s "quoted"\n$HOME `id` %\\'
HARDENED = [
    *("--read-only", "--tmpfs=/run", "--tmpfs=/tmp", "--volume=/srv/trader", "--security-opt=no-new-privileges"),
    *("--cap-drop=all", "--cap-add=CHOWN", "--cap-add=KILL", "--cap-add=SETGID", "--cap-add=SETUID"),
]
# A job beside the bot's that says what it sees and waits to be told to stop.
WAITS = (
    "* * * * * trader (. /run/trader/environment; trap 'echo gave back; exit' TERM; printenv PROBE; id -un; "
    "stat -c '\\%U \\%a' /run/trader/environment; echo waiting; while :; do sleep 0.1; done) >&3 2>&4\n"
)


def not_here(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"the image cannot be tested: {reason}")
    pytest.skip(f"THE IMAGE IS NOT TESTED: {reason}")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The image is built, as TAG."""
    reason = what_is_missing()
    if reason:
        not_here(reason)
    folder = tmp_path_factory.mktemp("image")
    engine = make_engine()
    try:
        base = find_base(engine, scratch=folder)
    except CannotBeHad as error:
        not_here(str(error))
    layers = f"--layers={engine.driver != 'vfs'}".lower()  # vfs would copy the whole tree for each
    words = ["--format=docker", layers, f"--build-arg=BASE={base}", "--build-arg=REVISION=abc123", f"--tag={TAG}"]
    engine.buildah("bud", *words, *pip_access(folder), ROOT, timeout=1800)
    return engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What was seen of a container in which cron has ticked and which was then stopped."""

    log: str
    health: int
    health_of_the_silent: int
    stopped_after: float
    code: int


@pytest.fixture(scope="module")
def ticked(engine, tmp_path_factory):
    """The shipped crontab with `every minute` for its minutes, in a container with no right too many."""
    crontab = tmp_path_factory.mktemp("cron") / "trader"
    crontab.write_text(re.sub(r"^[\d,]+ ", "* ", (ROOT / "cron-job").read_text(), flags=re.MULTILINE) + WAITS)
    crontab.chmod(0o644)
    mount = f"--volume={crontab}:/etc/cron.d/trader:ro"
    name = engine.run("--detach", *HARDENED, mount, "--env", f"PROBE={NASTY}", TAG).stdout.strip()
    try:
        yield watch(engine, name)
    finally:
        engine.podman("rm", "--force", "--volumes", name)


def watch(engine, name):
    def printed():
        done = engine.podman("logs", name)
        return done.stdout + done.stderr

    def health():
        return engine.podman("exec", name, "/opt/trader/libexec/health.sh", check=False).returncode

    deadline = time.monotonic() + 120
    while not ("waiting" in printed() and re.search(r"training|rror", printed())):
        assert time.monotonic() < deadline, printed()
        time.sleep(0.5)
    healthy = health()
    engine.podman("exec", "--user=trader", name, "touch", "-d", "3 hours ago", "/run/trader/last-success")
    silent = health()
    began = time.monotonic()
    engine.podman("stop", "--time=30", name)
    seconds = time.monotonic() - began
    code = int(engine.podman("inspect", "--format={{.State.ExitCode}}", name).stdout)
    return Ticked(log=printed(), health=healthy, health_of_the_silent=silent, stopped_after=seconds, code=code)


def test_with_words_the_image_does_that_one_command(engine):
    done = engine.run("--rm", TAG, "run", "--json")
    (answer,) = json.loads(done.stdout)["runs"]
    assert answer["outcome"] == "done"


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        ([], ["bogus"], 2),
        (["--env=TRADER__BOT__MODE=bogus"], ["run"], 3),
        (["--user=trader"], ["--version"], 0),
        (["--user=trader"], [], 3),
    ],
)
def test_the_exit_code_is_the_commands(engine, options, words, code):
    assert engine.run("--rm", *options, TAG, *words, check=False).returncode == code


def test_one_command_does_not_run_as_root(engine):
    owners = "/opt/trader/libexec/entrypoint.sh run >/dev/null && find /srv/trader/trader-data -printf '%u\\n'"
    assert set(engine.run("--rm", "--entrypoint=sh", TAG, "-c", owners).stdout.split()) == {"trader"}


def test_cron_starts_runs_as_a_user_that_is_not_root_and_their_output_is_the_containers(ticked):
    assert "DEMOUSDT: done" in ticked.log
    assert "error" not in ticked.log
    assert re.search(r"^trader$", ticked.log, flags=re.MULTILINE)


def test_the_containers_environment_reaches_the_job_unchanged_and_nobody_else(ticked):
    assert f"\n{NASTY}\n" in ticked.log.replace("\r", "")
    assert "trader 600" in ticked.log


def test_a_container_whose_runs_fail_for_two_hours_is_unhealthy(ticked):
    assert ticked.health == 0
    assert ticked.health_of_the_silent == 1


def test_told_to_terminate_the_container_tells_its_runs_and_ends_at_once(ticked):
    assert "gave back" in ticked.log
    assert ticked.code == 143
    assert ticked.stopped_after < 5


def test_the_image_holds_the_compiled_package_and_nothing_of_its_making(engine):
    def listed(words):
        return engine.run("--rm", "--entrypoint=sh", TAG, "-c", words).stdout.split()

    site = "/opt/trader/lib/python3*/site-packages"
    assert any(name.startswith("commands.cpython-3") for name in listed(f"ls {site}/trader/cli/__pycache__"))
    assert listed(f"ls {site}/numpy/__pycache__")
    assert {"trader", "xgboost"} <= set(listed(f"ls {site}"))
    assert not {"hypothesis", "mypy", "moto", "ruff", "tests"} & set(listed(f"ls {site}"))
    assert sorted(listed("ls /opt/trader/libexec")) == ["entrypoint.sh", "health.sh", "run.sh"]
    assert listed("ls -d /etc/pip.conf /source /root/.cache/pip 2>/dev/null; ls /srv/trader") == []


def test_the_image_says_what_it_is_and_holds_no_secret(engine):
    (about,) = json.loads(engine.podman("image", "inspect", TAG).stdout)
    labels = about["Labels"]
    assert labels["org.opencontainers.image.title"] == "hourly-trader"
    assert labels["org.opencontainers.image.revision"] == "abc123"
    assert about["Healthcheck"]["Test"] == ["CMD", "/opt/trader/libexec/health.sh"]
    told = json.dumps([about["Config"]["Env"], about["History"]])
    assert not re.search(r"index-url|find-links|PIP_|password|token", told, flags=re.IGNORECASE)
