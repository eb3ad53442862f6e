from datetime import UTC, datetime, timedelta

import pytest

from trader.adapters.binance.server_time import MAX_AGE, ServerTime
from trader.core.errors import Retryable

START = datetime(2026, 11, 20, 16, tzinfo=UTC)


class Server:
    """A server whose time passes with the host's, asked over a way there and a way back of so many seconds."""

    def __init__(self, *trips):
        self.trips = list(trips) or [(0.0, 0.0)]
        self.passed = 500.0
        self.asked = 0
        self.is_silent = False

    def truth(self):
        return START + timedelta(seconds=self.passed)

    def ask(self):
        there, back = self.trips[min(self.asked, len(self.trips) - 1)]
        self.asked += 1
        if self.is_silent:
            raise Retryable("no answer")
        self.passed += there
        told = self.truth()
        self.passed += back
        return told

    def monotonic(self):
        return self.passed


def seconds(delta):
    return round(delta.total_seconds(), 6)


def test_the_time_is_asked_for_once_and_then_counted_on():
    server = Server()
    time = ServerTime(server.ask, host=server)
    for _ in range(5):
        assert time.now() == server.truth()
        server.passed += 100
    assert server.asked == 1


def test_it_is_asked_for_again_after_ten_minutes_and_when_it_is_forgotten():
    server = Server()
    time = ServerTime(server.ask, host=server)
    time.now()
    server.passed += MAX_AGE
    time.now()
    assert server.asked == 1
    server.passed += 0.1
    time.now()
    assert server.asked == 2
    time.forget()
    time.now()
    assert server.asked == 3


@pytest.mark.parametrize(("there", "back", "error"), [(0.4, 0.4, 0.0), (0.8, 0.0, 0.4), (0.0, 0.8, -0.4)])
def test_it_is_wrong_by_at_most_half_the_round_trip(there, back, error):
    server = Server((there, back))
    time = ServerTime(server.ask, host=server)
    assert seconds(time.now() - server.truth()) == pytest.approx(error)


@pytest.mark.parametrize(("there", "back"), [(0.0, 0.0), (0.9, 0.0), (0.0, 0.9), (7.0, 5.0)])
def test_the_earliest_time_is_never_ahead_of_the_truth(there, back):
    server = Server((there, back))
    time = ServerTime(server.ask, host=server)
    for _ in range(3):
        earliest = time.earliest()
        assert 0 <= seconds(server.truth() - earliest) <= back
        server.passed += 50


def test_the_earliest_time_is_always_asked_for():
    server = Server()
    time = ServerTime(server.ask, host=server)
    time.now()
    time.earliest()
    time.earliest()
    assert server.asked == 3


@pytest.mark.parametrize(("there", "back"), [(4.0, 0.0), (0.0, 4.0), (2.0, 2.0)])
def test_after_a_long_trip_it_is_half_a_second_ahead_at_most(there, back):
    """Names and handshakes come before the question: the answer is from the end of that time, not from its middle."""
    server = Server((there, back))
    time = ServerTime(server.ask, host=server)
    assert seconds(time.now() - server.truth()) == 0.5 - back


def test_a_server_that_does_not_answer_leaves_what_was_known():
    server = Server()
    time = ServerTime(server.ask, host=server)
    time.now()
    server.is_silent = True
    with pytest.raises(Retryable):
        time.earliest()
    assert time.now() == server.truth()
