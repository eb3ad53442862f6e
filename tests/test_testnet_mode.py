"""`mode=testnet` hour after hour: real python-binance over HTTP against the local testnet, on both storages.

What it decides and earns on paper is what a replay of the same hours in this process gives, with `==`; and every order
that the exchange has is in the journal exactly once.
"""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR, Quiet, random_klines, ticked
from tests.desks import FIRST
from tests.worlds import STORAGES, trading_world
from trader.bootstrap import build_replay
from trader.cli import main
from trader.config import load_settings
from trader.core.journal import Status
from trader.core.risk import OnHalt
from trader.jobs.replay import install_model, replay

pytestmark = pytest.mark.slow

HOURS = 48
KLINES = ticked(random_klines(1500, seed=6, price=60000.0))
SAME = ("open_time", "model_id", "p_up", "close", "exposure", "change", "settled_net", "paper_net", "reason")


def replayed(settings, *, model, scratch):
    """The same hours in this process, on the simulated exchange."""
    desk, clock = build_replay(
        settings, klines=KLINES, symbol="BTCUSDT", scratch=scratch, on_halt=OnHalt.STOP, resume_after=None
    )
    install_model(desk, clock=clock, stored=model, start=FIRST, end=FIRST + HOURS * HOUR, in_sample=True)
    replay(desk, clock=clock, start=FIRST, end=FIRST + HOURS * HOUR, progress=Quiet())
    return desk


@pytest.mark.parametrize("storage", STORAGES)
def test_two_days_on_the_testnet_equal_a_replay_and_every_order_is_there_once(tmp_path, storage, monkeypatch, capsys):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage=storage) as world:
        world.enter(monkeypatch)
        for hour in range(HOURS):
            world.move_to_run(FIRST + hour * HOUR)
            assert main(["run", "--json"]) == 0
            (answer,) = json.loads(capsys.readouterr().out)["runs"]
            assert answer["outcome"] == "done"
        desk = world.desk()
        live = desk.ledger.read()
        records = [desk.journal.read(time).record for time in desk.journal.open_times()]
        assert main(["verify", "--symbol", "BTCUSDT", "--json"]) == 0, capsys.readouterr().out
        model, orders = desk.models.load_champion(), world.net.control.orders()
    twin = replayed(load_settings(), model=model, scratch=tmp_path / "twin")
    past = twin.ledger.read()
    assert len(live) == len(past) == HOURS
    for column in SAME:
        assert live.column(column).to_pylist() == past.column(column).to_pylist(), column
    assert {1.0, -1.0} <= set(live.column("exposure").to_pylist()), "both directions have to occur"
    assert all(record.status is Status.COMPLETED and record.unexplained == () for record in records)
    journalled = [leg.report.client_order_id for record in records for leg in record.legs]
    assert len(journalled) > 10
    assert sorted(orders["by_client_order_id"]) == sorted(journalled)
    assert {count["executed"] for count in orders["by_client_order_id"].values()} == {1}
    twins = [twin.journal.read(time).record for time in twin.journal.open_times()]
    assert [_without_fills(record) for record in records] == [_without_fills(record) for record in twins]


def _without_fills(record):
    """What must be the same whatever the venue's book: decision, paper book, target quantity."""
    book = record.state.execution
    return (
        record.key.open_time,
        record.decision,
        record.settled,
        record.trigger,
        replace(record.state.paper),
        book.target,
        abs(book.position - book.target) < Decimal("0.0001"),
    )
