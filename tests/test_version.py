"""The version that runs: from the tag in a checkout, from the record in a package, from the CHANGELOG in a zip."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trader
from tests.conftest import ROOT
from trader.version import Build, build_of, release_of, running

WHO = {f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NOBODYS_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
RELEASED = (
    "# Changelog\n\n## [Unreleased]\n\n## [0.4.1] - 2026-01-02\n\n- Trades.\n\n## [0.4.0] - 2026-01-01\n\n- Runs.\n"
)
UNRELEASED = RELEASED.replace("[Unreleased]\n", "[Unreleased]\n\n### Added\n\n- More.\n")


class Checkout:
    """A real git repository with a package in it, and what this program says it is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "trader").mkdir(parents=True)

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.root), *words]
        environment = {**os.environ, **WHO, **NOBODYS_SETTINGS}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, *tags: str) -> str:
        """Commit, tag that, and return the 40 digits of the commit."""
        if not (self.root / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        with (self.root / "trader/code.py").open("a") as file:
            file.write("more = True\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message=more")
        for tag in tags:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    @property
    def build(self) -> Build:
        return build_of(self.root / "trader")


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


def test_a_tagged_commit_is_that_release(checkout):
    checkout.commit("v0.4.0")
    commit = checkout.commit("v0.4.1")
    assert checkout.build == Build(version="0.4.1", commit=commit)


def test_commits_after_a_release_lead_to_the_next_minor_one_and_are_told_apart_at_once(checkout):
    checkout.commit("v0.4.1")
    checkout.commit()
    commit = checkout.commit()
    assert checkout.build == Build(version=f"0.5.0.dev2+g{commit[:7]}", commit=commit)
    later = checkout.commit()
    assert checkout.build == Build(version=f"0.5.0.dev3+g{later[:7]}", commit=later)


def test_what_was_changed_since_the_commit_is_marked_and_what_git_does_not_know_is_not(checkout):
    commit = checkout.commit("v0.4.1")
    (checkout.root / "trader.toml").touch()
    assert checkout.build.version == "0.4.1"
    (checkout.root / "trader/code.py").write_text("less = True\n")
    assert checkout.build == Build(version="0.4.1+dirty", commit=commit)
    checkout.git("stash", "--quiet")
    later = checkout.commit()
    checkout.git("rm", "--quiet", "trader/code.py")
    assert checkout.build == Build(version=f"0.5.0.dev1+g{later[:7]}.dirty", commit=later)


@pytest.mark.parametrize("tag", ["v1", "v2.0.0rc1", "1.2.3", "v1.2.3.4", "v9.9.9-test", "nightly"])
def test_a_tag_that_names_no_release_is_none(checkout, tag):
    checkout.commit("v0.4.1")
    commit = checkout.commit(tag)
    assert checkout.build.version == f"0.5.0.dev1+g{commit[:7]}"


def test_the_release_is_found_beside_a_tag_that_names_none(checkout):
    checkout.commit("v0.4.1", "v2.0.0rc1", "v3-test", "latest")
    assert checkout.build.version == "0.4.1"


@pytest.mark.parametrize(("changelog", "version"), [(RELEASED, "0.4.1"), (UNRELEASED, "0.5.0.dev0"), ("", "0.0.0")])
def test_a_shallow_clone_has_its_commit_from_git_and_its_release_from_the_changelog(
    checkout, tmp_path, changelog, version
):
    (checkout.root / "CHANGELOG.md").write_text(changelog)
    checkout.commit("v0.4.1")
    commit = checkout.commit()
    clone = Checkout(tmp_path / "clone")
    (clone.root / "trader").rmdir()
    clone.git("clone", "--quiet", "--depth=1", "--no-tags", checkout.root.as_uri(), ".")
    assert clone.build == Build(version=f"{version}+g{commit[:7]}", commit=commit)


def test_a_worktree_and_a_folder_of_somebody_elses_are_checkouts_too(checkout, tmp_path):
    commit = checkout.commit("v0.4.1")
    checkout.git("worktree", "add", "--quiet", str(tmp_path / "other"))
    assert build_of(tmp_path / "other/trader") == Build(version="0.4.1", commit=commit)
    if os.getuid() == 0:
        os.chown(checkout.root, 12345, 12345)
        assert checkout.build.commit == commit


def test_the_hook_of_another_repository_does_not_make_it_ours(checkout, tmp_path, monkeypatch):
    commit = checkout.commit("v0.4.1")
    other = Checkout(tmp_path / "other")
    other.commit("v7.0.0")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    assert checkout.build == Build(version="0.4.1", commit=commit)


def test_asking_takes_no_lock_and_changes_nothing(checkout):
    checkout.commit("v0.4.1")
    os.utime(checkout.root / "trader/code.py", (0, 0))  # git wants to write down that the content is the same
    index = checkout.root / ".git/index"
    before = index.read_bytes()
    assert checkout.build.version == "0.4.1"
    assert index.read_bytes() == before
    (checkout.root / ".git/index.lock").touch()
    assert checkout.build.version == "0.4.1"


@pytest.mark.parametrize(
    ("changelog", "version"),
    [(RELEASED, "0.4.1"), (UNRELEASED, "0.5.0.dev0+unknown"), ("nothing", "0.0.0+unknown"), (None, "0.0.0+unknown")],
)
def test_a_source_zip_has_its_version_from_the_changelog_and_no_commit(checkout, changelog, version):
    if changelog is not None:
        (checkout.root / "CHANGELOG.md").write_text(changelog)
    assert checkout.build == Build(version=version, commit="")


def test_without_git_and_before_the_first_commit_it_is_a_source_zip(checkout, monkeypatch, tmp_path):
    (checkout.root / "CHANGELOG.md").write_text(RELEASED)
    checkout.git("init", "--quiet")
    assert checkout.build == Build(version="0.4.1", commit="")
    checkout.commit("v0.4.2")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout.build == Build(version="0.4.1", commit="")


def test_a_package_says_what_was_written_when_it_was_built(checkout):
    checkout.commit("v0.4.1")
    record = checkout.root / "trader/build.json"
    record.write_text(json.dumps({"version": "0.3.0", "commit": "ab" * 20}))
    assert checkout.build == Build(version="0.3.0", commit="ab" * 20)
    for damaged in ("", "[]", "{}", '{"version": "0.3.0"}'):
        record.write_text(damaged)
        assert checkout.build.version == "0.4.1"


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (Build(version="0.4.1", commit="0123456789abcdef" * 2 + "01234567"), "0.4.1 (commit 0123456)"),
        (Build(version="0.5.0.dev2+g0123456", commit="0123456789" * 4), "0.5.0.dev2+g0123456"),
        (Build(version="0.4.1"), "0.4.1"),
    ],
)
def test_people_read_a_short_commit_once(build, text):
    assert str(build) == text


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("0.4.1", "0.4.1"),
        ("0.4.1+dirty", "0.4.1"),
        ("0.5.0.dev2+g0123456.dirty", "0.5.0"),
        ("0.0.0+unknown", "0.0.0"),
        ("test", "test"),
    ],
)
def test_all_commits_on_the_way_to_a_release_have_the_same_one(version, release):
    assert release_of(version) == release


