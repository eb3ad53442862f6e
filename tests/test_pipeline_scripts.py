"""The scripts that the pipeline's jobs call, with a `docker` and an `aws` that answer as the real ones would.

Neither can be had here; what they are asked for is written down and looked at. git, bash and the build
are the real ones.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

if not (ROOT / ".git").exists():
    pytest.skip("THE PIPELINE'S SCRIPTS ARE NOT TESTED: this is no git checkout", allow_module_level=True)
COMMIT = subprocess.run(
    ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.strip()
BIN = Path(sys.executable).parent
COMMIT = subprocess.run(
    ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.strip()
DIGEST = f"sha256:{'5' * 64}"
REPOSITORY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/trader"
NO_IMAGE = 'echo "An error occurred (ImageNotFoundException) when calling DescribeImages" >&2; exit 254'
DONE = '{"runs": [{"symbol": "DEMOUSDT", "outcome": "done"}]}'


def program(folder, name, words):
    """Put a program first on the PATH that writes down what it is asked for."""
    path = folder / name
    path.write_text(f'#!/bin/bash\necho "{name} $*" >>"{folder}/asked"\n{words}\n', encoding="utf-8")
    path.chmod(0o755)


def call(folder, script, *words, root=ROOT, **environment):
    done = subprocess.run(
        [str(root / ".github" / script), *words],
        env={**os.environ, "PATH": f"{folder}:{BIN}:{os.environ['PATH']}", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    asked = folder / "asked"
    return done, asked.read_text().splitlines() if asked.exists() else []


def push(folder, *, before, after=f"echo {DIGEST}"):
    """Run push.sh where ECR answers `before` until something was pushed, and `after` from then on."""
    ecr = f'if grep -q "docker push" "{folder}/asked"; then {after}; else {before}; fi'
    program(folder, "aws", f'case "$*" in *get-login-password*) echo password;; *describe-images*) {ecr};; esac')
    program(folder, "docker", '[ "$1" != login ] || cat >/dev/null')
    role = {"ROLE": "arn:aws:iam::123456789012:role/deploy", "AWS_REGION": "eu-central-1", "NAME": "trader"}
    return call(folder, "push.sh", **role)


def test_an_image_is_built_and_pushed_under_its_commit_and_named_by_its_digest(tmp_path):
    done, asked = push(tmp_path, before=NO_IMAGE)
    assert (done.returncode, done.stdout) == (0, f"image={REPOSITORY}@{DIGEST}\n"), done.stderr
    docker = [line for line in asked if line.startswith("docker")]
    assert [line.split()[1] for line in docker] == ["login", "build", "push", "pull"]
    assert re.search(rf"VERSION=\d+\.\d+\.\d+\S* .*REVISION={COMMIT} .*CREATED=\d{{4}}-\d\d-\d\dT", docker[1])
    assert docker[1].endswith(f"--tag {REPOSITORY}:{COMMIT} .")
    assert docker[2].endswith(f" {REPOSITORY}:{COMMIT}")
    assert docker[3].endswith(f" {REPOSITORY}@{DIGEST}")
    assert "latest" not in "".join(asked)
    assert "password" not in "".join(docker).replace("--password-stdin", "")


def test_an_image_that_is_there_is_not_built_again(tmp_path):
    done, asked = push(tmp_path, before=f"echo {DIGEST}")
    assert (done.returncode, done.stdout) == (0, f"image={REPOSITORY}@{DIGEST}\n"), done.stderr
    assert [line.split()[1] for line in asked if line.startswith("docker")] == ["login", "pull"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("echo AccessDeniedException >&2; exit 254", "", "AccessDeniedException"),
        (NO_IMAGE, NO_IMAGE, f"no digest for {COMMIT}"),
        ("echo None", "", "but 'None'"),
    ],
    ids=["not-allowed", "not-there-after-all", "no-digest"],
)
def test_an_image_that_cannot_be_named_ends_the_job(tmp_path, before, after, says):
    done, _ = push(tmp_path, before=before, after=after or ":")
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr


def smoke(folder, *words, label=COMMIT, user=10001, answer=DONE, code=0):
    cases = f"""case "$*" in
      "image inspect"*) echo "{label}";;
      *"--entrypoint id"*) echo {user};;
      *--version) echo 0.2.0;;
      *"run --json") echo '{answer}'; exit {code};;
    esac"""
    program(folder, "docker", cases)
    return call(folder, "smoke.sh", "bot:1", *words)


def test_an_image_that_works_passes_without_network_rights_or_a_writable_root(tmp_path):
    done, asked = smoke(tmp_path, COMMIT)
    assert (done.returncode, "0.2.0, user 10001, a run is done" in done.stdout) == (0, True), done.stderr
    runs = [line for line in asked if line.startswith("docker run")]
    assert len(runs) == 3
    for run in runs:
        for right in ("--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges"):
            assert right in run


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": "abc"}, "built from 'abc'"),
        ({"user": 0}, "runs as user '0'"),
        ({"user": ""}, "runs as user ''"),
        ({"answer": DONE.replace("done", "failed")}, "ended 'failed'"),
        ({"answer": '{"runs": []}'}, "ended ''"),
        ({"code": 3}, "exit code 3"),
    ],
)
def test_an_image_that_does_not_work_fails(tmp_path, changes, says):
    done, _ = smoke(tmp_path, COMMIT, **changes)
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr


CHANGELOG = """# Changelog

