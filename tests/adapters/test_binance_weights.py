import gc
from types import SimpleNamespace

import pytest

from trader.adapters.binance.weights import LIMIT, HeldBack, Weights, retry_after, weights_of

MINUTE_1, MINUTE_2 = "Sat, 21 Nov 2026 08:17:01 GMT", "Sat, 21 Nov 2026 08:18:00 GMT"


class Watch:
    def __init__(self):
        self.passed, self.slept = 100.0, []

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.passed += seconds


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def weights(watch):
    return Weights(monotonic=watch.monotonic, sleep=watch.sleep)


def answer(used=None, *, status=200, date=MINUTE_1, wait=None):
    headers = {"Date": date}
    headers |= {} if used is None else {"X-MBX-USED-WEIGHT-1M": str(used)}
    headers |= {} if wait is None else {"Retry-After": wait}
    return SimpleNamespace(status_code=status, headers=headers)


def ask(weights, weight, response):
    weights.spend(weight)
    weights.heed(weight, response)


def test_the_servers_count_is_the_truth_and_holds_what_other_processes_use(weights):
    ask(weights, 2, answer(1500))
    assert weights.used == 1500


def test_requests_under_way_are_counted_until_their_answer(weights):
    weights.spend(20)
    weights.spend(4)
    assert weights.used == 24
    weights.heed(20, answer(20))
    assert weights.used == 24
    weights.heed(4, answer(24))
    assert weights.used == 24


def test_a_request_without_an_answer_counts_in_full(weights):
    ask(weights, 20, answer(100))
    ask(weights, 20, None)
    assert weights.used == 120


def test_answers_of_one_minute_may_come_in_any_order_and_a_new_minute_begins_anew(weights):
    ask(weights, 1, answer(500))
    ask(weights, 1, answer(480))
    assert weights.used == 500
    ask(weights, 1, answer(3, date=MINUTE_2))
    assert weights.used == 3


def test_reads_stay_below_nine_tenths_and_wait_for_the_next_minute(weights, watch):
    ask(weights, 2, answer(5390))
    weights.spend(10)
    assert watch.slept == []
    weights.spend(1)
    assert watch.slept == [60.0]


def test_only_the_rest_of_the_minute_is_waited_for(weights, watch):
    ask(weights, 2, answer(5400))
    watch.passed += 45
    weights.spend(1)
    assert watch.slept == [15.0]


def test_an_old_count_is_forgotten_after_a_minute(weights, watch):
    ask(weights, 2, answer(5900))
    watch.passed += 60
    weights.spend(100)
    assert watch.slept == []


def test_an_order_is_not_held_back_by_the_reads_share(weights, watch):
    ask(weights, 2, answer(5990))
    weights.spend(1, is_order=True)
    assert watch.slept == []


def test_what_stays_full_is_given_up_after_one_wait(weights, watch):
    ask(weights, 2, answer(5400))
    watch.sleep = lambda seconds: weights.heed(0, answer(5400, date=MINUTE_2))
    weights._sleep = watch.sleep
    with pytest.raises(HeldBack, match="90% of 6000"):
        weights.spend(1)
    assert weights.used == 5400


@pytest.mark.parametrize("status", [429, 418])
def test_after_a_limit_nothing_is_sent_until_the_pause_is_over(weights, watch, status):
    ask(weights, 2, answer(10, status=status, wait="30"))
    for is_order in (False, True):
        with pytest.raises(HeldBack, match="after 30 seconds"):
            weights.spend(1, is_order=is_order)
    watch.passed += 29.9
    with pytest.raises(HeldBack):
        weights.spend(1)
    watch.passed += 0.1
    weights.spend(1)
    assert watch.slept == []


def test_a_shorter_pause_does_not_shorten_a_longer_one(weights, watch):
    weights.spend(1)
    weights.spend(1)
    weights.heed(1, answer(status=418, wait="300"))
    weights.heed(1, answer(status=429, wait="1"))
    watch.passed += 200
    with pytest.raises(HeldBack, match="after 100 seconds"):
        weights.spend(1)


@pytest.mark.parametrize(("header", "seconds"), [("17", 17), ("0", 0), ("", 60), ("soon", 60), ("-5", 60), (None, 60)])
def test_a_pause_without_a_number_is_a_minute(header, seconds):
    assert retry_after({} if header is None else {"Retry-After": header}) == seconds


def test_the_limit_is_what_exchange_info_says(weights, watch):
    weights.learn([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200}])
    ask(weights, 2, answer(1079))
    weights.spend(1)
    assert watch.slept == []
    weights.spend(1)
    assert watch.slept


@pytest.mark.parametrize(
    "limits",
    [
        None,
        {},
        [],
        [{}],
        [{"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 5}],
        [{"rateLimitType": "REQUEST_WEIGHT", "interval": "SECOND", "intervalNum": 1, "limit": 5}],
        [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 0}],
        [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": "many"}],
    ],
)
def test_limits_that_are_not_this_one_change_nothing(weights, limits):
    weights.learn(limits)
    assert repr(weights) == f"Weights(0 of {LIMIT})"


def test_a_count_that_is_none_is_ignored(weights):
    ask(weights, 2, answer(7))
    ask(weights, 2, answer("many"))
    assert weights.used == 7


def test_everybody_at_one_address_has_the_same_count_and_it_goes_with_the_last_of_them():
    one = weights_of("https://a.example")
    assert weights_of("https://a.example") is one
    assert weights_of("https://b.example") is not one
    one.spend(5)
    del one
    gc.collect()
    assert weights_of("https://a.example").used == 0
