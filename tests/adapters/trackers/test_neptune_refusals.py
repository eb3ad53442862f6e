"""What the Neptune clients raise, told in one line with what to do."""

import subprocess
import sys

import pytest

from trader.adapters.trackers.neptune_refusals import _MEANINGS, first_line, refusals, translated
from trader.core.errors import BadConfig, Rejected, Retryable

PAGE = """
\x1b[95m
----NeptuneStorageLimitException------------------------------------------
\x1b[0m
You exceeded storage limit for workspace desk.

\x1b[92mNeed help?\x1b[0m-> https://docs.example
"""


def error_called(name, text="", **attributes):
    """An exception whose class has this name, as one of either client's."""
    return type(name, (Exception,), attributes)(text)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (error_called("Forbidden"), BadConfig, "make the user a contributor"),
        (error_called("NeptuneConnectionLostException", PAGE), Retryable, "the connection was lost"),
        (type("ProjectNotFoundWithSuggestions", (type(error_called("ProjectNotFound")),), {})(), BadConfig, "project"),
        (error_called("JSONDecodeError"), BadConfig, "no Neptune server"),
        (error_called("ClientHttpError", status=404), BadConfig, "no Neptune server"),
        (error_called("ClientHttpError", "\n----ClientHttpError---\n\nno", status=418), Rejected, r"\(HTTP 418\): no$"),
        (error_called("ConnectTimeout", "x" * 9), Rejected, "it refused: xxxxxxxxx"),
        (type("ReadTimeout", (type(error_called("Timeout")),), {})("late"), Retryable, "does not answer"),
        (error_called("NeptuneStorageLimitException", PAGE), Rejected, "it refused: You exceeded storage limit"),
        (FileNotFoundError(2, "No such file", "/a/equity.png"), Rejected, r"No such file \(/a/equity.png\)"),
        (ModuleNotFoundError("x", name="minfx"), BadConfig, "minfx is not installed"),
        (error_called("Strange"), Rejected, "it refused: Strange"),
    ],
)
def test_an_exception_is_told_by_its_name(error, kind, words):
    with pytest.raises(kind, match=words) as told, refusals():
        raise error
    assert len(str(told.value).splitlines()) == 1
    assert type(translated(error)) is kind


def test_what_is_told_already_stays_as_it_is():
    with pytest.raises(Retryable, match=r"^as it is$"), refusals():
        raise Retryable("as it is")


def test_the_first_line_is_the_one_that_says_something():
    assert first_line(PAGE) == "You exceeded storage limit for workspace desk."
    assert first_line("") == ""


@pytest.mark.slow
@pytest.mark.parametrize("client", ["neptune", "minfx.neptune_v2"])
def test_the_exceptions_are_called_so_in_both_clients(client):
    program = f"""
import sys; sys.modules["rfc3987_syntax"] = None
from importlib import import_module
for place in ("{client}.exceptions", "{client}.common.exceptions", "oauthlib.oauth2", "bravado_core.exception"):
    print(*dir(import_module(place)))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert set(_MEANINGS) <= set(done.stdout.split())
