"""Lost, late, cut and failed answers: what is tried again, and how a write finds out whether it happened."""

import socket
import time
import uuid

import pytest

from tests.s3_server import Fault, FaultyProxy
from trader.adapters.s3_storage import storage as storage_module
from trader.core.errors import Conflict, Retryable

pytestmark = pytest.mark.slow

LOST = Fault(name="lost")
EXECUTED_AND_LOST = Fault(name="executed, then lost", reaches=True)
INTERNAL = Fault(name="500", status=500, code="InternalError")
EXECUTED_AND_FAILED = Fault(name="executed, then 500", reaches=True, status=500, code="InternalError")
SLOW_DOWN = Fault(name="slow down", status=503, code="SlowDown")
BARE_GATEWAY = Fault(name="gateway", status=502, body=b"<html>Bad Gateway</html>")
REQUEST_TIMEOUT = Fault(name="request timeout", status=400, code="RequestTimeout")
TOO_MANY = Fault(name="too many", status=429, code="TooManyRequests")
ABORTED = Fault(name="aborted", status=409, code="OperationAborted")
CUT = Fault(name="cut", reaches=True, keep_bytes=1)
PASSING = [
    LOST,
    EXECUTED_AND_LOST,
    INTERNAL,
    EXECUTED_AND_FAILED,
    SLOW_DOWN,
    BARE_GATEWAY,
    REQUEST_TIMEOUT,
    TOO_MANY,
    ABORTED,
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_what_passes_is_tried_again_by_every_method(faulty, proxy, pauses, fault):
    def spoilt(action):
        proxy.script = [fault, fault, fault]
        pauses.clear()
        done = action()
        assert (len(pauses), proxy.script) == (3, [])
        return done

    etag = spoilt(lambda: faulty.create("a", b"1"))
    assert spoilt(lambda: faulty.get("a")) == faulty.get("a")
    assert faulty.get("a").etag == etag
    etag = spoilt(lambda: faulty.replace("a", b"2", etag))
    assert (faulty.get("a").data, faulty.get("a").etag) == (b"2", etag)
    etag = spoilt(lambda: faulty.put("a", b"3"))
    assert (faulty.get("a").data, faulty.get("a").etag) == (b"3", etag)
    assert spoilt(lambda: faulty.keys("")) == ["a"]
    assert spoilt(lambda: faulty.get("b")) is None
    assert spoilt(lambda: faulty.delete("a")) is None
    assert faulty.get("a") is None


@pytest.mark.parametrize("fault", [*PASSING, CUT], ids=str)
def test_what_does_not_pass_is_given_up_after_four_tries(faulty, proxy, pauses, fault):
    faulty.put("a", b"before")
    for action in (lambda: faulty.get("a"), lambda: faulty.keys("")):
        proxy.script, pauses[:], proxy.seen[:] = [fault] * 9, [], []
        with pytest.raises(Retryable, match=r"storage s3://test-.*(gave no answer|cannot serve this now)"):
            action()
        assert (len(proxy.seen), len(pauses)) == (4, 3)


def test_the_pauses_grow_scatter_and_stay_below_six_seconds(faulty, proxy, pauses):
    rounds = []
    for _ in range(3):
        proxy.script, pauses[:] = [SLOW_DOWN] * 4, []
        with pytest.raises(Retryable):
            faulty.get("a")
        rounds.append(tuple(pauses))
    assert all(first < second < third for first, second, third in rounds)
    assert all(sum(waits) < 6 for waits in rounds)
    assert len(set(rounds)) == 3


def test_no_try_begins_when_patience_is_over(faulty, proxy, pauses, monkeypatch):
    monkeypatch.setattr(storage_module, "_PATIENCE_SECONDS", 0.0)
    proxy.script = [SLOW_DOWN]
    with pytest.raises(Retryable):
        faulty.get("a")
    assert (len(proxy.seen), pauses) == (1, [])


def test_half_an_answer_is_neither_an_object_nor_a_list(faulty, proxy):
    faulty.put("a", b"whole")
    proxy.script = [CUT]
    assert faulty.get("a").data == b"whole"
    proxy.script = [Fault(reaches=True, keep_bytes=150)]
    assert faulty.keys("") == ["a"]
    assert len(proxy.seen) == 5


def test_a_silent_server_is_given_up_in_time_and_tried_again(proxy, opened):
    storage = opened(timeout_seconds=1.0)
    storage.put("a", b"1")
    proxy.script = [Fault(reaches=True, seconds=10.0)]
    begun = time.monotonic()
    assert storage.get("a").data == b"1"
    assert time.monotonic() - begun < 8
    assert storage.requests["get"] == 2


@pytest.mark.parametrize("fault", [EXECUTED_AND_LOST, EXECUTED_AND_FAILED], ids=str)
def test_a_write_that_meets_its_own_first_try_has_succeeded(faulty, proxy, fault):
    proxy.script = [fault]
    etag = faulty.create("a", b"mine")
    assert [request.split()[0] for request in proxy.seen] == ["PUT", "PUT", "GET"]
    proxy.script = [fault]
    assert faulty.replace("a", b"mine, too", etag) == faulty.get("a").etag
    assert faulty.get("a").data == b"mine, too"


@pytest.mark.parametrize("fault", [EXECUTED_AND_LOST, LOST, SLOW_DOWN], ids=str)
def test_a_stranger_who_wrote_between_two_tries_wins(aws, proxy, opened, monkeypatch, fault):
    prefix = f"race/{uuid.uuid4().hex}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.endpoint)
    stranger = opened(prefix)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
    ours = opened(prefix, sleep=lambda _: stranger.put("a", b"theirs"))
    proxy.script = [fault]
    with pytest.raises(Conflict, match=r"race/.*/a was written already"):
        ours.create("a", b"mine")
    etag = stranger.put("a", b"before")
    proxy.script = [fault]
    with pytest.raises(Conflict, match=r"race/.*/a was changed or removed"):
        ours.replace("a", b"mine", etag)
    assert ours.get("a").data == b"theirs"


def test_a_stranger_who_removed_it_between_two_tries_wins(aws, proxy, opened):
    ours = opened(sleep=lambda _: ours.delete("a"))
    etag = ours.create("a", b"before")
    proxy.script = [EXECUTED_AND_LOST]
    with pytest.raises(Conflict):
        ours.replace("a", b"mine", etag)
    assert ours.get("a") is None


def test_equal_bytes_are_a_conflict_unless_an_answer_was_lost(faulty, proxy):
    faulty.create("a", b"same")
    for script in ([], [REQUEST_TIMEOUT]):
        proxy.script = list(script)
        with pytest.raises(Conflict):
            faulty.create("a", b"same")


def test_a_definite_refusal_after_a_lost_answer_does_not_make_it_certain(faulty, proxy):
    proxy.script = [EXECUTED_AND_LOST, REQUEST_TIMEOUT]
    assert faulty.create("a", b"mine") == faulty.get("a").etag


def test_equal_bytes_are_a_conflict_when_the_first_try_reached_nobody(aws, opened, monkeypatch):
    prefix = f"refused/{uuid.uuid4().hex}"
    opened(prefix).put("a", b"same")
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    listening = []

    def listen(_):
        closed.close()
        listening.append(FaultyProxy(aws.endpoint, port=port))

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    storage = opened(prefix, sleep=listen)
    with pytest.raises(Conflict):
        storage.create("a", b"same")
    listening[0].close()
    assert (len(listening), dict(storage.requests)) == (1, {"put": 2})


def test_a_lost_write_whose_reading_fails_stays_unknown(faulty, proxy):
    proxy.script = [EXECUTED_AND_LOST, None, *[INTERNAL] * 4]
    with pytest.raises(Retryable, match="cannot serve this now"):
        faulty.create("a", b"mine")
    assert faulty.get("a").data == b"mine"


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed"), (412, "")]
)
def test_both_refusals_of_a_conditional_write_are_conflicts_and_final(faulty, proxy, status, code):
    etag = faulty.put("a", b"1")
    for action in (lambda: faulty.create("b", b""), lambda: faulty.replace("a", b"", etag)):
        proxy.script = [Fault(status=status, code=code)]
        faulty.requests.clear()
        with pytest.raises(Conflict):
            action()
        assert dict(faulty.requests) == {"put": 1}