## [Unreleased]

## [7.8.9] - 2026-11-21

### Added

- This.

## [7.8.8] - 2026-11-20

- That.
"""


@pytest.fixture
def tagged(tmp_path):
    """A repository that holds what a release is made of, its one commit on main and tagged."""

    def git(*words):
        who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": "a", f"GIT_{role}_EMAIL": "a@example.org"}
        subprocess.run(["git", *words], cwd=root, env={**os.environ, **who}, check=True, capture_output=True)

    root = tmp_path / "clone"
    root.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "trader", root / "trader", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".github", root / ".github", ignore=shutil.ignore_patterns("node_modules"))
    (root / ".gitignore").write_text("dist/\nbuild/\n*.egg-info/\n__pycache__/\n")
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    git("tag", "v7.8.9")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    return root, git


@pytest.mark.slow
def test_a_release_is_two_archives_of_its_version_and_its_own_notes(tagged, tmp_path):
    root, _ = tagged
    done, _ = call(tmp_path, "release.sh", "v7.8.9", str(tmp_path / "dist"), root=root)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dist/notes.md").read_text().strip() == "### Added\n\n- This."
    wheel = tmp_path / "dist/hourly_trader-7.8.9-py3-none-any.whl"
    metadata = zipfile.ZipFile(wheel).read("hourly_trader-7.8.9.dist-info/METADATA").decode()
    assert "\nVersion: 7.8.9\n" in metadata
    assert (tmp_path / "dist/hourly_trader-7.8.9.tar.gz").stat().st_size > 100_000


@pytest.mark.slow
def test_what_is_no_release_is_not_made_one(tagged, tmp_path):
    root, git = tagged

    def refused(tag, says):
        done, _ = call(tmp_path, "release.sh", tag, str(tmp_path / "dist"), root=root)
        assert (done.returncode, says in done.stderr) == (1, True), done.stderr
        assert not list(tmp_path.glob("dist/*.whl"))

    refused("v7.8", "a release is called v1.2.3")
    refused("v7.8.8", "the checkout says that it is 7.8.9")
    git("commit", "--quiet", "--allow-empty", "--message", "two")
    refused("v7.8.9", "its commit is not on main")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    refused("v7.8.9", "the checkout says that it is 7.9.0.dev1+g")
    git("tag", "v7.9.0")
    refused("v7.9.0", "CHANGELOG.md has no section [7.9.0]")
