"""What can be known of the image without building it: linters, where what is in it comes from, what stays out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docker.conftest import DOCKER, ROOT

BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LAST_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def lint(*words):
    """Run a linter of the development environment; `''` when it finds nothing."""
    command = [str(BIN / words[0]), *map(str, words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_dockerfile_has_no_finding():
    assert lint("hadolint", "Dockerfile") == ""


def test_a_careless_dockerfile_has_one(tmp_path):
    careless = tmp_path / "Dockerfile"
    careless.write_text(DOCKERFILE.replace(" --no-install-recommends", ""))
    assert "DL3015" in lint("hadolint", careless)


@pytest.mark.parametrize("script", sorted(DOCKER.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_of_the_image_has_no_finding_and_can_be_executed(script):
    assert lint("shellcheck", script) == ""
    assert os.access(script, os.X_OK)


def test_the_base_is_miniconda_by_its_digest_and_every_stage_is_on_it():
    (base,) = re.findall(r"^ARG BASE=(\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert re.fullmatch(r"docker\.io/continuumio/miniconda3:[\w.-]+@sha256:[0-9a-f]{64}", base)
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert stages == ["${BASE}", "environment", "${BASE}"]


def test_conda_brings_a_python_that_the_project_promises_and_nothing_else_from_one_channel_without_licence_terms():
    environment = yaml.safe_load((DOCKER / "environment.yml").read_text(encoding="utf-8"))
    assert environment == {
        "name": "trader",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": ["python=3.11.*", "pip"],
    }
    assert re.findall(r"/opt/conda\S* .*", DOCKERFILE) == [
        "/opt/conda/bin/conda env create --quiet --yes --prefix /opt/trader --file /tmp/environment.yml"
    ]


def test_everything_that_is_downloaded_by_pip_has_to_match_its_hash():
    installs = re.findall(r"pip (?:install|wheel) .*", DOCKERFILE)
    assert len(installs) == 4
    assert [line for line in installs if not re.search("--require-hashes|--no-index|--no-build-isolation", line)] == []


def test_every_extra_of_the_image_has_its_pins_in_the_build():
    copied = re.findall(r"requirements-(\w+)\.txt", re.search(r"^COPY requirements-.*$", DOCKERFILE, re.MULTILINE)[0])
    assert copied == ["api", "dist"]
    assert "Any of `api` and `dist`" in DOCKERFILE


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
    assert all(list(ROOT.glob(name)) for name in sent)


def test_no_mount_brings_what_is_installed_because_a_builders_cache_may_not_look_into_it():
    assert set(re.findall(r"--mount=type=(\w+)", DOCKERFILE)) == {"secret"}


def test_no_secret_is_baked_in():
    named = re.findall(r"^(?:ARG|ENV)\s+((?:.*\\\n)*.+)", DOCKERFILE, flags=re.MULTILINE)
    names = set(re.findall(r"(\w+)=", " ".join(named)))
    build = {"BASE", "EXTRAS", "VERSION", "REVISION", "CREATED", "SOURCE"}
    assert names == build | {"PATH", "HOME", "MPLCONFIGDIR", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED"}


def test_nothing_in_the_image_is_roots_to_start_and_tini_is_process_1():
    assert re.findall(r"^USER (.*)$", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]
    assert 'ENTRYPOINT ["tini", "--", "/opt/trader/libexec/entrypoint.sh"]' in LAST_STAGE.split("\nUSER ")[1]
    assert "--uid 10001 " in LAST_STAGE


def test_what_is_written_to_are_volumes_and_libraries_keep_their_files_there():
    assert 'VOLUME ["/tmp", "/srv/trader"]' in LAST_STAGE
    assert re.search(r"HOME=/tmp\b", LAST_STAGE)
    assert "WORKDIR /srv/trader" in LAST_STAGE


def test_the_first_two_hours_are_the_start():
    assert re.search(
        r'^HEALTHCHECK --start-period=2h .* CMD \["/opt/trader/libexec/health.sh"\]', LAST_STAGE, re.MULTILINE
    )
    assert "-mmin -120" in (DOCKER / "health.sh").read_text(encoding="utf-8")


def test_a_documented_build_gives_version_and_commit_or_neither():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("infra/*.md")]
    builds = [line for page in pages for line in page.read_text("utf-8").splitlines() if "docker build" in line]
    assert builds
    assert [line for line in builds if ("REVISION=" in line) != ("VERSION=" in line)] == []
