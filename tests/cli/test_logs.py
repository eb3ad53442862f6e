import base64
import io
import json
import logging
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.conftest import ROOT
from trader.cli.answers import log_answers
from trader.cli.logs import FIGURES, JsonLines, StandardError, TextLines, formatter_of, secrets_of, set_up_logs
from trader.config import load_settings
from trader.config.watching import LogFormat
from trader.core.decision import Decision, Reason
from trader.core.errors import Retryable
from trader.core.journal import Origin, RunKey, RunRecord, Status
from trader.jobs.run import Outcome
from trader.jobs.run_context import current_run, run_context
from trader.jobs.symbols import SymbolRun

KEY = RunKey(bot_id="my-bot", symbol="BTCUSDT", interval="1h", open_time=datetime(2026, 11, 20, 16, tzinfo=UTC))
RECORD = RunRecord(
    key=KEY, mode="testnet", origin=Origin.LIVE, status=Status.COMPLETED, owner="o", started_at=KEY.open_time
)
SECRET = "hunter2-hunter2"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before():
    """Levels and warnings are as before afterwards."""
    root, trader = logging.getLogger(), logging.getLogger("trader")
    levels = root.level, trader.level
    yield
    root.setLevel(levels[0])
    trader.setLevel(levels[1])
    logging.captureWarnings(capture=False)


@pytest.fixture
def begin(monkeypatch):
    """Set logs up as a new process would, and return its standard error: nobody has before, not even pytest."""

    def new_process():
        pipe = io.StringIO()
        monkeypatch.setattr(sys, "stderr", pipe)
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        set_up_logs()
        return pipe

    return new_process


def line_of(formatter, message="%s was lost", *words, level=logging.WARNING, exc_info=None):
    made = logging.LogRecord("trader.jobs.copies", level, __file__, 1, message, words, exc_info)
    made.created = datetime(2026, 11, 20, 17, 0, 5, 120000, tzinfo=UTC).timestamp()
    return formatter.format(made)


def test_a_json_line_has_time_level_logger_and_event_and_within_a_run_its_key():
    quiet = json.loads(line_of(JsonLines([]), "%s was lost", "a copy"))
    assert quiet == {
        "time": "2026-11-20T17:00:05.120Z",
        "level": "warning",
        "logger": "trader.jobs.copies",
        "event": "a copy was lost",
    }
    with run_context(KEY):
        in_run = json.loads(line_of(JsonLines([]), "%s was lost", "a copy"))
    assert in_run == quiet | {
        "bot": "my-bot",
        "symbol": "BTCUSDT",
        "interval": "1h",
        "open_time": "2026-11-20T16:00Z",
    }


def test_a_json_line_is_one_line_of_ascii_whatever_is_in_it():
    line = line_of(JsonLines([]), "a\nb\u2028\ud800 {\x1b")
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["event"] == "a\nb\u2028\ud800 {\x1b"


def failure():
    try:
        int(f"it knows {SECRET}")
    except ValueError:
        return sys.exc_info()


def test_a_traceback_is_in_the_line_and_without_secrets():
    line = json.loads(line_of(JsonLines([SECRET]), "oops", exc_info=failure()))
    assert line["event"] == "oops"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("'it knows ***'")


