"""API tokens: which server they name, and what is said of one that is of no use."""

import base64
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.adapters.trackers.neptune_server import token
from trader.adapters.trackers.neptune import address, connect
from trader.adapters.trackers.neptune_token import PLAIN_HTTP, allow_plain_http, check_server, server_of, shown
from trader.core.errors import BadConfig, Retryable


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in (PLAIN_HTTP, "NEPTUNE_API_TOKEN", "NEPTUNE_PROJECT", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def encoded(content):
    return base64.b64encode(content.encode()).decode()


def settings_of(**changes):
    plain = {"client": "neptune", "project": "desk/hourly", "api_token": "", "mode": "async", "folder": "/data/neptune"}
    return plain | changes


def test_the_address_is_the_one_in_the_token_without_user_and_query():
    assert address(settings_of(api_token=token("https://me:word@neptune.example:8443/app/?a=b"))) == (
        "https://neptune.example:8443/app"
    )
    assert shown(server_of(token("neptune.example"))) == "https://neptune.example"
    assert shown(server_of(f" {token('https://a.example')} , {token('https://b.example')}")) == "https://a.example"


def test_the_address_of_an_offline_run_is_its_folder_and_needs_no_token():
    assert address(settings_of(mode="offline")) == "/data/neptune"


def test_an_empty_setting_means_the_environment(monkeypatch):
    monkeypatch.setenv("NEPTUNE_API_TOKEN", token("https://a.example"))
    assert address(settings_of()) == "https://a.example"


@pytest.mark.parametrize(
    "wrong",
    [
        "no base64!",
        encoded("no json"),
        encoded("[1]"),
        encoded('{"api_url": "https://a.example"}'),
        encoded('{"api_address": "https://a.example:port"}'),
        encoded('{"api_address": "ftp://a.example"}'),
        encoded('{"api_address": ""}'),
    ],
)
def test_a_token_that_names_no_server_is_refused_with_advice_and_not_shown(wrong):
    with pytest.raises(BadConfig, match=r"API token.*NEPTUNE_API_TOKEN") as refused:
        server_of(wrong)
    assert wrong not in str(refused.value)


def test_without_a_token_or_a_project_it_says_which_setting(monkeypatch):
    with pytest.raises(BadConfig, match=r"no API token; set tracker.neptune_api_token"):
        address(settings_of())
    monkeypatch.setattr("os.environ", {})
    with pytest.raises(BadConfig, match=r"no project; set tracker.neptune_project"):
        connect(settings_of(project="", api_token=token("https://a.example")))


def test_the_hosted_service_that_has_ended_is_named():
    with pytest.raises(BadConfig, match="ended in March 2026"):
        check_server(urlsplit("https://app.neptune.ai"))


def test_a_token_does_not_travel_unencrypted_to_another_machine_unless_that_is_asked_for(monkeypatch):
    with pytest.raises(BadConfig, match=f"{PLAIN_HTTP}=1"):
        check_server(urlsplit("http://192.0.2.7:1"))
    monkeypatch.setenv(PLAIN_HTTP, "1")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        check_server(urlsplit(f"http://127.0.0.1:{listening.getsockname()[1]}"))


def test_only_this_machine_itself_is_logged_in_to_over_http(monkeypatch):
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environment)
    for elsewhere in ("http://192.0.2.7", "https://127.0.0.1", "http://localhost.example"):
        allow_plain_http(urlsplit(elsewhere))
    assert environment == {}
    allow_plain_http(urlsplit("http://[::1]:5000"))
    assert environment == {PLAIN_HTTP: "1"}


def test_a_host_where_nothing_listens_can_be_tried_again():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(Retryable, match="nothing listens there"):
        check_server(urlsplit(f"http://127.0.0.1:{port}"))


def test_a_host_behind_a_proxy_is_left_to_the_client(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    check_server(urlsplit("https://neptune.invalid"))
