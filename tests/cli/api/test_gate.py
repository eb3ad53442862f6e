"""Who is let in, what a request may be, and that every refusal has the same shape and tells no more than it must."""

import base64
import http.client
import json
import logging

import pytest

from tests.cli.api.served import served
from tests.cli.conftest import SYMBOL
from trader.cli.api.command import application_of
from trader.cli.api.gate import is_loopback
from trader.config import load_settings
from trader.core.errors import BadConfig

TOKEN = "s3cret-token-of-a-test"


OWN = ("127.0.0.1", "127.9.9.9", "::1", "localhost")
OTHERS = ("0.0.0.0", "::", "10.0.0.1", "trader.example.org", "localhost.example.org")  # noqa: S104 - that is the point


@pytest.mark.parametrize("host", [*OWN, *OTHERS, ""])
def test_only_this_machines_own_addresses_need_no_token(host):
    assert is_loopback(host) is (host in OWN)


@pytest.mark.parametrize("host", OTHERS)
def test_a_service_that_others_can_reach_does_not_start_without_a_token(empty_store, monkeypatch, host):
    monkeypatch.setenv("TRADER__API__HOST", host)
    with pytest.raises(BadConfig, match="TRADER__API__TOKEN"):
        application_of(load_settings())
    monkeypatch.setenv("TRADER__API__TOKEN", TOKEN)
    assert application_of(load_settings()) is not None


@pytest.mark.parametrize("token", ["with space", "größe", "new\nline"])
def test_a_token_that_no_header_can_bear_is_refused_and_not_shown(empty_store, monkeypatch, token):
    monkeypatch.setenv("TRADER__API__TOKEN", token)
    with pytest.raises(BadConfig, match="no header can bear") as caught:
        application_of(load_settings())
    assert token not in str(caught.value)


@pytest.fixture
def guarded(store, monkeypatch):
    monkeypatch.setenv("TRADER__API__TOKEN", TOKEN)
    with served() as api:
        yield api


def basic(password):
    return f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"


@pytest.mark.slow
def test_the_token_opens_everything_and_its_absence_nothing_but_health(guarded, caplog):
    caplog.set_level(logging.DEBUG)
    for path in ("/predict", "/models", "/metrics", "/nowhere", "/dashboard/", "/Health", "/health/", "//health"):
        reply = guarded.ask(path)
        assert (reply.status, reply.error) == (401, "unauthorized"), path
        assert reply.json()["error"]["message"] == "Unauthorized", "no detail"
    for wrong in (
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        "Bearer \xff",
        basic(TOKEN),
        "Basic x",
    ):
        assert guarded.ask("/predict", Authorization=wrong).status == 401, wrong
    assert guarded.ask("/predict", Authorization=f"Bearer {TOKEN}").status == 200
    assert guarded.ask("/predict", Authorization=f"bearer {TOKEN}", Host="trader.example.org").status == 200
    assert guarded.ask("/health").status == 200
    assert TOKEN not in caplog.text


@pytest.mark.slow
def test_a_browser_may_give_the_token_as_a_password_for_the_dashboard_alone(guarded):
    assert guarded.ask("/dashboard/").headers["www-authenticate"] == 'Basic realm="trader"'
    assert guarded.ask("/predict").headers["www-authenticate"] == "Bearer"
    assert guarded.ask("/dashboard/none.js", Authorization=basic(TOKEN)).status == 404
    assert guarded.ask("/dashboard/none.js", Authorization=basic("other")).status == 401


@pytest.mark.slow
def test_a_name_that_was_pointed_at_this_machine_is_not_let_in_without_a_token(store):
    with served() as api:
        for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""):
            reply = api.ask("/predict", Host=host)
            assert (reply.status, reply.error) == (421, "misdirected"), host
        for host in ("127.0.0.1", "localhost:8000", "[::1]:8000"):
            assert api.ask("/models", Host=host).status == 200, host


@pytest.mark.slow
def test_every_answer_bears_the_headers_and_none_invites_another_origin(guarded):
    for path in ("/health", "/predict", "/nowhere"):
        headers = guarded.ask(path, Origin="https://evil.example").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert not any(name.startswith("access-control") for name in headers)
        assert "server" not in headers or "uvicorn" in headers["server"]


@pytest.mark.slow
def test_a_request_has_an_end(store):
    with served() as api:
        large = json.dumps({"features": {"x" * 70_000: 1}})
        reply = api.ask("/predict", method="POST", body=large)
        assert (reply.status, reply.error) == (413, "too-large")
        pieces = api.ask("/predict", method="POST", body=iter([b" " * 30_000] * 3))
        assert (pieces.status, pieces.error) == (413, "too-large"), "nor does it help not to announce the length"
        fits = api.ask("/predict", method="POST", body=b" " * 65_536)
        assert fits.status == 200
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", "999999999999")
        connection.endheaders()
        assert connection.getresponse().status == 413, "nothing has to be sent to be told"
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/predict?symbol=XYZUSDT", 404, "unknown-symbol"),
        ("/predict?symbol=../../bot", 404, "unknown-symbol"),
        ("/predict?symbol=", 404, "unknown-symbol"),
        (f"/predict?symbol={SYMBOL}&symbol=BTCUSDT", 404, "unknown-symbol"),
        ("/predict?sybmol=DEMOUSDT", 422, "unknown-parameter"),
        ("/docs", 404, "not-found"),
        ("/openapi.json", 404, "not-found"),
    ],
)
def test_what_is_asked_for_wrongly_is_told(empty_store, path, status, code):
    with served() as api:
        reply = api.ask(path)
    assert (reply.status, reply.error) == (status, code)


@pytest.mark.slow
def test_a_body_that_is_no_row_is_refused(store):
    bodies = ("{", "[]", "1", '{"features": []}', '{"rows": {}}', '{"features": {}, "x": 1}', "\xff\xfe", "[" * 60_000)
    twice = '{"features": {"a": 1, "a": 2}}'
    with served() as api:
        for body in (*bodies, twice):
            reply = api.ask("/predict", method="POST", body=body.encode("latin-1"))
            assert (reply.status, reply.error) == (422, "bad-body"), body[:40]
        huge = api.predict({"ma_5": 10**400})
        assert huge.json()["error"]["names"]["not a number"] == ["ma_5"]
        assert api.ask("/predict", method="PUT").error == "method-not-allowed"
        assert api.ask("/predict").status == 200
