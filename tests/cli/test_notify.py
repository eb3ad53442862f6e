import pytest

from tests.adapters.notices.services import closed_port, running_service
from tests.cli.conftest import refused

SECRET = "hunter2hunter2"


@pytest.fixture
def service():
    with running_service() as running:
        yield running


@pytest.mark.slow
def test_a_test_notice_goes_to_every_service(trader, service, monkeypatch):
    monkeypatch.setenv("TRADER__NOTIFY__URLS", f"{service.url('one')},{service.url('two')}")
    monkeypatch.setenv("TRADER__BOT__ID", "my-bot")
    answer = trader("notify", "--test")
    where = f"json://127.0.0.1:{service.port}"
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"entry 1 ({where}): told\nentry 2 ({where}): told\n"
    assert {path for path, _ in service.told} == {"/one", "/two"}
    assert "This is a test" in service.told[0][1]["message"]
    assert service.told[0][1]["message"].endswith("UTC, bot my-bot")


def test_a_service_that_is_away_is_named_and_may_be_back_later(trader, service, monkeypatch):
    dead = f"json://robot:{SECRET}@127.0.0.1:{closed_port()}/x"
    monkeypatch.setenv("TRADER__NOTIFY__URLS", f"{dead},{service.url('one')}")
    answer = trader("notify", "--test", "--json")
    assert answer.code == 75
    one, other = answer.json()["services"]
    assert "A Connection error" in one["error"]
    assert other["error"] == ""
    assert SECRET not in answer.out + answer.err


def test_an_unknown_url_is_said_before_anything_is_sent(trader, service, monkeypatch):
    monkeypatch.setenv("TRADER__NOTIFY__URLS", f"{service.url('one')},nowhere://{SECRET}")
    answer = trader("notify", "--test")
    refused(answer, code=3, says=("notify.urls: entry 2 (nowhere://***): it is no URL that Apprise knows",))
    assert SECRET not in answer.out + answer.err
    assert service.told == []


def test_without_urls_there_is_nothing_to_test(trader):
    refused(trader("notify", "--test"), code=3, says=("notify.urls is empty", "TRADER__NOTIFY__URLS"))


def test_without_its_option_it_sends_nothing(trader, service, monkeypatch):
    monkeypatch.setenv("TRADER__NOTIFY__URLS", service.url("one"))
    refused(trader("notify"), code=3, says=("trader notify --test",))
    assert service.told == []
