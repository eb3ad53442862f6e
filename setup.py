"""The version of a build, and the record of it in the package; everything else about the build is in pyproject.toml.

Where there is no git (an image is built without the history) the environment says what is built: TRADER_BUILD_VERSION,
and TRADER_BUILD_COMMIT if that is known.
"""

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent.resolve()
sys.path.insert(0, str(ROOT))

from trader.version import RECORD, Build, build_of  # noqa: E402 - the build knows no path but this one


def told() -> Build | None:
    """Return what the environment says is built, None when it says nothing."""
    version, commit = (os.environ.get(f"TRADER_BUILD_{name}", "") for name in ("VERSION", "COMMIT"))
    if commit in ("", "unknown"):
        return Build(version=version) if version else None
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        sys.exit(f"TRADER_BUILD_COMMIT {commit!r} is not a commit; give all 40 digits of `git rev-parse HEAD`")
    if not version:
        sys.exit("TRADER_BUILD_COMMIT is set and TRADER_BUILD_VERSION is not; give both")
    return Build(version=version.removeprefix("v"), commit=commit)


BUILD = told() or build_of(ROOT / "trader")


def write_record(package: Path) -> None:
    """Write what is built into a package that is being put together."""
    package.mkdir(parents=True, exist_ok=True)
    (package / RECORD).write_text(f"{json.dumps(asdict(BUILD))}\n", encoding="utf-8")


class BuildWithRecord(build_py):
    """Puts the record into the package, never into the folder that it is built from."""

    def run(self) -> None:
        """Build, then write the record; an editable installation leaves it out, and asks git."""
        super().run()
        write_record(Path(self.build_lib) / "trader")


class SourceWithRecord(sdist):
    """Puts the record into a source distribution, which has no git either."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Lay the files out, then write the record."""
        super().make_release_tree(base_dir, files)
        write_record(Path(base_dir) / "trader")


setup(version=BUILD.version, cmdclass={"build_py": BuildWithRecord, "sdist": SourceWithRecord})
