"""SIGKILL before and after every storage write and every exchange call of a run, on both storages, over real HTTP.

The calls are discovered by counting those of an undisturbed run. After the kill other processes do the run again in the
same hour and live the next one, or find it an hour later. What must hold: one execution per intent, every fill in
exactly one record, the position is the sum of our fills, and the paper book is that of a twin that nobody disturbed.
"""

import signal
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.desks import FIRST
from tests.mortal import Fate, Life, outcomes
from tests.testnet import running_testnet
from tests.worlds import STORAGES, World, environment_of, stores
from trader.bootstrap import build_bot, open_storage
from trader.config import load_settings
from trader.core.journal import RunRecord, Status
from trader.core.klines import close_of
from trader.jobs.bot import Desk

pytestmark = pytest.mark.slow

KLINES = {"BTCUSDT": ticked(random_klines(1460, seed=6, price=60000.0))}
NOW = FIRST + HOUR
"""The hour in which somebody dies; the one before it was lived undisturbed."""


@dataclass(frozen=True)
class Past:
    """What there is before the hour of interest: every object of the store, and the exchange's account."""

    objects: dict[str, bytes]
    account: bytes


class Case:
    """One copy of the past with a server of its own; the clock stands just after the close of NOW."""

    def __init__(self, folder: Path, world: World, monkeypatch) -> None:
        self.folder, self.world = folder, world
        world.enter(monkeypatch)

    def start(self, fate: Fate | None = None) -> Life:
        return Life(self.world.environment, self.folder, fate)

    def desk(self) -> Desk:
        return Desk(bot=build_bot(load_settings()), symbol="BTCUSDT")

    def records(self) -> list[RunRecord]:
        journal = self.desk().journal
        return [journal.read(time).record for time in journal.open_times()]

    def next_hour(self) -> None:
        self.world.move_to_run(NOW + HOUR)


def past_of(folder: Path, store: dict[str, str], monkeypatch) -> Past:
    """Live the hour before."""
    state = folder / "past.json"
    with running_testnet(KLINES, now=close_of(FIRST, "1h"), state=state) as net:
        world = World(net=net, environment=environment_of(net) | store)
        case = Case(folder, world, monkeypatch)
        assert outcomes(case.start()) == ["done"]
        storage = open_storage(load_settings())
        return Past(
            objects={key: storage.get(key).data for key in storage.keys("")},
            account=state.read_bytes(),
        )


class copies:  # noqa: N801 - used as a function
    """Make cases from one past: `with copies(...) as case_of, case_of("name") as case`."""

    def __init__(self, kind: str, folder: Path, monkeypatch) -> None:
        self._stores, self._folder, self._monkeypatch = stores(kind, folder), folder, monkeypatch

    def __enter__(self):
        self._store = self._stores.__enter__()
        self._past = past_of(self._folder, self._store("past"), self._monkeypatch)
        return self

    def __exit__(self, *error) -> None:
        self._stores.__exit__(*error)

    def run(self, name: str, check):
        """Give `check` a case of its own and return what it returns."""
        folder = self._folder / name
        folder.mkdir()
        state = folder / "account.json"
        state.write_bytes(self._past.account)
        with running_testnet(KLINES, now=close_of(NOW, "1h"), state=state) as net:
            world = World(net=net, environment=environment_of(net) | self._store(name))
            case = Case(folder, world, self._monkeypatch)
            storage = open_storage(load_settings())
            for key, data in self._past.objects.items():
                storage.put(key, data)
            return check(case)


def executions(case: Case) -> dict[str, int]:
    """How often each client order id was executed, ever."""
    found = case.world.net.control.orders()["by_client_order_id"]
    return {identity: count["executed"] for identity, count in found.items()}


def check_books(case: Case) -> None:
    """Everything that must hold whatever happened on the way."""
    records = case.records()
    assert all(record.status is Status.COMPLETED for record in records)
    assert all(record.unexplained == () and record.new_epoch is None for record in records)
    journalled = [leg.report.client_order_id for record in records for leg in record.legs if leg.report]
    executed = executions(case)
    assert set(executed.values()) <= {1}, "an order was executed twice"
    assert sorted(executed) == sorted(journalled), "every execution is in exactly one record, and no other"
    position = Decimal(0)
    for record in records:
        for leg in record.legs:
            for fill in leg.report.fills if leg.report else ():
                position += fill.quantity if leg.report.side == "BUY" else -fill.quantity
                position -= fill.commission if fill.commission_asset == "BTC" else 0
    assert records[-1].state.execution.position == position
    ledger = case.desk().ledger.read()
    assert ledger.column("open_time").to_pylist() == [record.key.open_time for record in records]
    settled = [hour.open_time for record in records for hour in record.settled]
    assert settled == [FIRST + hour * HOUR for hour in range(len(settled))], "every hour is settled once"


def paper(record: RunRecord):
    """What the twin must have, too."""
    return record.decision, record.state.paper, record.state.execution.target, record.settled


