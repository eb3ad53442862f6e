"""A task lost with its worker is handed in again, a bounded number of times, and answered once."""

from concurrent.futures import CancelledError, Future

import pytest

from trader.adapters.pools.resubmission import RETRIES, Resubmission
from trader.core.errors import BadData, Retryable

PATIENCE = 5.0


class Lost(Exception):
    pass


class GivenUp(Exception):
    pass


class Scripted:
    """Attempts that end as the test says, one after the other."""

    def __init__(self, *ends):
        self.ends = list(ends)
        self.attempts = []

    def __call__(self, work, task):
        attempt = Future()
        self.attempts.append(attempt)
        if self.ends:
            end = self.ends.pop(0)
            if isinstance(end, Exception):
                attempt.set_exception(end)
            elif end == "cancelled":
                attempt.cancel()
            else:
                attempt.set_result(work(end, task))
        return attempt


def over(send):
    return Resubmission(send, lost=(Lost,), given_up=(GivenUp,), advice="do something")


def joined(data, task):
    return f"{data} {task}"


def test_an_answer_comes_through():
    send = Scripted("data")
    assert over(send).submit(joined, "task").result(PATIENCE) == "data task"
    assert len(send.attempts) == 1


@pytest.mark.parametrize("end", [Lost(), "cancelled"])
def test_a_lost_task_is_handed_in_again_until_it_is_answered(end):
    send = Scripted(*([end] * RETRIES), "data")
    assert over(send).submit(joined, "task").result(PATIENCE) == "data task"
    assert len(send.attempts) == 1 + RETRIES


def test_a_task_that_is_lost_every_time_ends_in_words():
    send = Scripted(*([Lost()] * 9))
    with pytest.raises(Retryable, match=r"again and again.*do something") as caught:
        over(send).submit(joined, "task").result(PATIENCE)
    assert len(send.attempts) == 1 + RETRIES
    assert isinstance(caught.value.__cause__, Lost)


def test_what_the_executor_has_given_up_is_not_tried_again():
    send = Scripted(GivenUp(), "data")
    with pytest.raises(Retryable, match="do something"):
        over(send).submit(joined, "task").result(PATIENCE)
    assert len(send.attempts) == 1


def test_an_error_of_the_work_is_no_loss():
    send = Scripted(BadData("one class"), "data")
    with pytest.raises(BadData, match="one class"):
        over(send).submit(joined, "task").result(PATIENCE)
    assert len(send.attempts) == 1


def test_an_error_of_handing_in_belongs_to_the_task():
    def send(work, task):
        raise Retryable("nobody there")

    with pytest.raises(Retryable, match="nobody there"):
        over(send).submit(joined, "task").result(PATIENCE)


def test_cancelling_the_promise_cancels_the_attempt_and_starts_no_other():
    send = Scripted()
    promise = over(send).submit(joined, "task")
    assert promise.cancel()
    assert send.attempts[0].cancelled()
    assert len(send.attempts) == 1


def test_closing_cancels_what_is_under_way_and_takes_nothing_more():
    send = Scripted()
    tasks = over(send)
    promises = [tasks.submit(joined, number) for number in range(3)]
    tasks.close()
    tasks.close()
    for promise in promises:
        with pytest.raises(CancelledError):
            promise.result(PATIENCE)
    assert len(send.attempts) == 3
    with pytest.raises(RuntimeError, match="closed"):
        tasks.submit(joined, "task")


def test_failing_ends_what_is_under_way_and_what_comes_later_with_the_error():
    send = Scripted()
    tasks = over(send)
    promise = tasks.submit(joined, "task")
    tasks.fail(Retryable("the cluster is gone"))
    for each in (promise, tasks.submit(joined, "later")):
        with pytest.raises(Retryable, match="the cluster is gone"):
            each.result(PATIENCE)
    assert len(send.attempts) == 1
