"""The documentation says what the code says."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

from trader.cli import exit as exit_codes
from trader.cli.commands import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands_of(commands, *, of=""):
    """Every command by what a user writes for it, also those of a group."""
    found = {
        of + (command.name or command.callback.__name__.replace("_", "-")): command.callback
        for command in commands.registered_commands
    }
    for group in commands.registered_groups:
        found |= commands_of(group.typer_instance, of=f"{of}{group.name or group.typer_instance.info.name} ")
    return found


def test_the_settings_in_the_documentation_are_those_of_the_code():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/docs.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_has_the_promised_length():
    assert 60 <= len(README.splitlines()) <= 150


def test_the_documented_exit_codes_are_those_of_the_code():
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    in_readme = dict(re.findall(r"^\| (\d+) \| (.+) \|$", operating, flags=re.MULTILINE))
    in_code = dict(re.findall(r"^(\d+) +(\S.*)$", inspect.getdoc(exit_codes), flags=re.MULTILINE))
    assert in_readme == in_code


def test_every_command_in_the_readme_exists_with_the_options_shown():
    commands = commands_of(app)
    shown = re.findall(r"^trader ((?:models )?[\w-]+) (.*?)(?:#.*)?$", README, flags=re.MULTILINE)
    assert {"ingest", "explore", "replay", "train", "backtest", "models list"} <= {name for name, _ in shown}
    for name, words in shown:
        parameters = {parameter.replace("_", "-") for parameter in commands[name].__annotations__}
        options = set(re.findall(r"--([a-z-]+)", words))
        assert options <= parameters, f"trader {name} has no {options - parameters}"


def test_links_in_the_documentation_lead_to_files():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
