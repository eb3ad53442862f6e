"""An order that was signed with another receive window than that of the process that looks for it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.binance_account import LAG, WINDOW, running_venue
from trader.core.errors import Rejected
from trader.core.klines import from_ms

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow

LONG = timedelta(seconds=60)


@pytest.fixture
def venue():
    with running_venue() as running:
        yield running


@pytest.fixture
def patient(venue):
    """The exchange as a process with a longer receive window uses it."""
    return venue.connect(recv_window=LONG)


def test_an_exchange_says_what_window_its_orders_are_to_be_signed_with(venue, patient):
    assert (venue.exchange.window, patient.window) == (WINDOW, LONG)


def test_an_order_bears_the_window_that_was_written_down_with_it(venue):
    venue.exchange.submit(venue.intent(window=LONG))
    [sent] = venue.server.asked("order", "POST")
    assert sent["recvWindow"] == "60000"


def test_an_order_is_not_given_up_while_its_own_longer_window_is_open(venue, patient):
    """The taker has waited for the lease and its own five seconds; the sender may still send for half a minute."""
    intent = venue.intent(window=patient.window)
    venue.server.now += 31_000
    assert venue.exchange.settle(intent) is None
    assert from_ms(venue.server.now) > intent.signed_at + LONG + LAG
    with pytest.raises(Rejected) as refused:
        patient.submit(intent)
    assert refused.value.code == -1021
    assert venue.account.taken == []


def test_an_order_that_is_sent_while_it_is_looked_for_is_found(venue, patient):
    """The sender wakes up ten seconds after the taker has begun to look, and its window is still open."""
    intent = venue.intent(window=patient.window)
    venue.server.now += 31_000
    sleep, sent = venue.host.sleep, []

    def sleep_and_wake(seconds):
        sleep(seconds)
        if not sent and from_ms(venue.server.now) > intent.signed_at + timedelta(seconds=41):
            sent.append(patient.submit(intent))

    venue.host.sleep = sleep_and_wake
    report = venue.exchange.settle(intent)
    assert sent == [report]
    assert report.executed == intent.quantity == Decimal("0.003")


def test_an_order_without_a_window_of_its_own_is_waited_for_as_one_of_ours(venue):
    intent = venue.intent()
    assert venue.exchange.settle(intent) is None
    assert intent.signed_at + WINDOW + LAG < from_ms(venue.server.now) < intent.signed_at + LONG
