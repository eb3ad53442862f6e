"""A training whose process gets a signal: SIGKILL around every write, SIGTERM and Ctrl-C in the middle.

The run was committed before. What must hold: its record stays as it is, the champion can be loaded, registry and log
agree after the next training, and that comes as soon as the lease is silent (at once where it was given back).
"""

import multiprocessing
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, make_desk, move_to_run, small_rules, with_model
from tests.jobs.test_run import run_hours
from tests.mortal import _PRELOAD, WRITES, Calls, Fate
from trader.cli import _terminate
from trader.core.policy import Timing
from trader.jobs.bot import Desk
from trader.jobs.fit_again import fit_again
from trader.jobs.retrain import Retrained, RetrainLimits, retrain_if_due
from trader.store.klines import KlineStore
from trader.store.training import TrainingLeases

pytestmark = pytest.mark.slow

KLINES = random_klines(1500, seed=5)
RULES = small_rules(retrain={"threshold": 1e9, "min_runs": 1, "window": 24, "cooldown_hours": 1000})
LIMITS = RetrainLimits(
    timing=Timing.AFTER_ORDER, max_per_day=99, min_seconds=1, lease=timedelta(seconds=0.3), has_deadline=False
)
DUE = FIRST + HOUR


def desk_on(folder, *, owner="next"):
    desk = make_desk(folder, KLINES, rules=RULES, owner=owner)
    move_to_run(desk, DUE)
    return desk


def die(folder, report, fate):
    """Train what is due, with every write to the storage counted; signs of life, which depend on time, are none."""
    calls = Calls(fate)
    bot = desk_on(folder, owner="victim").bot
    storage = calls.watch(bot.storage, WRITES, what="storage")
    desk = Desk(bot=replace(bot, storage=storage, klines=KlineStore(storage)), symbol="BTCUSDT")
    limits = replace(LIMITS, lease=timedelta(hours=1))
    found = retrain_if_due(desk, desk.journal.read(DUE).record, train=fit_again, limits=limits)
    Path(report).write_text(f"{found.outcome} {len(calls.made)}")


def hang(folder, report):
    """Begin a training that does not end, as a command does."""

    def train(desk, **_):
        Path(report).write_text("begun")
        time.sleep(60)

    signal.signal(signal.SIGTERM, _terminate)
    with suppress(KeyboardInterrupt):  # as the command line's library does
        desk = desk_on(folder, owner="victim")
        retrain_if_due(desk, desk.journal.read(DUE).record, train=train, limits=LIMITS)
        os._exit(1)
    raise SystemExit(130)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A store whose newest run left a training due."""
    folder = tmp_path_factory.mktemp("killed") / "store"
    record = run_hours(with_model(desk_on(folder)), 2)[-1]
    assert record.state.paper.due_since == DUE
    return folder


def begin(work, *arguments):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    process = context.Process(target=work, args=arguments)
    process.start()
    return process


def check_after(folder, *, waited):
    """The next process trains what is due unless that was over, and the run after it sees that it is over."""
    desk = desk_on(folder)
    record = desk.journal.read(DUE).record
    assert desk.models.load_champion() is not None
    began = time.monotonic()
    found = retrain_if_due(desk, record, train=fit_again, limits=LIMITS)
    assert found.outcome in (Retrained.FINISHED, Retrained.NOT_DUE), found
    assert (time.monotonic() - began >= LIMITS.lease.total_seconds()) == waited
    head = desk.models.registry.head()
    assert head.finished is not None
    assert desk.models.registry.states()[head.model_id] == "champion"
    (after,) = run_hours(desk, 1, first=DUE + HOUR)
    assert after.inputs.trained == head.finished
    assert after.inputs.model_id == head.model_id
    assert after.state.paper.due_since is None
    assert desk.journal.read(DUE).record == record
    return found.outcome


def test_killed_before_and_after_every_write_of_a_training(lived, tmp_path):
    shutil.copytree(lived, tmp_path / "twin")
    twin = begin(die, tmp_path / "twin", tmp_path / "twin.txt", Fate())
    twin.join(60)
    outcome, count = (tmp_path / "twin.txt").read_text().split()
    assert (outcome, int(count) >= 7) == ("finished", True), "lease, trees, card, log, head, log, lease"
    outcomes = []
    for at in range(1, int(count) + 1):
        for after in (False, True):
            folder = tmp_path / f"{at}-{after}"
            shutil.copytree(lived, folder)
            victim = begin(die, folder, tmp_path / "never.txt", Fate(at=at, after=after))
            victim.join(60)
            assert victim.exitcode == -signal.SIGKILL
            is_held = TrainingLeases(desk_on(folder).bot.storage, symbol="BTCUSDT", interval="1h").read().lease.owner
            outcomes.append(check_after(folder, waited=is_held == "victim"))
            shutil.rmtree(folder)
    assert outcomes[0] is Retrained.FINISHED, "killed at the beginning nothing was done"
    assert outcomes[-1] is Retrained.NOT_DUE, "killed at the end all was done"
    assert outcomes == sorted(outcomes), "there is one moment from which on it is over"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_told_to_stop_it_gives_the_lease_back_and_the_next_one_trains_at_once(lived, tmp_path, number, code):
    shutil.copytree(lived, tmp_path / "store")
    victim = begin(hang, tmp_path / "store", tmp_path / "begun.txt")
    until = time.monotonic() + 60
    while not (tmp_path / "begun.txt").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(victim.pid, number)
    victim.join(60)
    assert victim.exitcode == code
    assert check_after(tmp_path / "store", waited=False) is Retrained.FINISHED
