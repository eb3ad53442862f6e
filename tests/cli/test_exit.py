"""The table of exit codes at the head of `trader/cli/exit.py` against what commands really end with."""

import re

import pytest

from tests.cli.conftest import Trader, refused
from trader.cli import exit as table
from trader.cli import main
from trader.cli.exit import exit_code, worst
from trader.core.errors import BadConfig, BadData, Conflict, Rejected, Retryable, TraderError
from trader.jobs import symbols as job
from trader.jobs.claim import InProgress

DOCUMENTED = {int(code) for code in re.findall(r"^(\d+) ", str(table.__doc__), flags=re.MULTILINE)}
CODES = [(BadConfig, 3), (BadData, 4), (Rejected, 5), (Retryable, 75), (Conflict, 75), (InProgress, 75)]


def test_the_table_documents_these_codes_and_no_others():
    assert {0, 1, 2, 3, 4, 5, 75, 130, 143} == DOCUMENTED


def test_every_kind_of_error_has_a_code_of_its_own_in_the_table():
    kinds = set(TraderError.__subclasses__())
    assert kinds == {kind for kind, _ in CODES if kind is not InProgress}
    assert {exit_code(kind("x")) for kind in kinds} <= DOCUMENTED - {0, 1, 2, 130, 143}


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_an_error_of_a_command_is_one_message_and_its_code(
    kind: type[TraderError], code: int, trader: Trader, empty_store, monkeypatch
):
    def failing(bot, prepare):
        raise kind("the thing is wrong; do this")

    monkeypatch.setattr(job, "run_symbols", failing)
    answer = trader("run")
    refused(answer, code=code, says=("error: the thing is wrong; do this\n",))
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1


def test_a_bug_keeps_its_traceback(empty_store, monkeypatch):
    def buggy(bot, prepare):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(job, "run_symbols", buggy)
    with pytest.raises(ZeroDivisionError):
        main(["run"])


def test_of_several_errors_the_one_that_needs_a_person_decides_the_code():
    assert worst([]) == 0
    assert worst([Retryable("later"), BadConfig("wrong")]) == 3
    assert worst([BadConfig("wrong"), Retryable("later"), BadData("damaged")]) == 4
    assert worst([Retryable("later"), Conflict("lost")]) == 75


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        ([""], "No such command ''"),
        (["run", "--frobnicate"], "No such option"),
        (["run", "extra"], "unexpected extra argument"),
        (["halt"], "Missing option '--why'"),
        (["ingest", "--symbol", "BTCUSDT"], "Missing option '--start'"),
        (
            ["backtest", "--symbol", "BTCUSDT", "--start", "2022-01-01", "--end", "2022-01-02"],
            "Invalid value for --model: name a stored model",
        ),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_touches_nothing(words: list[str], says: str, trader: Trader, empty_store):
    answer = trader(*words)
    assert answer.code == 2
    assert says in answer.err
    assert "--help" in answer.err
    assert answer.out == ""
    assert not empty_store.exists()


def test_help_names_every_command_and_ends_with_0(trader: Trader, empty_store):
    answer = trader("--help")
    assert answer.code == 0
    for command in ("run", "demo", "status", "chart", "halt", "reduce", "resume", "ingest", "explore", "train"):
        assert f" {command} " in answer.out
    assert not empty_store.exists()
