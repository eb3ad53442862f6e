"""The account is reset, or somebody changes it: between runs, and at every awkward moment of one.

Two signs make a reset: balances that our fills do not explain, and an exchange that does not know our last filled
order. With one of them nothing is sent until a person has looked.
"""

from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.faults.books import check_books, is_on_target, live_on, paper
from tests.faults.scenes import DONE, NOW, Scene, command
from trader.core.journal import Status
from trader.core.orders import NotSent

pytestmark = pytest.mark.slow


def history(scene: Scene) -> list[tuple]:
    """The completed records as they are kept."""
    return [(record.key, record.seal) for record in scene.records() if record.status is Status.COMPLETED]


def check_epoch(scene: Scene, twin, *, begun: int) -> None:
    """A new epoch began in one hour after NOW, and nothing else did: position rebuilt, paper book untouched."""
    check_books(scene)
    records = scene.records()
    assert [record.state.epoch for record in records] == [1 + (hour >= begun) for hour in range(-1, len(records) - 1)]
    assert [bool(record.new_epoch) for record in records].count(True) == 1
    assert records[begun + 1].new_epoch
    assert [paper(record) for record in records] == [paper(twin[record.key.open_time]) for record in records]
    assert is_on_target(records[begun + 1])
    assert all(record.unexplained == () for record in records)
    assert scene.desk.ledger.read().column("epoch").to_pylist() == [record.state.epoch for record in records]


@pytest.mark.parametrize("storage", ["folder", "s3"])
def test_a_reset_between_runs_begins_an_epoch_and_the_position_is_rebuilt(scene_on, twin, storage):
    """NOW + 1 h changes nothing: the only order is the one that brings the lost position back."""
    with scene_on(storage) as scene:
        assert scene.run() == DONE
        before = history(scene)
        scene.control.wipe()
        assert scene.run_at(NOW + HOUR) == DONE
        assert history(scene)[: len(before)] == before
        (leg,) = scene.record(NOW + HOUR).legs
        assert leg.report.quantity == Decimal("0.00780"), "from nothing to short, not from long"
        assert scene.run_at(NOW + 2 * HOUR) == DONE
        check_epoch(scene, twin, begun=1)


def test_two_resets_begin_two_epochs(scene):
    for hour in range(3):
        scene.control.wipe()
        assert scene.run_at(NOW + hour * HOUR) == DONE
    assert [record.state.epoch for record in scene.records()] == [1, 2, 3, 4]
    check_books(scene)


@pytest.mark.parametrize("later", [0, 1], ids=["same-hour", "next-hour"])
@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
def test_a_reset_between_an_order_and_its_look_up_by_the_next_process(scene, twin, accept, later):
    """The order is gone with the account, or it never was there: nobody can tell, and it does not matter."""
    scene.lose_an_order(accept=accept)
    scene.control.wipe()
    for hour in range(later, 3):
        assert scene.run_at(NOW + hour * HOUR) == DONE
    first, *others = scene.record(NOW).legs
    assert first.is_wiped
    assert first.report is None
    assert len(others) == 1 - later
    check_epoch(scene, twin, begun=later)
    assert scene.record(NOW + later * HOUR).legs[-1].report.quantity == Decimal("0.00780")


def test_a_reset_between_an_order_and_its_look_up_by_the_same_process(scene):
    """The books in its hands are those of an account that is gone: it leaves the hour to the next process."""
    scene.control.order_fault("drop", accept=True)
    scene.just_before("settle", scene.control.wipe)
    told = scene.run()
    assert told.code == 75
    assert "reset under its order" in told.error
    assert scene.run() == DONE
    assert scene.record(NOW).legs[0].is_wiped
    for hour in (1, 2):
        assert scene.run_at(NOW + hour * HOUR) == DONE
    check_books(scene)
    last = scene.records()[-1]
    assert (last.state.epoch, last.unexplained) == (2, ())
    assert is_on_target(last)


def test_a_reset_just_before_the_order_arrives_is_one_sign_only(scene):
    """The new account knows our last filled order: nobody but a person can say what happened, so trading stops."""
    scene.just_before("submit", scene.control.wipe)
    assert scene.run() == DONE
    (leg,) = scene.record(NOW).legs
    assert leg.report.executed == leg.intent.quantity
    for hour in (1, 2):
        assert scene.run_at(NOW + hour * HOUR) == DONE
        record = scene.record(NOW + hour * HOUR)
        assert record.legs == ()
        assert len(record.unexplained) == 2
    assert scene.record(NOW + 2 * HOUR).not_sent is NotSent.ACCOUNT_CHANGED
    assert command("resume", "--why", "it was a reset")[0] == 0
    assert scene.run_at(NOW + 3 * HOUR) == DONE
    check_books(scene)
    record = scene.records()[-1]
    assert (record.unexplained, record.state.epoch) == ((), 1)
    assert is_on_target(record)


def test_a_reset_that_leaves_the_balances_as_they_were_is_one_sign_only(scene, twin):
    before = scene.control.state()["balances"]
    scene.control.wipe()
    after = scene.control.state()["balances"]
    for asset, amount in before.items():
        scene.control.fault("balance", asset=asset, amount=str(Decimal(amount) - Decimal(after[asset])))
    assert scene.run() == DONE
    live_on(scene, twin)
    assert {record.state.epoch for record in scene.records()} == {1}


@pytest.mark.parametrize(("asset", "amount"), [("USDT", "1000"), ("BTC", "0.5"), ("USDT", "-1000")])
def test_a_change_of_the_balance_alone_stops_trading_until_a_person_resumes(scene, asset, amount):
    scene.control.fault("balance", asset=asset, amount=amount)
    assert scene.run() == DONE
    record = scene.record(NOW)
    assert (record.not_sent, record.legs, record.state.epoch) == (NotSent.ACCOUNT_CHANGED, (), 1)
    assert asset in record.unexplained[0]
    assert scene.orders_asked() == 0
    assert command("resume", "--why", "it was me")[0] == 0
    for hour in (1, 2):
        assert scene.run_at(NOW + hour * HOUR) == DONE
    check_books(scene)
    after = scene.record(NOW + HOUR)
    assert (after.unexplained, len(after.legs), after.state.epoch) == ((), 1, 1)
    assert is_on_target(scene.records()[-1])
