"""What can be known of the container and the pipeline without building an image: linters, the crontab, the scripts.

The scripts run here as they are, with another folder in place of /run/trader. The image itself: test_image.py.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = sorted([*ROOT.glob("docker/*.sh"), *ROOT.glob("scripts/*.sh"), ROOT / ".ci/run"])
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
JOBS = [line for line in (ROOT / "cron-job").read_text(encoding="utf-8").splitlines() if re.match(r"[\d*]", line)]
NASTY = 'it\'s "quoted"\n$HOME `id` $(id) %\\ ; exit 1\n'


def lint(*words):
    """Run a linter of the development environment; `''` when it finds nothing."""
    command = [str(BIN / words[0]), *map(str, words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


def moved(script, folder):
    """A copy of a script of the image that keeps its files in `folder`."""
    text = (ROOT / "docker" / script).read_text(encoding="utf-8")
    assert "/run/trader" in text
    copy = folder / script
    copy.write_text(text.replace("/run/trader", str(folder)))
    return copy


def fake_trader(folder, words):
    """Put a program called `trader` first on the PATH: the scripts are under test, not the bot."""
    program = folder / "trader"
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def as_cron_would(script):
    """Run a script as cron does, with next to no environment."""
    return subprocess.run(
        ["/bin/sh", str(script)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=20
    )


def test_the_dockerfile_has_no_finding():
    assert lint("hadolint", "Dockerfile") == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_no_finding_and_can_be_executed(script):
    assert lint("shellcheck", script) == ""
    assert os.access(script, os.X_OK)


def test_the_workflows_are_what_the_pipeline_understands_and_safe():
    assert WORKFLOWS
    assert lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS) == ""
    assert lint("zizmor", "--offline", "--no-progress", *WORKFLOWS) == ""


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ((r"@[0-9a-f]{40} # v5.0.0", "@v5"), "unpinned-uses"),
        (("persist-credentials: false", "fetch-depth: 1"), "artipacked"),
        (("permissions:\n +contents: read\n", ""), "excessive-permissions"),
    ],
)
def test_a_careless_workflow_is_found(tmp_path, change, finding):
    careless = tmp_path / "tests.yml"
    careless.write_text(re.sub(*change, WORKFLOWS[0].read_text(encoding="utf-8")))
    assert finding in lint("zizmor", "--offline", "--no-progress", careless)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_ends_some_time_and_may_only_read(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        assert "permissions" not in job


def test_the_pipeline_tests_every_python_that_is_promised():
    job = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))["jobs"]["tests"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_cron_starts_one_run_at_minutes_0_2_5_and_10_of_every_hour_as_a_user_that_is_not_root():
    (job,) = JOBS
    schedule, user, command = job.split(maxsplit=6)[:5], job.split()[5], job.split(maxsplit=6)[6]
    assert schedule == ["0,2,5,10", "*", "*", "*", "*"]
    assert user == "trader"
    assert command == "/opt/trader/libexec/run.sh >&3 2>&4"
    assert "%" not in job  # cron takes it for the end of the line
    assert (ROOT / "cron-job").read_bytes().endswith(b"\n")  # cron ignores a file that ends in the middle of a line


def test_the_descriptors_that_the_job_writes_to_are_those_that_cron_is_given():
    assert "cron -f 3>&1 4>&2 &" in (ROOT / "docker/entrypoint.sh").read_text(encoding="utf-8")


def test_the_environment_reaches_the_run_whatever_is_in_it(tmp_path):
    path = fake_trader(tmp_path, f"exec {sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'")
    given = {"PATH": path, "TRADER__BOT__ID": NASTY, "AWS_SECRET_ACCESS_KEY": "a'b\"c", "EMPTY": ""}
    (keep,) = re.findall(
        r"^\((.* && export -p) >\S+\)$", (ROOT / "docker/entrypoint.sh").read_text(), flags=re.MULTILINE
    )
    kept = subprocess.run(["/bin/sh", "-c", keep], env=given, capture_output=True, text=True, check=True).stdout
    (tmp_path / "environment").write_text(kept)
    done = as_cron_would(moved("run.sh", tmp_path))
    assert done.returncode == 0, done.stderr
    run, training = map(json.loads, done.stdout.splitlines())
    assert given.items() <= training.items()
    assert {**training, "TRADER__RETRAIN__TIMING": "external"}.items() <= run.items()


@pytest.mark.parametrize("code", [0, 3, 75])
def test_only_a_run_that_ends_well_counts_as_one_and_its_exit_code_is_kept(tmp_path, code):
    (tmp_path / "environment").write_text(f"export PATH='{fake_trader(tmp_path, f'exit {code}')}'\n")
    assert as_cron_would(moved("run.sh", tmp_path)).returncode == code
    assert (tmp_path / "last-success").exists() == (code == 0)


def test_a_run_leaves_its_training_to_a_process_of_its_own_whose_end_is_not_the_runs(tmp_path):
    path = fake_trader(tmp_path, 'echo "$*" "${TRADER__RETRAIN__TIMING-}"; [ "$1" = run ]')
    (tmp_path / "environment").write_text(f"export PATH='{path}'\n")
    done = as_cron_would(moved("run.sh", tmp_path))
    assert done.stdout.splitlines() == ["run external", "train --if-due --unless-external "]
    assert (done.returncode, (tmp_path / "last-success").exists()) == (1, True)


@pytest.mark.parametrize(("minutes", "healthy"), [(1, True), (119, True), (125, False)])
def test_two_hours_without_a_run_that_ended_well_are_unhealthy(tmp_path, minutes, healthy):
    subprocess.run(["touch", "-d", f"{minutes} minutes ago", str(tmp_path / "last-success")], check=True)
    assert (as_cron_would(moved("health.sh", tmp_path)).returncode == 0) == healthy


def test_a_container_that_does_one_command_is_never_unhealthy(tmp_path):
    assert as_cron_would(moved("health.sh", tmp_path)).returncode == 0


def test_only_what_the_image_needs_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    sent = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
        for word in line.split()[:-1]
        if not word.startswith("--")
    }
    assert sent == copied
    assert all((ROOT / name).exists() for name in sent)


def test_everything_that_is_downloaded_by_pip_has_to_match_its_hash():
    installs = re.findall(r"pip (?:install|wheel) .*", DOCKERFILE)
    assert len(installs) == 3
    assert [line for line in installs if not re.search("--require-hashes|--no-index|--no-build-isolation", line)] == []


def test_no_mount_brings_what_is_installed_because_a_builders_cache_may_not_look_into_it():
    assert re.findall(r"--mount=type=(\w+)", DOCKERFILE) == ["secret"]


def test_no_secret_is_baked_in():
    named = re.findall(r"^(?:ARG|ENV)\s+((?:.*\\\n)*.+)", DOCKERFILE, flags=re.MULTILINE)
    names = set(re.findall(r"(\w+)=", " ".join(named)))
    assert names == {"BASE", "PATH", "HOME", "PYTHONUNBUFFERED", "REVISION"}
