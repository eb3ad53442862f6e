"""A bot on recorded klines: real storage in a folder, the real simulated exchange, a clock that the test moves."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from tests.builders import HOUR, START
from trader.adapters.clocks import VirtualClock, WallClock
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.config import Settings
from trader.core.indicators import FEATURE_PRESETS, WARM_UP
from trader.core.journal import Origin
from trader.core.klines import Klines, close_of, from_ms
from trader.jobs.bot import Bot, Desk
from trader.jobs.train import promote, train
from trader.ml.recipe import Recipe
from trader.simulator.rules import usual_rules
from trader.simulator.venue import VenueSettings
from trader.store.control import claim_store
from trader.store.klines import KlineStore

SYMBOL = "BTCUSDT"
FIRST = START + (WARM_UP + 400) * HOUR
"""The first kline that a desk of `make_desk` decides on: there is a warm-up and history to train on before it."""

RECIPE = Recipe(
    features=FEATURE_PRESETS["ten"],
    look_back_days=15,
    rounds=30,
    params={"max_depth": 3, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8, "gamma": 0.0},
    seed=0,
)
VENUE = VenueSettings(
    commission_rate=Decimal("0.001"),
    half_spread_rate=Decimal("0.0001"),
    level_notional=Decimal(20000),
    levels=10,
    start_quote=Decimal(10000),
    start_base_notional=Decimal(10000),
)


def small_rules(*, band=0.0, **sections):
    """The default rules with a band that trades often; other sections by name, such as risk={"max_loss": 0.1}."""
    settings = Settings(decision={"band": band, **sections.pop("decision", {})}, **sections)
    return settings.rules()


def make_desk(folder, klines: Klines, *, rules=None, clock=None, market=None, exchange=None, owner="test") -> Desk:
    """A desk that trades SYMBOL on these klines, its clock just after the close of FIRST."""
    storage = LocalStorage(folder, durable=False)
    clock = clock or VirtualClock(close_of(FIRST, klines.interval) + timedelta(seconds=5))
    market = market or RecordedMarket(klines={SYMBOL: klines}, rules={SYMBOL: usual_rules(SYMBOL)}, clock=clock)
    bot = Bot(
        bot_id="test",
        mode="demo",
        interval=klines.interval,
        symbols=(SYMBOL,),
        origin=Origin.LIVE,
        owner=owner,
        rules=rules or small_rules(),
        notional=Decimal(500),
        recipe=RECIPE,
        max_lateness=timedelta(minutes=15),
        wait=timedelta(minutes=16),
        lease=timedelta(seconds=0.5),
        versions={"trader": "test"},
        storage=storage,
        market=market,
        exchange=exchange
        or SimulatedExchange(storage=storage, market=market, clock=clock, venue=VENUE, symbols=(SYMBOL,)),
        clock=clock,
        host=WallClock(),
        klines=KlineStore(storage),
    )
    claim_store(storage, mine=bot.stamp)
    return Desk(bot=bot, symbol=SYMBOL)


def with_model(desk: Desk) -> Desk:
    """The desk with a champion trained on the klines before FIRST."""
    promote(desk, train(desk, last=FIRST - HOUR, why="for a test").card, why="for a test")
    return desk


def move_to_run(desk: Desk, open_time) -> None:
    """Set the clock just after the close of a kline."""
    desk.bot.clock.move_to(close_of(open_time, desk.bot.interval) + timedelta(seconds=5))


def another_process(desk: Desk, owner="other") -> Desk:
    """The same bot as a second process would build it."""
    bot = replace(desk.bot, owner=owner, klines=KlineStore(desk.bot.storage))
    return Desk(bot=bot, symbol=desk.symbol)


def returns_of(klines: Klines, first, count):
    """Close-to-close returns of `count` klines from `first` on, by plain division."""
    position = klines.index_of(first)
    close = klines.close[position : position + count + 1]
    return np.array([after / before - 1.0 for before, after in pairwise(close)])


def time_at(klines: Klines, position: int):
    """The open time of a row."""
    return from_ms(klines.open_time[position])
