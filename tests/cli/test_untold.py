"""People are told of a run whose output nobody reads, and of one that could not even be begun."""

import errno
import json

import pytest

from tests.adapters.notices.services import running_service
from tests.cli.conftest import refused
from trader.cli import answers
from trader.cli.logs import secrets_of
from trader.config import load_settings


def test_output_that_nobody_can_take_keeps_nobody_else_from_being_told(trader, store, monkeypatch):
    def full(*_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(answers, "say", full)
    with pytest.raises(OSError, match="No space left"):
        trader("run")
    told = json.loads((store / "publication/DEMOUSDT/1h.json").read_bytes())
    assert told["newest"] == "2026-01-01T01:00:00Z"


def test_a_bot_without_the_key_that_it_needs_tells_people_before_it_ends(trader, store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "testnet")
    monkeypatch.setenv("TRADER__BOT__SYMBOLS", "BTCUSDT")
    with running_service() as service:
        monkeypatch.setenv("TRADER__NOTIFY__URLS", service.url("here"))
        refused(trader("run"), code=3, says=("needs a key of the test venue",))
    ((_, message),) = service.told
    assert "run failed" in message["title"]
    assert "needs a key of the test venue" in message["message"]


def test_an_address_that_http_was_forgotten_of_is_a_secret_to_the_log(monkeypatch):
    monkeypatch.setenv("TRADER__TRACKER__MLFLOW_URI", "bob:hunter2-hunter2@host:5000")
    assert "bob:hunter2-hunter2@host:5000" in secrets_of(load_settings(), {})
    assert "hunter2-hunter2" in secrets_of(load_settings(), {})
