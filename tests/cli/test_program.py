"""`trader --version`: one line whose first word is the version; nothing else asks git before it has to."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import Trader
from tests.conftest import ROOT
from trader.version import Build, running


def test_the_first_word_is_the_version_and_the_whole_commit_is_in_the_line(trader: Trader):
    answer = trader("--version")
    assert (answer.code, answer.err) == (0, "")
    commit = running().commit or "unknown"
    assert answer.out == f"{running().version} (hourly-trader, commit {commit})\n"


def test_a_commit_that_nobody_knows_is_said_to_be_unknown(trader: Trader, monkeypatch):
    monkeypatch.setattr("trader.cli.commands.running", lambda: Build(version="0.0.0+unknown"))
    assert trader("--version").out == "0.0.0+unknown (hourly-trader, commit unknown)\n"


@pytest.mark.slow
def test_git_is_not_asked_before_somebody_wants_to_know(tmp_path):
    asked = tmp_path / "asked"
    (tmp_path / "git").write_text(f"#!/bin/sh\ntouch {asked}\nexit 1\n")
    (tmp_path / "git").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for code, is_asked in (
        ("import trader.cli", False),
        ("import trader; trader.__version__", (ROOT / ".git").exists()),
    ):
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
        assert asked.exists() is is_asked
