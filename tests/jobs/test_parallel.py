import threading

import pytest

from trader.core.errors import BadData, Retryable
from trader.jobs.parallel import Parallel


class Steps:
    """A progress that counts."""

    def __init__(self):
        self.stretches = []
        self.open = 0

    def start(self, what, total):
        self.open += 1
        self.stretches.append([what, total, 0])

    def step(self, count=1):
        self.stretches[-1][2] += count

    def finish(self):
        self.open -= 1


def test_results_come_by_item_and_in_the_items_order():
    steps = Steps()
    with Parallel(steps, threads=3) as parallel:
        assert list(parallel.each("squares", [3, 1, 2], lambda number: number**2).items()) == [(3, 9), (1, 1), (2, 4)]
    assert steps.stretches == [["squares", 3, 3]]
    assert steps.open == 0


def test_work_really_runs_side_by_side():
    barrier = threading.Barrier(4, timeout=5)
    with Parallel(Steps(), threads=4) as parallel:
        assert len(parallel.each("meeting", range(4), lambda _: barrier.wait())) == 4


def test_nothing_to_do_shows_no_progress():
    steps = Steps()
    with Parallel(steps, threads=1) as parallel:
        assert parallel.each("nothing", [], str) == {}
    assert steps.stretches == []


def test_a_damaged_item_stops_nothing_but_itself():
    def work(number):
        if number % 2:
            raise BadData(f"file {number} is damaged")
        return number

    steps = Steps()
    with Parallel(steps, threads=2) as parallel:
        assert parallel.each("files", range(4), work) == {0: 0, 2: 2}
        with pytest.raises(BadData, match="2 files are damaged, the others are stored: file 1 is damaged; file 3"):
            parallel.raise_damaged()
    assert steps.stretches == [["files", 4, 4]]


def test_one_damaged_item_is_raised_as_it_is():
    def work(number):
        raise BadData("the only one")

    with Parallel(Steps(), threads=2) as parallel:
        assert parallel.each("files", [1], work) == {}
        with pytest.raises(BadData, match=r"^the only one$"):
            parallel.raise_damaged()


def test_without_damage_nothing_is_raised():
    with Parallel(Steps(), threads=2) as parallel:
        assert parallel.each("files", [1], str) == {1: "1"}
        parallel.raise_damaged()
        assert parallel.damaged == []


def test_any_other_error_cancels_what_has_not_begun():
    begun, released = [], threading.Event()

    def work(number):
        begun.append(number)
        if number == 0:
            raise Retryable("the network is gone")
        released.wait(10)

    steps = Steps()
    with Parallel(steps, threads=1) as parallel:
        with pytest.raises(Retryable):
            parallel.each("files", range(1000), work)
        released.set()
    assert begun == [0]
    assert steps.open == 0


def test_threads_that_wait_for_what_does_not_answer_wait_for_it_once():
    begun, barrier = [], threading.Barrier(4, timeout=5)

    def work(number):
        begun.append(number)
        barrier.wait()
        raise Retryable("no answer")

    with Parallel(Steps(), threads=4) as parallel, pytest.raises(Retryable, match="no answer"):
        parallel.each("files", range(1000), work)
    assert len(begun) == 4
