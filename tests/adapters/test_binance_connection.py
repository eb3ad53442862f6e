"""Orders on connections that break: one call is one POST, whatever HTTP's machinery would like to repeat."""

import contextlib
import socket
import struct
import threading

import pytest

from tests.binance_account import running_venue
from tests.patience import HURRIED
from trader.core.errors import Retryable

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow


@pytest.fixture
def venue():
    with running_venue() as running:
        yield running


def truncate(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"symbol"')
    handler.close_connection = True


def hang_up(handler):
    handler.close_connection = True


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def talk_nonsense(handler):
    handler.wfile.write(b"this is not HTTP\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("fault", [truncate, hang_up, reset, talk_nonsense])
def test_a_connection_that_breaks_leaves_the_outcome_unknown(venue, fault):
    venue.server.faults["order"] = [fault]
    with pytest.raises(Retryable, match="did not answer for order"):
        venue.exchange.submit(venue.intent())
    assert venue.posts() == 1


def test_a_time_out_leaves_the_outcome_unknown(venue):
    enough = threading.Event()
    venue.server.faults["order"] = [lambda handler: enough.wait(5)]
    exchange = venue.connect(timeout=HURRIED)
    try:
        with pytest.raises(Retryable, match="ReadTimeout"):
            exchange.submit(venue.intent())
    finally:
        enough.set()
    assert venue.posts() == 1


def test_a_venue_that_is_not_there_leaves_the_outcome_unknown():
    with running_venue() as gone:
        exchange, intent = gone.exchange, gone.intent()
    with pytest.raises(Retryable, match="did not answer"):
        exchange.submit(intent)


@pytest.mark.parametrize("fault", [hang_up, reset])
def test_an_order_on_a_connection_that_dies_under_it_is_not_replayed(venue, fault):
    """Clients of HTTP like to replay what a reused connection lost; a POST that arrived would arrive twice."""
    for number in range(5):
        assert venue.exchange.submit(venue.intent(client_order_id=f"first-{number}"))  # leaves a connection in the pool
        venue.server.faults["order"] = [fault]
        with pytest.raises(Retryable, match="did not answer"):
            venue.exchange.submit(venue.intent(client_order_id=f"second-{number}"))
    sent = [order["newClientOrderId"] for order in venue.server.asked("order")]
    assert len(sent) == len(set(sent)) == 10


@pytest.mark.parametrize("fault", [hang_up, reset])
def test_an_order_on_a_connection_that_the_server_has_closed_meanwhile_is_sent_once(venue, fault):
    def answer_and_close(handler):
        handler.reply(*venue.account.answer("POST", "/api/v3/order", venue.server.requests[-1][2]))
        fault(handler)

    venue.server.faults["order"] = [answer_and_close] * 20
    reports = 0
    for number in range(20):
        with contextlib.suppress(Retryable):  # the close may arrive while the order is on its way
            reports += venue.exchange.submit(venue.intent(client_order_id=f"id-{number}")) is not None
    sent = [order["newClientOrderId"] for order in venue.server.asked("order")]
    assert len(sent) == len(set(sent)) == len(venue.account.taken) >= reports > 0