def test_a_line_for_people_names_the_run_once_and_obeys_nobodys_control_characters():
    lines = TextLines([SECRET], coloured=False)
    assert line_of(lines, "%s was lost\n\x1b[2J %s", "it", SECRET) == (
        "17:00:05 WARNING trader.jobs.copies: it was lost  [2J ***"
    )
    with run_context(KEY):
        assert line_of(lines, "lost") == ("17:00:05 WARNING trader.jobs.copies: BTCUSDT 1h 2026-11-20 16:00 UTC: lost")
        assert line_of(lines, "%s: lost", KEY) == (
            "17:00:05 WARNING trader.jobs.copies: BTCUSDT 1h 2026-11-20 16:00 UTC: lost"
        )
    below = line_of(lines, "oops", exc_info=failure()).splitlines()
    assert below[0].endswith("copies: oops")
    assert below[-1].startswith("ValueError: ")


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = formatter_of(LogFormat.AUTO, secrets=[], stream=Terminal())
    assert "\x1b[33mWARNING\x1b[0m" in line_of(terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in line_of(formatter_of(LogFormat.AUTO, secrets=[], stream=Terminal()))
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" not in line_of(formatter_of(LogFormat.TEXT, secrets=[], stream=io.StringIO()))


@pytest.mark.parametrize(
    ("form", "stream", "kind"),
    [
        (LogFormat.AUTO, Terminal(), TextLines),
        (LogFormat.AUTO, io.StringIO(), JsonLines),
        (LogFormat.AUTO, None, JsonLines),
        (LogFormat.JSON, Terminal(), JsonLines),
        (LogFormat.TEXT, io.StringIO(), TextLines),
        (LogFormat.TEXT, None, TextLines),
    ],
)
def test_text_is_for_terminals_unless_the_settings_say_otherwise(form, stream, kind):
    assert type(formatter_of(form, secrets=[], stream=stream)) is kind


def test_a_run_is_known_only_while_it_is_under_way_also_when_it_fails():
    other = RunKey(bot_id="b", symbol="ETHUSDT", interval="1h", open_time=KEY.open_time)
    assert current_run() is None
    with run_context(KEY):
        with run_context(other):
            assert current_run() == other
        assert current_run() == KEY
    assert current_run() is None
    with pytest.raises(ValueError, match="invalid literal"), run_context(KEY):
        int("no number")
    assert current_run() is None


def test_every_configured_secret_is_known_and_what_is_none_is_not(monkeypatch):
    monkeypatch.setenv("TRADER__EXCHANGE__API_SECRET", "exchange-secret/+")
    monkeypatch.setenv("TRADER__TRACKER__NEPTUNE_API_TOKEN", "neptune-token")
    monkeypatch.setenv("TRADER__TRACKER__MLFLOW_URI", "http://me:mlflow-password@mlflow:5000")
    monkeypatch.setenv("TRADER__API__TOKEN", "bearer-token")
    monkeypatch.setenv("TRADER__NOTIFY__URLS", "tgram://123456789:AAEabcDEF/chat,json://ntfy.example.org/my-topic")
    secrets = secrets_of(
        load_settings(), {"AWS_SESSION_TOKEN": "session-token", "HOME": "/home/somebody", "X_TOKEN": "no"}
    )
    wanted = {"exchange-secret/+", "exchange-secret%2F%2B", "neptune-token", "mlflow-password", "bearer-token"}
    assert wanted | {"123456789", "AAEabcDEF", "my-topic", "session-token"} <= secrets
    assert not secrets & {"", "no", "/home/somebody", "mlflow", "ntfy.example.org", "http://mlflow:5000"}
    text = "POST https://api.telegram.org/bot123456789:AAEabcDEF/sendMessage?key=exchange-secret%2F%2B"
    assert json.loads(line_of(JsonLines(secrets), text))["event"] == (
        "POST https://api.telegram.org/bot***/sendMessage?key=***"
    )


def test_the_address_of_a_tracker_is_no_secret(monkeypatch):
    monkeypatch.setenv("TRADER__TRACKER__MLFLOW_URI", "http://mlflow:5000")
    assert secrets_of(load_settings(), {}) == set()


def test_warnings_are_lines_and_less_is_said_only_if_asked_for(begin):
    stderr = begin()
    logging.getLogger("trader.jobs.x").info("less")
    logging.getLogger("trader.jobs.x").warning("more")
    logging.getLogger("somebody.else").info("less")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    said = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert [each["logger"] for each in said] == ["trader.jobs.x", "py.warnings"]
    assert "DeprecationWarning: old" in said[1]["event"]


def test_level_and_format_are_settings_and_only_ours_speak_below_warnings(begin, monkeypatch):
    monkeypatch.setenv("TRADER__LOG__LEVEL", "debug")
    monkeypatch.setenv("TRADER__LOG__FORMAT", "text")
    stderr = begin()
    logging.getLogger("trader.jobs.x").debug("ours")
    logging.getLogger("botocore.auth").debug("theirs")
    logging.getLogger("urllib3").info("theirs")
    assert stderr.getvalue().endswith(" DEBUG trader.jobs.x: ours\n")
    assert "theirs" not in stderr.getvalue()


def test_setting_up_twice_follows_the_settings_and_says_nothing_twice(begin, monkeypatch):
    stderr = begin()
    monkeypatch.setenv("TRADER__API__TOKEN", SECRET)
    set_up_logs()
    logging.getLogger("trader").warning("it is %s", SECRET)
    (line,) = stderr.getvalue().splitlines()
    assert json.loads(line)["event"] == "it is ***"


def test_who_has_set_up_logging_before_sees_everything_his_way(monkeypatch):
    theirs = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(logging.getLogger(), "handlers", [theirs])
    logging.getLogger().setLevel(logging.DEBUG)
    set_up_logs()
    assert logging.getLogger().handlers == [theirs]
    assert logging.getLogger().level == logging.DEBUG
    assert logging.getLogger("botocore").level == logging.WARNING, "at DEBUG it writes tokens"


def test_wrong_settings_do_not_keep_lines_from_being_written_nor_secrets_from_being_hidden(begin, monkeypatch):
    monkeypatch.setenv("TRADER__NO__SUCH", "1")
    monkeypatch.setenv("TRADER__EXCHANGE__API_SECRET", SECRET)
    stderr = begin()
    logging.getLogger("trader").warning("it is %s", SECRET)
    assert json.loads(stderr.getvalue())["event"] == "it is ***"


def test_lines_go_to_what_is_standard_error_now_and_nowhere_if_there_is_none(begin, monkeypatch):
    stderr = begin()
    other = io.StringIO()
    monkeypatch.setattr(sys, "stderr", other)
    logging.getLogger("trader").warning("here")
    assert json.loads(other.getvalue())["event"] == "here"
    assert stderr.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", None)
    logging.getLogger("trader").warning("nowhere")
    StandardError()


RUN = """
import sys
from trader.jobs import copies, run
real = run.bring_up_to_date
def warned(*words, **more):
    copies.log.warning("a copy is late, %s", "hunter2-hunter2")
    return real(*words, **more)
run.bring_up_to_date = warned
from trader.cli import main
code = main(["run"])
copies.log.warning("outside of a run")
sys.exit(code)
"""


@pytest.mark.slow
def test_in_a_process_without_a_terminal_every_line_of_a_run_is_json_with_its_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("TRADER__BOT__MODE", "demo")
    monkeypatch.setenv("TRADER__TRAIN__LOOK_BACK_DAYS", "30")
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "none")
    monkeypatch.setenv("TRADER__API__TOKEN", SECRET)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    (inside,) = [each for each in said if each["event"].startswith("a copy is late")]
    (outside,) = [each for each in said if each["event"] == "outside of a run"]
    assert inside["event"] == "a copy is late, ***"
    assert inside["symbol"] == "DEMOUSDT"
    assert inside["open_time"].endswith("Z")
    assert "symbol" not in outside
    assert SECRET not in done.stdout + done.stderr
    assert base64.b64encode(SECRET.encode()).decode() not in done.stderr


