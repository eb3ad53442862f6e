"""Two symbols on one account, and an order of one of them without an outcome when the other one's turn comes."""

from decimal import Decimal

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.desks import FIRST
from tests.faults.scenes import KLINES, Scene, Told, be_quick, command
from tests.worlds import trading_world
from trader.core.journal import Status

pytestmark = pytest.mark.slow

MARKETS = {"BTCUSDT": KLINES, "ETHUSDT": ticked(random_klines(1460, seed=7, price=3000.0))}


@pytest.fixture
def pair(tmp_path, monkeypatch):
    be_quick(monkeypatch)
    with trading_world(tmp_path, MARKETS, first=FIRST, storage="folder") as world:
        yield Scene(world, monkeypatch)


def lose_an_order(scene: Scene, symbol: str) -> None:
    """Let the next order of a symbol be taken, with its answer lost and no look-up answered."""
    scene.control.order_fault("drop", accept=True, symbol=symbol)
    scene.control.fault("error", method="GET", path="/api/v3/order", symbol=symbol, error="bad-gateway", times=0)


def outcome(told: Told) -> tuple[int, str]:
    """The exit code, and how the run of each symbol ended."""
    return told.code, told.outcome


def check_position(scene: Scene, symbol: str) -> None:
    """The books hold what the exchange has executed, over all epochs."""
    executed = Decimal(0)
    for order in scene.control.orders()["orders"]:
        if order["symbol"] == symbol:
            executed += Decimal(order["executedQty"]) * (1 if order["side"] == "BUY" else -1)
    position = scene.world.desk(symbol).journal.state().execution.position
    assert abs(position - executed) < abs(executed) / 100, "more or less the commission"


def run_of(scene: Scene, symbol: str, hour: int):
    return scene.world.desk(symbol).journal.read(FIRST + hour * HOUR).record


def test_before_it_has_a_share_the_other_symbol_waits_for_the_outcome(pair):
    """The lost order may be in the balances already, so nobody can be given a share of them."""
    lose_an_order(pair, "BTCUSDT")
    assert outcome(pair.run_at(FIRST)) == (75, "failed failed")
    pair.control.clear()
    assert outcome(pair.run()) == (0, "done done")
    assert outcome(pair.run_at(FIRST + HOUR)) == (0, "done done")
    for symbol in MARKETS:
        record = run_of(pair, symbol, 0)
        assert (record.status, len(record.legs), record.unexplained) == (Status.COMPLETED, 1, ())
        assert run_of(pair, symbol, 1).state.epoch == 1
        check_position(pair, symbol)


@pytest.mark.parametrize("says", ["nothing", "resume"])
def test_an_hour_later_the_other_symbol_concludes_nothing_from_what_the_lost_order_moved(pair, says):
    """Not even when a person takes the account as it is: the order would be counted twice."""
    assert outcome(pair.run_at(FIRST)) == (0, "done done")
    lose_an_order(pair, "BTCUSDT")
    assert outcome(pair.run_at(FIRST + HOUR)) == (75, "failed done")
    if says == "resume":
        assert command("resume", "--why", "looks good to me")[0] == 0
    assert outcome(pair.run_at(FIRST + 2 * HOUR)) == (75, "failed done")
    waiting = run_of(pair, "ETHUSDT", 2)
    assert (waiting.legs, waiting.state.epoch, len(waiting.unexplained)) == ((), 1, 1)
    pair.control.clear()
    for hour in (3, 4):
        assert outcome(pair.run_at(FIRST + hour * HOUR)) == (0, "done done")
    for symbol in MARKETS:
        record = run_of(pair, symbol, 4)
        assert (record.state.epoch, record.unexplained) == (1, ())
        check_position(pair, symbol)


def test_a_lost_order_is_not_taken_for_a_reset_by_a_symbol_that_has_no_fills_yet(pair):
    """The other symbol's balances change before it has ever filled anything."""
    pair.control.fault("symbol-status", symbol="ETHUSDT", status="BREAK")
    lose_an_order(pair, "BTCUSDT")
    assert outcome(pair.run_at(FIRST)) == (75, "failed failed")
    assert outcome(pair.run_at(FIRST + HOUR)) == (75, "failed failed")
    pair.control.clear()
    assert outcome(pair.run_at(FIRST + 2 * HOUR)) == (0, "done done")
    assert [run_of(pair, symbol, 2).state.epoch for symbol in MARKETS] == [1, 1]
    check_position(pair, "BTCUSDT")


@pytest.mark.parametrize("limit", ["too-many-requests", "banned"])
def test_after_a_limit_was_reached_the_process_asks_for_nothing_more(pair, limit):
    pair.control.order_fault("error", error=limit, symbol="BTCUSDT")
    assert outcome(pair.run_at(FIRST)) == (75, "done failed")
    assert pair.control.requests()[-1]["path"] == "/api/v3/order"
    assert pair.orders_asked() == 1
    assert outcome(pair.run()) == (0, "already-done done")
    assert outcome(pair.run_at(FIRST + HOUR)) == (0, "done done")
    for symbol in MARKETS:
        check_position(pair, symbol)
