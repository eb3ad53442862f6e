"""The server's clock."""

import threading
from datetime import timedelta

import pytest

from tests.builders import START
from trader.core.errors import BadConfig
from trader.core.klines import to_ms
from trader.simulator.testnet.clock import ServerClock


def test_it_ticks_with_the_machine():
    clock = ServerClock(START)
    begin = clock.now_ms()
    clock.wait_until(begin + 20, stop=threading.Event())
    assert begin >= to_ms(START)
    assert clock.now_ms() >= begin + 20


def test_standing_still_it_only_moves_when_told_to():
    clock = ServerClock(START, ticking=False)
    assert clock.now() == START
    clock.move_to(START + timedelta(hours=5))
    assert clock.now() == START + timedelta(hours=5)


def test_it_cannot_go_back():
    clock = ServerClock(START, ticking=False)
    with pytest.raises(BadConfig, match="cannot go back"):
        clock.move_to(START - timedelta(seconds=1))
    assert clock.now() == START


def test_whoever_waits_goes_on_when_it_is_moved():
    clock = ServerClock(START, ticking=False)
    waiter = threading.Thread(
        target=clock.wait_until, args=(to_ms(START) + 3_600_000,), kwargs={"stop": threading.Event()}
    )
    waiter.start()
    waiter.join(0.05)
    assert waiter.is_alive()
    clock.move_to(START + timedelta(hours=1))
    waiter.join(5)
    assert not waiter.is_alive()


def test_waiting_ends_when_the_server_stops():
    stop = threading.Event()
    stop.set()
    ServerClock(START, ticking=False).wait_until(to_ms(START) + 1, stop=stop)
    clock = ServerClock(START, ticking=False)
    clock.set_ticking(True)
    clock.set_ticking(False)
    assert clock.now_ms() - to_ms(START) < 1000