def test_what_is_for_programs_is_in_the_json_line_and_not_in_the_one_for_people():
    made = logging.makeLogRecord({"msg": "run ended", "levelno": logging.INFO, FIGURES: {"outcome": "done"}})
    assert json.loads(JsonLines([]).format(made))["outcome"] == "done"
    assert "done" not in TextLines([], coloured=False).format(made)


@pytest.mark.parametrize(
    ("decided", "halted", "missed"),
    [
        (Reason.LONG, False, False),
        (Reason.HALTED, True, False),
        (Reason.CONTROL_HALT, True, False),
        (Reason.MISSED, False, True),
    ],
)
def test_every_run_ends_with_one_line_for_alarms(caplog, decided, halted, missed):
    record = replace(RECORD, decision=Decision(target=0.0, reason=decided))
    answers = [
        SymbolRun(symbol="BTCUSDT", outcome=Outcome.DONE, record=record),
        SymbolRun(symbol="ETHUSDT", outcome=Outcome.FAILED, error=Retryable("the market is away")),
    ]
    with caplog.at_level(logging.INFO, logger="trader.cli.answers"):
        log_answers(answers, versions={"trader": "0.2.0", "commit": "c" * 40, "numpy": "2"})
    lines = [json.loads(JsonLines([]).format(made)) for made in caplog.records]
    program = {"version": "0.2.0", "commit": "c" * 40}
    wanted = [
        {"symbol": "BTCUSDT", "outcome": "done", "halted": halted, "missed": missed, **program},
        {"symbol": "ETHUSDT", "outcome": "failed", "halted": None, "missed": None, **program},
    ]
    assert [{name: line[name] for name in wanted[0]} for line in lines] == wanted
    assert {line["event"] for line in lines} == {"run ended"}
