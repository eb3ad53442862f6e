"""The service beside a bot in testnet mode: the same market and storage, no key, and nothing that is sent."""

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.cli.conftest import Trader
from tests.desks import FIRST
from tests.worlds import STORAGES, trading_world
from trader.bootstrap import open_storage
from trader.cli.api.figures import figures_of
from trader.cli.api.service import Service
from trader.cli.api.world import World
from trader.config import load_settings
from trader.core.errors import BadConfig, Retryable
from trader.jobs.bot import Desk
from trader.store.codec import from_json
from trader.store.predictions import SCHEMA, KeptPrediction

KLINES = ticked(random_klines(1500, seed=6, price=60000.0))


def objects():
    """All that the configured store holds, but the predictions."""
    storage = open_storage(load_settings())
    try:
        return {key: storage.get(key).data for key in storage.keys("") if not key.startswith("predictions/")}
    finally:
        getattr(storage, "close", lambda: None)()


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_predictions_of_a_real_markets_klines_equal_the_next_run(tmp_path, storage, trader: Trader, monkeypatch):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage=storage) as world:
        world.enter(monkeypatch)
        world.move_to_run(FIRST)
        assert trader("run").code == 0
        for hour in (1, 2):
            world.move_to_run(FIRST + hour * HOUR)
            before, sent = objects(), len(world.net.control.requests())
            with monkeypatch.context() as keyless:
                keyless.delenv("TRADER__EXCHANGE__API_KEY")
                keyless.delenv("TRADER__EXCHANGE__API_SECRET")
                data = Service(World(load_settings())).latest("BTCUSDT")
            asked = world.net.control.requests()[sent:]
            assert {request["method"] for request in asked} == {"GET"}
            assert not any("signature" in str(request) for request in asked)
            assert objects() == before
            assert trader("run").code == 0
            found = from_json(KeptPrediction, data, key="it", schema=SCHEMA).prediction
            record = world.desk().journal.read(FIRST + hour * HOUR).record
            assert (found.p_up, found.features) == (record.inputs.p_up, record.inputs.features)
            assert found.klines_digest == record.inputs.klines_digest
            assert (found.exposure, found.reason) == (record.decision.target, record.decision.reason)


@pytest.mark.slow
def test_health_and_figures_need_no_market_and_predictions_say_that_there_is_none(
    tmp_path, trader: Trader, monkeypatch
):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
        world.enter(monkeypatch)
        world.move_to_run(FIRST)
        assert trader("run").code == 0
    service = Service(World(load_settings()))  # the server is gone now
    assert service.health().readable
    assert service.health().runs["BTCUSDT"][0] == FIRST
    assert service.figures()["BTCUSDT"].age > 0
    with pytest.raises(Retryable, match="did not answer"):
        service.latest("BTCUSDT")


def test_nothing_but_a_prediction_can_be_written_and_no_order_be_sent(store, unchanged):
    unchanged(store)
    world = World(load_settings())
    bot = world.bot()
    for write in (lambda: bot.storage.create("x", b""), lambda: bot.storage.delete("bot.json")):
        with pytest.raises(BadConfig, match="only reads"):
            write()
    assert bot.klines.append("DEMOUSDT", KLINES) == 0
    with pytest.raises(BadConfig, match="does not trade"):
        bot.exchange.balances()
    assert bot.exchange.rules("DEMOUSDT") == bot.market.rules("DEMOUSDT")


def test_the_demos_clock_moves_with_its_runs(store, trader: Trader):
    world = World(load_settings())
    before = world.bot().clock.now()
    assert trader("run").code == 0
    assert world.bot().clock.now() == before + HOUR == world.now()


def test_figures_of_a_bot_that_never_ran_are_none(empty_store):
    assert figures_of(Desk(bot=World(load_settings()).bot(), symbol="DEMOUSDT"), now=FIRST) is None
