"""Bans and how long they last."""

import pytest

from trader.simulator.testnet.limits import WEIGHT_LIMIT, Limits, Throttled

MINUTE = 60_000


def refusal(limits, now_ms):
    with pytest.raises(Throttled) as refused:
        limits.use("me", 1, now_ms=now_ms)
    return refused.value.status, refused.value.retry_after


def spend_all(limits, now_ms):
    limits.use("me", WEIGHT_LIMIT, now_ms=now_ms)


def test_bans_last_longer_each_time_and_at_most_three_days():
    limits, now, lengths = Limits(), 0, []
    for _ in range(14):
        spend_all(limits, now)
        assert refusal(limits, now) == (429, 60)
        status, wait = refusal(limits, now)
        assert status == 418
        assert refusal(limits, now + 1000) == (418, wait - 1)
        lengths.append(wait)
        now = (now + wait * 1000) // MINUTE * MINUTE + MINUTE
    assert lengths[:3] == [120, 240, 480]
    assert lengths[-1] == max(lengths) == 3 * 86_400


def test_a_ban_ends():
    limits = Limits()
    spend_all(limits, 0)
    assert refusal(limits, 0)[0] == 429
    assert refusal(limits, 0)[0] == 418
    assert refusal(limits, 119_999) == (418, 1)
    assert limits.use("me", 1, now_ms=120_000) == 1


def test_retry_after_reaches_the_next_minute():
    limits = Limits()
    spend_all(limits, 30_500)
    assert refusal(limits, 30_500) == (429, 30)
    assert limits.use("me", 1, now_ms=MINUTE + 500) == 1