def test_the_package_itself_is_a_version_and_nothing_else():
    assert trader.__version__ == running().version
    assert re.fullmatch(r"[0-9a-f]{40}|", running().commit)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        trader.nothing  # noqa: B018


def test_tag_changelog_and_build_agree():
    """Between releases nothing has to be kept in step; a release is a section of the CHANGELOG and a tag."""
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    releases = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", each) for each in headings[1:]]
    assert headings[0] == "[Unreleased]"
    assert all(releases), "a section is `## [X.Y.Z] - YYYY-MM-DD`"
    numbers = [tuple(map(int, each.groups()[:3])) for each in releases]
    assert numbers == sorted(set(numbers), reverse=True), "the newest release comes first, each once"
    texts = [".".join(map(str, each)) for each in numbers]
    following = {f"{major}.{minor + 1}.0" for major, minor, _ in numbers[:2]}  # also while a section waits for its tag
    is_release = release_of(trader.__version__) == trader.__version__.partition("+")[0]
    assert release_of(trader.__version__) in ({texts[0]} if is_release else {texts[0], *following})
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]


@pytest.fixture
def project(tmp_path):
    """The project with what its build reads, and no code but what says its version."""
    checkout = Checkout(tmp_path / "project")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, checkout.root)
    for name in ("__init__.py", "version.py"):
        shutil.copy(ROOT / "trader" / name, checkout.root / "trader")
    (checkout.root / "CHANGELOG.md").write_text(UNRELEASED)
    return checkout


