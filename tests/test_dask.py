"""A Dask cluster of real processes: the same numbers as threads, whatever becomes of its workers."""

import gc
import shutil
import socket
import subprocess
import sys
import time
import warnings
from concurrent.futures import CancelledError

import pytest

from tests import works
from tests.clusters import ROOT, Cluster
from tests.ml.test_search import HISTORY as SEARCHED
from tests.ml.test_search import PLAN, searched
from tests.ml.test_walkforward import HISTORY, RECIPE
from trader.core.errors import BadConfig, BadData, Retryable
from trader.ml.pool import ThreadPool, in_order
from trader.ml.search import Budget, search
from trader.ml.walkforward import make_folds, walk_forward

cluster_module = pytest.importorskip("trader.adapters.pools.cluster", reason="requirements-dist.txt is not installed")
DaskPool = cluster_module.DaskPool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("dask"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
FOLDS = make_folds(start=1600, stop=2700, interval="1h")


@pytest.fixture(autouse=True, scope="module")
def loops_of_dask():
    """A client that found no scheduler leaves its event loop to the garbage collector, which must not blame others."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def opened():
    pools = []

    def open_(*args, **keywords):
        pools.append(DaskPool(*args, **keywords))
        return pools[-1]

    yield open_
    for pool in pools:
        pool.close()
        pool.close()


def copy_of_trader(folder, *, version):
    """Another version of the package, to be found before ours."""
    shutil.copytree(ROOT / "trader", folder / "trader", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "trader/__init__.py").open("a") as file:
        file.write(f"\n__version__ = {version!r}\n")
    return f"{folder}:{ROOT}"


def walked(pool):
    return walk_forward(HISTORY, recipe=RECIPE, folds=FOLDS, range_margin=1.0, pool=pool)


def test_two_workers_give_the_probabilities_of_threads(cluster, opened):
    for _ in range(2):
        cluster.start_worker()
    pool = opened(HISTORY, address=cluster.address)
    threads = ThreadPool(HISTORY, workers=2)
    found, expected = walked(pool), walked(threads)
    threads.close()
    assert found.p_up.tobytes() == expected.p_up.tobytes()
    assert found.outside.tolist() == expected.outside.tolist()


def test_two_workers_one_killed_in_the_middle_give_the_study_of_threads(cluster, opened):
    for _ in range(2):
        cluster.start_worker()
    pool = opened(SEARCHED, address=cluster.address)
    wait_for(lambda: pool.workers == 2)
    kept, steps = [], []

    def kill_one(step):
        steps.append((step.number, step.folds))
        if (step.number, step.folds) == (3, 3):
            cluster.kill(cluster.workers[0])

    budget = Budget(trials=8)
    found = search(
        SEARCHED, PLAN, budget=budget, pool=pool, monotonic=lambda: 0.0, on_trial=kept.append, on_fold=kill_one
    )
    assert found == searched()
    assert tuple(kept) == found.trials
    assert len(steps) == len(set(steps)) == sum(trial.folds for trial in found.trials)
    wait_for(lambda: pool.workers == 1)


def test_a_worker_killed_in_the_middle_loses_nothing_and_counts_nothing_twice(cluster, opened):
    for _ in range(2):
        cluster.start_worker()
    pool = opened(100, address=cluster.address)
    wait_for(lambda: pool.workers == 2)
    results = in_order(pool, works.slowly, range(60))
    first = [next(results) for _ in range(10)]
    cluster.kill(cluster.workers[0])
    assert first + list(results) == [100 + number for number in range(60)]
    wait_for(lambda: pool.workers == 1)


def test_data_lost_with_all_workers_are_sent_again_to_new_ones(cluster, opened):
    cluster.start_worker()
    pool = opened(100, address=cluster.address)
    results = in_order(pool, works.slowly, range(60))
    first = [next(results) for _ in range(10)]
    cluster.kill(cluster.workers[0])
    cluster.start_worker()
    assert first + list(results) == [100 + number for number in range(60)]


def test_an_error_of_the_work_comes_back_as_it_is(cluster, opened):
    cluster.start_worker()
    pool = opened(100, address=cluster.address)
    with pytest.raises(BadData, match="7 of 100 is no good"):
        pool.submit(works.refuse, 7).result()
    assert pool.submit(works.add, 7).result() == 107


def test_without_any_worker_it_ends_in_words_at_once_and_in_the_middle(cluster, opened):
    with pytest.raises(Retryable, match=r"no worker of the Dask cluster at tcp://127.0.0.1:\d+ answers for 1 s"):
        opened(100, address=cluster.address, patience=1.0)
    cluster.start_worker()
    pool = opened(100, address=cluster.address, patience=4.0)
    results = [pool.submit(works.pid, 60.0) for _ in range(5)]
    cluster.kill(cluster.workers[0])
    began = time.monotonic()
    for result in results:
        with pytest.raises(Retryable, match="answers for 4 s"):
            result.result(30)
    assert time.monotonic() - began < 15  # not 4 s for each of them


def test_a_lost_scheduler_ends_in_words(cluster, opened):
    cluster.start_worker()
    pool = opened(100, address=cluster.address)
    results = in_order(pool, works.slowly, range(400))
    next(results)
    cluster.kill(cluster.scheduler)
    with pytest.raises(Retryable, match=r"scheduler at .* was lost"):
        list(results)


def test_closing_cancels_what_is_under_way_and_leaves_the_cluster_to_others(cluster, opened):
    cluster.start_worker()
    pool = opened(100, address=cluster.address)
    waiting = [pool.submit(works.pid, 1.0) for _ in range(3)]
    pool.close()
    for each in waiting:
        with pytest.raises(CancelledError):
            each.result(5)
    assert opened(7, address=cluster.address).submit(works.add, 1).result() == 8


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_an_address_that_does_not_answer_ends_in_words_within_ten_seconds(kind):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        if kind == "closed":
            server.close()
        began = time.monotonic()
        with pytest.raises(Retryable, match=f"no Dask scheduler answers at {address}"):
            DaskPool(1, address=address)
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:9", "tls://127.0.0.1:9"])
def test_an_address_that_cannot_be_used_is_a_setting_to_change(address):
    with pytest.raises(BadConfig, match=r"train\.dask_address"):
        DaskPool(1, address=address)


def test_an_address_that_cannot_be_used_leaves_nothing_behind_that_is_noisy_or_slow_to_end():
    code = f"from trader.adapters.pools.cluster import DaskPool; DaskPool(1, address={'tls://127.0.0.1:9'!r})"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("trader.core.errors.BadConfig")
    assert time.monotonic() - began < 10


def test_a_worker_with_other_code_is_refused_at_once(cluster, tmp_path):
    cluster.start_worker(PYTHONPATH=copy_of_trader(tmp_path / "old", version="0.0.1"))
    with pytest.raises(BadConfig, match=r"trader 0\.0\.1 instead of .*same image"):
        DaskPool(1, address=cluster.address)


def test_a_worker_with_other_code_that_joins_later_is_refused_too(cluster, opened, tmp_path):
    cluster.start_worker()
    pool = opened(100, address=cluster.address)
    cluster.start_worker(PYTHONPATH=copy_of_trader(tmp_path / "old", version="0.0.1"))
    wait_for(lambda: pool.workers == 2)
    with pytest.raises(BadConfig, match=r"joined later has trader 0\.0\.1"):
        list(in_order(pool, works.slowly, range(100)))


def test_a_worker_without_our_code_is_refused(cluster, tmp_path):
    (tmp_path / "empty/trader").mkdir(parents=True)
    (tmp_path / "empty/trader/__init__.py").touch()
    cluster.start_worker(PYTHONPATH=str(tmp_path / "empty"))
    with pytest.raises(BadConfig, match="cannot import trader"):
        DaskPool(1, address=cluster.address)


def wait_for(holds):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
