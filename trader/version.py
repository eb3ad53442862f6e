"""Which program is running: its version and its commit.

An installed package says what was written into it when it was built (`setup.py`). A checkout asks git, each time anew:
a number that somebody has to remember to change is sooner or later wrong. A source archive has only its CHANGELOG.

    tag v0.2.0                       0.2.0
    three commits after v0.1.0       0.2.0.dev3+g118f476
    and changed since                0.2.0.dev3+g118f476.dirty
    no tag in reach (shallow clone)  0.2.0.dev0+g118f476, from the newest release in the CHANGELOG
    no git, after 0.1.0              0.2.0.dev0+unknown
    no git, the release 0.1.0        0.1.0

Only tags like v1.2.3 are releases. Nothing here imports anything of the package, since its build runs this, too.
"""

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RECORD = "build.json"
"""The file in the package that says what it was built from; a checkout has none."""

UNKNOWN = "0.0.0+unknown"

_PACKAGE = Path(__file__).parent
_SHORT = 7
_PATIENCE = 5.0
_TAGS = ("--match=v[0-9]*.[0-9]*.[0-9]*", "--exclude=*[!v0-9.]*", "--exclude=*.*.*.*")
"""Tags like v1.2.3 alone, as git's patterns."""
_TAG = re.compile(r"v(\d+\.\d+\.\d+)-(\d+)-g[0-9a-f]+")
_COMMIT = re.compile(r"# branch\.oid ([0-9a-f]{40,64})")
_RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.MULTILINE)
_OF_ANOTHER_REPOSITORY = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES"),
}
"""What git's hooks leave in the environment: it would speak of the repository that the hook is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A version (PEP 440) and the full commit in hex, "" where nobody knows it."""

    version: str
    commit: str = ""

    def __str__(self) -> str:
        """Return both for people: 0.2.0 (commit 118f476)."""
        short = self.commit[:_SHORT]
        return f"{self.version} (commit {short})" if short and short not in self.version else self.version


@cache
def running() -> Build:
    """Return what this process runs; a checkout is asked once, so later commits do not change the answer."""
    return build_of(_PACKAGE)


def build_of(package: Path) -> Build:
    """Return what the package in this folder is."""
    root = package.parent
    return _recorded(package / RECORD) or _from_git(root) or Build(version=_from_changelog(root, unknown=True))


def release_of(version: str) -> str:
    """Return the release that a version is or leads to: 0.2.0 of 0.2.0.dev3+g118f476. Other texts stay as they are."""
    found = re.match(r"\d+\.\d+\.\d+", version)
    return found.group() if found else version


def _recorded(path: Path) -> Build | None:
    try:
        record = json.loads(path.read_bytes())
        return Build(version=record["version"], commit=record["commit"])
    except (OSError, ValueError, KeyError, TypeError):  # nothing that a run could do about it, nor would need to
        return None


def _from_git(root: Path) -> Build | None:
    """Return what git says of a checkout; None where there is none, no commit in it, or no git."""
    if not (root / ".git").exists():
        return None
    # `describe --dirty` would lock the index, and fail a commit that a person makes at that moment.
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    found = _COMMIT.match(status)
    if found is None:
        return None
    commit = found.group(1)
    is_dirty = any(not line.startswith("#") for line in status.splitlines())
    tag = _TAG.fullmatch(_git(root, "describe", "--tags", "--long", *_TAGS))
    if tag is None:
        version, local = _from_changelog(root), [f"g{commit[:_SHORT]}"]
    elif tag.group(2) == "0":
        version, local = tag.group(1), []
    else:
        version, local = f"{_next(tag.group(1))}.dev{tag.group(2)}", [f"g{commit[:_SHORT]}"]
    local += ["dirty"] if is_dirty else []
    return Build(version="+".join(filter(None, [version, ".".join(local)])), commit=commit)


def _git(root: Path, *words: str) -> str:
    """Return what a command prints, "" where it fails or there is no git."""
    import subprocess  # noqa: PLC0415 - an installed package does not need it

    # Whoever owns the folder: its code is running already. A monitor of files would be another program to start.
    command = ["git", "-C", str(root), "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *words]
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=_PATIENCE)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()


def _from_changelog(root: Path, *, unknown: bool = False) -> str:
    """Return the newest release, or the next one's .dev0 where something is listed as unreleased.

    With `unknown` a version that is no release is marked, for who has no commit to tell it by.
    """
    try:
        text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    found = _RELEASE.search(text)
    if found is None:
        return UNKNOWN if unknown else UNKNOWN.partition("+")[0]
    if re.search(r"^- ", text[: found.start()], re.MULTILINE):
        return f"{_next(found.group(1))}.dev0{'+unknown' if unknown else ''}"
    return found.group(1)


def _next(release: str) -> str:
    major, minor, _ = release.split(".")
    return f"{major}.{int(minor) + 1}.0"
