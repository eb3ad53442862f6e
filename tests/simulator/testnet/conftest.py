"""A small exchange without sockets, whose clock only moves when it is told to."""

from datetime import timedelta

import pytest

from tests.builders import HOUR, START, random_klines
from tests.testnet import Asker, make_venue
from trader.simulator.testnet.exchange import Exchange

NOW = START + 100 * HOUR + timedelta(minutes=20)


@pytest.fixture
def asker() -> Asker:
    """BTCUSDT and ETHUSDT, 200 hours each, twenty minutes into the hundredth."""
    klines = {"BTCUSDT": random_klines(200, price=40000.0), "ETHUSDT": random_klines(200, price=2000.0, seed=1)}
    return Asker(Exchange(make_venue(klines, now=NOW, ticking=False)))
