"""The account's write is done and its answer lost, and another process has written before it is repeated.

The repeated write then fails as a lost race, which it was not: the order is in the account already.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, START, klines_of, symbol_rules
from tests.desks import VENUE
from tests.s3_server import Fault, FaultyProxy, s3_server
from trader.adapters.clocks import VirtualClock
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.s3_storage import S3Storage
from trader.adapters.simulated_exchange import KEY, SimulatedExchange
from trader.core.errors import Conflict
from trader.core.orders import OrderIntent, Side
from trader.simulator.account import decode

RULES = {"BTCUSDT": symbol_rules(), "ETHUSDT": symbol_rules(symbol="ETHUSDT", base_asset="ETH")}


def exchange_on(storage):
    """The exchange as one process has it, its account open for both symbols."""
    clock = VirtualClock(START + 2 * HOUR)
    market = RecordedMarket(klines={symbol: klines_of([100, 100]) for symbol in RULES}, rules=RULES, clock=clock)
    exchange = SimulatedExchange(storage=storage, market=market, clock=clock, venue=VENUE, symbols=tuple(RULES))
    exchange.balances()
    return exchange


def order(identity, symbol="BTCUSDT"):
    return OrderIntent(
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(1),
        client_order_id=identity,
        signed_at=START + timedelta(hours=2),
    )


def executed(storage):
    """The client order ids of everything that was filled."""
    return [placed.client_order_id for placed in decode(storage.get(KEY).data, source=KEY).orders]


class LosingAnswers:
    """The real storage: a write is done, somebody else writes, and what its writer hears is a conflict."""

    def __init__(self, real):
        self._real = real
        self.meanwhile = []

    def __getattr__(self, name):
        return getattr(self._real, name)

    def replace(self, key, data, etag):
        written = self._real.replace(key, data, etag)
        if self.meanwhile:
            self.meanwhile.pop()()
            raise Conflict(f"{key} has changed")
        return written


@pytest.fixture
def storage(tmp_path):
    return LosingAnswers(LocalStorage(tmp_path, durable=False))


def test_an_order_whose_write_was_done_is_not_executed_again_on_what_another_one_left(storage):
    mine, other = exchange_on(storage), exchange_on(storage)
    storage.meanwhile = [lambda: other.submit(order("other-1", "ETHUSDT"))]
    report = mine.submit(order("mine-1"))
    assert executed(storage) == ["mine-1", "other-1"]
    assert mine.settle(order("mine-1")) == report
    assert mine.balances()["BTC"] == other.balances()["BTC"] == Decimal("100.999")


@pytest.mark.slow
def test_on_s3_an_order_is_executed_once_although_the_answer_of_its_write_was_lost(monkeypatch):
    with s3_server() as server:
        server.apply(monkeypatch)
        honest = S3Storage(server.bucket)
        other = exchange_on(honest)
        proxy = FaultyProxy(server.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        pauses = []

        def pause(seconds):
            """While this one waits before its second try, another process trades."""
            if not pauses:
                other.submit(order("other-1", "ETHUSDT"))
            pauses.append(seconds)

        faulty = S3Storage(server.bucket, sleep=pause)
        mine = exchange_on(faulty)
        proxy.script = [None, Fault(name="done, its answer lost", reaches=True)]  # GET, PUT
        report = mine.submit(order("mine-1"))
        found = executed(honest)
        settled = exchange_on(honest).settle(order("mine-1"))
        for each in (faulty, honest, proxy):
            each.close()
    assert pauses
    assert found == ["mine-1", "other-1"]
    assert settled == report