def undisturbed(case: Case) -> tuple[list[str], list[RunRecord]]:
    """The calls of a run that nobody disturbs, and its records with those of the next hour."""
    calls = case.start().said()["calls"]
    case.next_hour()
    assert outcomes(case.start()) == ["done"]
    check_books(case)
    return calls, case.records()


def away(case: Case) -> list[RunRecord]:
    """The records of a bot that was not there in the hour of interest."""
    case.next_hour()
    assert outcomes(case.start()) == ["done"]
    return case.records()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", STORAGES)
def test_killed_anywhere_and_run_again_in_the_same_hour(tmp_path, kind, after, monkeypatch):
    with copies(kind, tmp_path, monkeypatch) as cases:
        calls, twin = cases.run("twin", undisturbed)
        assert {"exchange.submit", "exchange.balances", "storage.create"} <= set(calls)
        assert calls.count("storage.replace") >= 3, "intent, commit and state"

        def killed(case: Case) -> None:
            victim = case.start(Fate(at=at, after=after))
            assert victim.end() == -signal.SIGKILL, victim.log()
            assert outcomes(case.start())[0] in ("done", "already-done")
            assert outcomes(case.start()) == ["already-done"]
            case.next_hour()
            assert outcomes(case.start()) == ["done"]
            check_books(case)
            assert [paper(record) for record in case.records()] == [paper(record) for record in twin]

        for at in range(1, len(calls) + 1):
            cases.run(f"{at}-{calls[at - 1]}", killed)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", STORAGES)
def test_killed_anywhere_and_found_an_hour_later(tmp_path, kind, after, monkeypatch):
    with copies(kind, tmp_path, monkeypatch) as cases:
        calls, decided = cases.run("twin", undisturbed)
        missed = cases.run("away", away)

        def killed(case: Case) -> None:
            victim = case.start(Fate(at=at, after=after))
            assert victim.end() == -signal.SIGKILL, victim.log()
            sent = len(executions(case))
            case.next_hour()
            assert outcomes(case.start()) == ["done"]
            check_books(case)
            records = case.records()
            was_decided = records[1].decision == decided[1].decision and bool(records[1].inputs)
            twin = decided if was_decided else missed
            assert [paper(record) for record in records] == [paper(record) for record in twin]
            late = len(executions(case)) - sent - sum(leg.report is not None for leg in records[2].legs)
            assert late == 0, "an hour that is over is not traded"

        for at in range(1, len(calls) + 1):
            cases.run(f"{at}-{calls[at - 1]}", killed)


@pytest.mark.parametrize("kind", STORAGES)
def test_killed_while_the_answer_to_the_order_is_on_its_way(tmp_path, kind, monkeypatch):
    """The order was taken and nobody heard of it: the next process finds it and sends no other."""
    with copies(kind, tmp_path, monkeypatch) as cases:
        _, twin = cases.run("twin", undisturbed)

        def killed(case: Case) -> None:
            case.world.net.control.order_fault("hang", accept=True, seconds=30)
            victim = case.start()
            while len(executions(case)) < 2:
                assert victim._process.is_alive(), victim.log()
            victim._process.kill()
            assert victim.end() == -signal.SIGKILL
            assert outcomes(case.start()) == ["done"]
            case.next_hour()
            assert outcomes(case.start()) == ["done"]
            check_books(case)
            assert [paper(record) for record in case.records()] == [paper(record) for record in twin]
            assert [leg.intent.client_order_id for leg in case.records()[1].legs] == [
                leg.intent.client_order_id for leg in twin[1].legs
            ]

        cases.run("hang", killed)


@pytest.mark.parametrize("later", [0, 1])
@pytest.mark.parametrize("kind", STORAGES)
def test_stopped_anywhere_across_lease_and_window_and_woken_after_a_take_over(tmp_path, kind, later, monkeypatch):
    """The woken owner neither trades nor overwrites."""
    with copies(kind, tmp_path, monkeypatch) as cases:
        calls, _ = cases.run("twin", undisturbed)
        claimed = calls.index("storage.create") + 1

        def stopped(case: Case) -> None:
            sleeper = case.start(Fate(at=at, signal=signal.SIGSTOP))
            sleeper.wait_until_stopped()
            if later:
                case.next_hour()
            assert outcomes(case.start())[0] in ("done", "already-done")
            before = case.records()
            sent = executions(case)
            sleeper.wake()
            assert set(outcomes(sleeper)) <= {"in-progress", "done"}
            assert case.records() == before, "nothing was overwritten"
            assert executions(case) == sent, "nothing was sent"
            case.world.move_to_run(NOW + (later + 1) * HOUR)
            assert outcomes(case.start()) == ["done"]
            check_books(case)

        for at in range(claimed + 1, len(calls) + 1):
            cases.run(f"{at}-{calls[at - 1]}", stopped)
