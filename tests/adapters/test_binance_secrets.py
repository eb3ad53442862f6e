import logging
import traceback
from urllib.parse import parse_qs

import pytest
from Crypto.PublicKey import ECC

from tests.binance_account import KEY, SECRET, running_venue
from trader.core.errors import TraderError

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow


def echo(status):
    """Answer with all that was asked, and with what nobody should know, as a debugging proxy might."""

    def answer(handler):
        said = f"{SECRET} {handler.headers['X-MBX-APIKEY']} {handler.server_said()} {handler.path}"
        handler.reply(status, said)

    return answer


def echo_json(status):
    def answer(handler):
        said = f"{SECRET} {handler.headers['X-MBX-APIKEY']} {handler.server_said()} {handler.path}"
        handler.reply(status, {"code": -1102, "msg": said})

    return answer


def truncate(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
    handler.close_connection = True


FAULTS = [
    *[echo(status) for status in (200, 301, 400, 403, 404, 429, 451, 502)],
    *[echo_json(status) for status in (200, 400, 401, 418, 500)],
    lambda handler: setattr(handler, "close_connection", True),
    truncate,
    (400, ["list"]),
    (200, "[]"),
    (200, {"status": "NEW"}),
]


def everything_said(error):
    """All that a log or a person could see of an error, and of every error behind it."""
    texts, pending = [], [error]
    while pending:
        each = pending.pop()
        texts += [str(each), repr(each), repr(each.args), *traceback.format_exception(each)]
        pending += [link for link in (each.__cause__, each.__context__) if link is not None]
    return "\n".join(texts)


def behind(error):
    """The kinds of all errors behind an error."""
    links = [link for link in (error.__cause__, error.__context__) if link is not None]
    return {type(link) for link in links} | {kind for link in links for kind in behind(link)}


@pytest.fixture
def venue():
    with running_venue() as running:
        running.server.server.RequestHandlerClass.server_said = lambda _: " ".join(running.server.raw[-1])
        yield running


@pytest.mark.parametrize("does", ["submit", "settle", "balances"])
@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_no_error_shows_key_secret_or_signature_or_has_the_vendors_behind_it(venue, caplog, number, does):
    caplog.set_level(logging.DEBUG)
    word = {"submit": "POST order", "settle": "GET order", "balances": "account"}[does]
    venue.server.faults[word] = [FAULTS[number]] * 10
    asks = {
        "submit": lambda: venue.exchange.submit(venue.intent()),
        "settle": lambda: venue.exchange.settle(venue.intent()),
        "balances": venue.exchange.balances,
    }
    with pytest.raises(TraderError) as caught:
        asks[does]()
    signatures = {
        signature for raw in venue.server.raw for part in raw for signature in parse_qs(part).get("signature", [])
    }
    assert signatures
    said = everything_said(caught.value)
    assert not [secret for secret in (KEY, SECRET, *signatures) if secret in said]
    assert SECRET not in caplog.text
    assert not [kind for kind in behind(caught.value) if kind.__module__.split(".")[0] in ("requests", "binance")]


def test_the_secret_is_in_no_log_of_a_good_day_either(venue, caplog):
    caplog.set_level(logging.DEBUG)
    venue.exchange._api._connection._original.verbose = True  # the library's own log; nothing here switches it on
    intent = venue.intent()
    venue.exchange.submit(intent)
    venue.exchange.settle(intent)
    venue.exchange.balances()
    assert "/api/v3/order" in caplog.text
    assert SECRET not in caplog.text


def test_an_ed25519_key_is_shown_nowhere(venue):
    pem = ECC.generate(curve="Ed25519").export_key(format="PEM")
    line = pem.splitlines()[1]
    exchange = venue.connect(api_secret=None, private_key=pem)
    with pytest.raises(TraderError) as caught:
        exchange.balances()  # the account verifies with the secret: -1022
    assert line not in everything_said(caught.value)
    for shown in (exchange, exchange._api, exchange._api._connection, exchange._api._connection._credentials):
        assert line not in repr(shown)
        assert KEY not in repr(shown)


def test_nothing_shows_a_secret_when_it_is_printed(venue):
    connection = venue.exchange._api._connection
    for shown in (venue.exchange, venue.exchange._api, connection, connection._credentials, connection._original):
        assert SECRET not in f"{shown!r} {shown}"
        assert KEY not in f"{shown!r} {shown}"
