"""Worker processes: the same numbers as threads, whatever becomes of a worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import works
from tests.ml.test_search import HISTORY as SEARCHED
from tests.ml.test_search import PLAN, searched
from tests.ml.test_walkforward import HISTORY, RECIPE
from trader.adapters.pools.processes import ProcessPool
from trader.core.errors import BadData, Retryable
from trader.ml.pool import ThreadPool, in_order
from trader.ml.search import Budget, search
from trader.ml.walkforward import make_folds, walk_forward

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture
def pool():
    pool = ProcessPool(100, workers=2)
    yield pool
    pool.close()
    pool.close()


def test_processes_give_the_probabilities_of_threads():
    folds = make_folds(start=1600, stop=2700, interval="1h")
    found = []
    for pool in (ThreadPool(HISTORY, workers=2), ProcessPool(HISTORY, workers=2)):
        found.append(walk_forward(HISTORY, recipe=RECIPE, folds=folds, range_margin=1.0, pool=pool))
        pool.close()
    assert found[0].p_up.tobytes() == found[1].p_up.tobytes()
    assert found[0].outside.tolist() == found[1].outside.tolist()


def test_processes_give_the_study_of_threads_though_a_worker_is_killed_in_the_middle():
    pool = ProcessPool(SEARCHED, workers=2)
    victim = pool.submit(works.pid, 0.0).result()

    def kill_one(step):
        if (step.number, step.folds) == (3, 3):
            os.kill(victim, signal.SIGKILL)

    found = search(SEARCHED, PLAN, budget=Budget(trials=8), pool=pool, monotonic=lambda: 0.0, on_fold=kill_one)
    pool.close()
    assert found == searched()


def test_an_error_of_the_work_comes_back_as_it_is(pool):
    with pytest.raises(BadData, match="7 of 100 is no good"):
        pool.submit(works.refuse, 7).result()
    assert pool.submit(works.add, 7).result() == 107


def test_what_a_killed_worker_was_at_is_done_by_another(pool):
    victim = pool.submit(works.pid, 0.0).result()
    results = in_order(pool, works.slowly, range(40))
    first = [next(results) for _ in range(5)]
    os.kill(victim, signal.SIGKILL)
    assert first + list(results) == [100 + number for number in range(40)]


def test_a_task_that_kills_its_worker_once_is_answered(pool, tmp_path):
    assert pool.submit(works.die_once, (str(tmp_path / "mark"), 5)).result() == 105


def test_a_task_that_kills_every_worker_ends_in_words_and_the_pool_goes_on():
    pool = ProcessPool(100, workers=1)
    with pytest.raises(Retryable, match=r"again and again.*train.workers"):
        pool.submit(works.die, 1).result()
    assert pool.submit(works.add, 1).result() == 101
    pool.close()


PARENT = """
import sys
from tests import works
from trader.adapters.pools.processes import ProcessPool
if __name__ == "__main__":
    pool = ProcessPool(None, workers=2)
    pids = {pool.submit(works.pid, 0.3).result()}
    while len(pids) < 2:
        pids |= {future.result() for future in [pool.submit(works.pid, 0.3) for _ in range(2)]}
    print(*pids, flush=True)
    waiting = pool.submit(works.pid, 1.0)  # the other worker is idle
    try:
        waiting.result()
    finally:
        pool.close()
"""


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_do_not_outlive_their_parent(tmp_path, blow):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    if blow is signal.SIGINT:
        os.killpg(parent.pid, blow)  # as a terminal does it
    else:
        parent.send_signal(blow)
    said = parent.communicate(timeout=20)[1]
    assert parent.returncode != 0
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert said.count("Traceback") <= 1, said
