"""Which workers the settings choose, and that Dask is not paid for by who does not use it."""

import subprocess
import sys

import pytest

from tests import works
from trader.bootstrap import open_pool
from trader.config import load_settings
from trader.core.errors import BadConfig


@pytest.mark.parametrize(("workers", "least"), [(3, 3), (0, 1)])
def test_threads_are_the_default_as_many_as_were_asked_for_or_as_there_are_cores(monkeypatch, workers, least):
    monkeypatch.setenv("TRADER__TRAIN__WORKERS", str(workers))
    pool = open_pool(load_settings(), 100)
    assert type(pool).__name__ == "ThreadPool"
    assert pool.workers >= least
    assert pool.workers == 3 or workers == 0
    assert pool.submit(works.add, 1).result() == 101
    pool.close()


def test_processes_are_opened_by_name(monkeypatch):
    monkeypatch.setenv("TRADER__TRAIN__EXECUTOR", "processes")
    pool = open_pool(load_settings(), 100)  # none is started before the first task
    assert type(pool).__name__ == "ProcessPool"
    pool.close()


def test_dask_needs_an_address(monkeypatch):
    monkeypatch.setenv("TRADER__TRAIN__EXECUTOR", "dask")
    with pytest.raises(BadConfig, match="TRADER__TRAIN__DASK_ADDRESS"):
        open_pool(load_settings(), 100)


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setenv("TRADER__TRAIN__EXECUTOR", "dask")
    monkeypatch.setenv("TRADER__TRAIN__DASK_ADDRESS", "tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "trader.adapters.pools.cluster", raising=False)
    with pytest.raises(BadConfig, match=r"distributed.*requirements-dist\.txt"):
        open_pool(load_settings(), 100)


def test_an_unknown_executor_is_refused(monkeypatch):
    monkeypatch.setenv("TRADER__TRAIN__EXECUTOR", "ray")
    with pytest.raises(BadConfig, match="TRADER__TRAIN__EXECUTOR"):
        load_settings()


@pytest.mark.slow
def test_nobody_pays_for_dask_who_does_not_choose_it():
    code = (
        "import sys; from trader.bootstrap import open_pool; from trader.config import load_settings;"
        "open_pool(load_settings(), 1).close(); print({'dask', 'distributed', 'multiprocessing'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
