"""Results come in the order of the tasks, and no more tasks are under way than the workers need."""

import threading

import pytest

from tests import works
from trader.core.errors import BadData
from trader.ml.pool import ThreadPool, in_order


@pytest.fixture
def pool():
    pool = ThreadPool(100, workers=3)
    yield pool
    pool.close()
    pool.close()


@pytest.mark.parametrize("count", [0, 1, 2, 6, 7, 50])
def test_every_task_is_answered_once_in_order(pool, count):
    assert list(in_order(pool, works.add, range(count))) == [100 + number for number in range(count)]


def test_an_error_of_a_task_is_raised_at_its_turn(pool):
    results = in_order(pool, lambda data, task: works.refuse(data, task) if task == 2 else task, range(9))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(BadData, match="2 of 100 is no good"):
        next(results)


def test_whoever_stops_listening_leaves_at_most_two_tasks_a_worker_begun():
    begun = []
    lock = threading.Lock()

    def count(data, task):
        with lock:
            begun.append(task)
        return task

    pool = ThreadPool(None, workers=2)
    results = in_order(pool, count, range(100))
    assert next(results) == 0
    results.close()
    pool.close()
    assert len(begun) <= 4


def test_a_closed_pool_takes_nothing(pool):
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit(works.add, 1)
