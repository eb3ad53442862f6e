"""What is read of a record, from what the bot's own codec writes."""

from datetime import UTC, datetime, timedelta

import pytest

from scripts.deploy_aws import Refused
from scripts.deploy_journal import Journal, journals, parse
from tests.deploy.played import HOUR, NEW, OLD, loss, record, stopped_by_hand
from trader.core.decision import Reason
from trader.core.journal import Status

HOUR_17 = datetime(2026, 11, 21, 17, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 18, 1, 30, tzinfo=UTC)


class Bucket:
    """The two calls a journal makes, over a dictionary; what was listed and read is counted."""

    def __init__(self, **records) -> None:
        self.records = {f"bot/journal/BTCUSDT/1h/2026/11/{name}.json": data for name, data in records.items()}
        self.reads = 0

    def call(self, service, method, *, Bucket, Prefix):  # noqa: N803 - boto3's names
        assert (service, method, Bucket) == ("s3", "list_objects_v2", "b")
        return {"Contents": [{"Key": key} for key in self.records if key.startswith(Prefix)]}

    def read(self, bucket, key):
        self.reads += 1
        return self.records[key]


def of(bucket) -> Journal:
    [journal] = journals(bucket, url="s3://b/bot", symbols="BTCUSDT", interval="1h")
    return journal


def written(open_time=HOUR_17, *, commit=OLD, **more) -> bytes:
    return record(commit=commit, open_time=open_time, completed_at=open_time + HOUR, **more)


def test_a_completed_record_is_read():
    entry = parse(record(commit=NEW, open_time=HOUR_17, completed_at=NOW, reason=Reason.LONG), key="k")

    assert (entry.commit, entry.completed_at, entry.reason) == (NEW, NOW, "long-signal")
    assert (entry.is_missed, entry.halts) == (False, ())


def test_a_record_that_is_not_completed_has_no_time():
    entry = parse(record(commit=NEW, open_time=HOUR_17, completed_at=NOW, status=Status.DECIDED), key="k")

    assert entry.completed_at is None


@pytest.mark.parametrize("more", [{"reason": Reason.MISSED}, {"missed_from": HOUR_17 - HOUR}])
def test_an_hour_nobody_decided_is_missed(more):
    assert parse(written(**more), key="k").is_missed


def test_halts_are_read_with_their_dates():
    data = written(halt=loss(HOUR_17), control=stopped_by_hand(NOW))

    limit, operator = parse(data, key="k").halts
    assert (limit.at, limit.by_operator) == (HOUR_17, False)
    assert (operator.at, operator.by_operator) == (NOW, True)
    assert "holiday" in operator.why


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b'{"status": "completed"}', b'{"status": "claimed", "state": 3}']
)
def test_what_is_no_record_is_refused_by_name(data):
    with pytest.raises(Refused, match=r"bot/journal/x\.json is not a record"):
        parse(data, key="bot/journal/x.json")


def test_the_hours_since_then_and_the_last_one_before_are_looked_at_newest_first():
    names = ["21T1500", "21T1600", "21T1700"]
    bucket = Bucket(**{name: written() for name in names})

    found = of(bucket).entries(since=HOUR_17 + timedelta(minutes=20), until=NOW)

    assert [entry.key[-12:-5] for entry in found] == ["21T1700", "21T1600"]


def test_a_deployment_around_midnight_looks_at_both_days():
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    bucket = Bucket(**{"21T2200": written(), "21T2300": written(), "22T0000": written()})

    found = of(bucket).entries(since=midnight - timedelta(minutes=5), until=midnight + timedelta(minutes=65))

    assert [entry.key[-12:-5] for entry in found] == ["22T0000", "21T2300", "21T2200"]


def test_a_completed_record_is_read_once_and_another_one_again():
    bucket = Bucket(**{"21T1600": written(), "21T1700": written(status=Status.CLAIMED)})
    journal = of(bucket)

    for _ in range(3):
        list(journal.entries(since=HOUR_17, until=NOW))

    assert bucket.reads == 1 + 3


def test_a_limit_is_old_when_the_last_run_before_had_it():
    halt = loss(HOUR_17 - 2 * HOUR)
    bucket = Bucket(**{"21T1600": written(HOUR_17 - HOUR, halt=halt)})
    [found] = parse(written(commit=NEW, halt=halt), key="k").halts

    assert of(bucket).is_older(found, began=HOUR_17 + timedelta(minutes=20))


@pytest.mark.parametrize("earlier", [None, loss(HOUR_17 - 5 * HOUR)])
def test_a_limit_is_new_when_the_last_run_before_had_none_or_another(earlier):
    bucket = Bucket(**{"21T1600": written(HOUR_17 - HOUR, halt=earlier)})
    [found] = parse(written(commit=NEW, halt=loss(HOUR_17 - HOUR)), key="k").halts

    assert not of(bucket).is_older(found, began=HOUR_17 + timedelta(minutes=20))


@pytest.mark.parametrize(("hours", "is_older"), [(2, True), (1, True), (0, False)])
def test_without_any_earlier_run_the_limits_own_hour_counts(hours, is_older):
    [found] = parse(written(commit=NEW, halt=loss(HOUR_17 - hours * HOUR)), key="k").halts

    assert of(Bucket()).is_older(found, began=HOUR_17) is is_older


def test_every_symbol_has_a_journal_and_the_prefix_may_be_empty():
    both = journals(Bucket(), url="s3://b", symbols="BTCUSDT, ETHUSDT", interval="1h")

    assert [(each.symbol, each.bucket, each.prefix) for each in both] == [("BTCUSDT", "b", ""), ("ETHUSDT", "b", "")]


@pytest.mark.parametrize("url", ["/srv/trader", "s3://", ""])
def test_a_store_that_is_no_bucket_is_refused(url):
    with pytest.raises(Refused, match="not s3://BUCKET/PREFIX"):
        journals(Bucket(), url=url, symbols="BTCUSDT", interval="1h")