def built(project, tmp_path, **environment):
    """Build a wheel as the image does, unpack it, and return its name and what the package in it says."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    command += ["--disable-pip-version-check", f"--wheel-dir={tmp_path / 'wheel'}", str(project.root)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return done.stdout + done.stderr, None
    (wheel,) = (tmp_path / "wheel").iterdir()
    shutil.unpack_archive(wheel, tmp_path / "installed", format="zip")
    code = "from trader.version import running; build = running(); print(build.version, build.commit)"
    words = [sys.executable, "-S", "-c", code]
    said = subprocess.run(words, cwd=tmp_path / "installed", capture_output=True, text=True, check=True).stdout
    return wheel.name, said.rstrip("\n")


@pytest.mark.slow
def test_a_wheel_has_the_tags_version_and_the_commit_and_its_source_stays_clean(project, tmp_path):
    commit = project.commit("v9.8.7")
    name, said = built(project, tmp_path)
    assert (name, said) == ("hourly_trader-9.8.7-py3-none-any.whl", f"9.8.7 {commit}")
    assert not (project.root / "trader/build.json").exists()
    assert project.build == Build(version="9.8.7", commit=commit)
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "version", "commit"),
    [
        ({"VERSION": "v1.2.3", "COMMIT": "ab" * 20}, "1.2.3", "ab" * 20),
        ({"VERSION": "0.0.0+unknown", "COMMIT": "unknown"}, "0.0.0+unknown", ""),
        ({"VERSION": "", "COMMIT": ""}, "0.5.0.dev0+unknown", ""),
    ],
)
def test_an_image_is_built_without_git_from_what_it_is_told(project, tmp_path, environment, version, commit):
    told = {f"TRADER_BUILD_{name}": value for name, value in environment.items()}
    name, said = built(project, tmp_path, **told)
    assert (name.split("-")[1], said) == (version, f"{version} {commit}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "commit", "why"),
    [("1.2.3", "abc1234", "give all 40 digits"), ("", "ab" * 20, "TRADER_BUILD_VERSION is not")],
)
def test_half_of_a_commit_or_of_the_truth_stops_the_build(project, tmp_path, version, commit, why):
    printed, said = built(project, tmp_path, TRADER_BUILD_VERSION=version, TRADER_BUILD_COMMIT=commit)
    assert said is None
    assert why in printed


@pytest.mark.slow
def test_an_editable_installation_keeps_no_record_and_a_source_distribution_does(project, tmp_path):
    commit = project.commit("v9.8.7")
    call = "import setuptools.build_meta as build; build.build_{}({!r})"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    for kind in ("editable", "sdist"):
        folder = tmp_path / kind
        folder.mkdir()
        words = [sys.executable, "-c", call.format(kind, str(folder))]
        subprocess.run(words, cwd=project.root, env=environment, capture_output=True, check=True)
    assert [each.name for each in (tmp_path / "editable").iterdir()] == [
        "hourly_trader-9.8.7-0.editable-py3-none-any.whl"
    ]
    assert not (project.root / "trader/build.json").exists()
    shutil.unpack_archive(tmp_path / "sdist/hourly_trader-9.8.7.tar.gz", tmp_path, filter="data")
    assert build_of(tmp_path / "hourly_trader-9.8.7/trader") == Build(version="9.8.7", commit=commit)
