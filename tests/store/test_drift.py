"""The history of alarms: one that goes on is one, and ends with the first look that does not see it."""

from datetime import UTC, datetime, timedelta

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.core.errors import NewerSchema
from trader.ml.drift.report import DriftReport
from trader.store.drift import MOST, AlarmEpisode, DriftLog, DriftStore

DAY = timedelta(days=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def report(day, *alarms):
    return DriftReport(
        checked_at=FIRST + day * DAY, model_id="m", rows=1, window_days=30, false_alarms_per_year=0.5, alarms=alarms
    )


def stored(tmp_path):
    storage = LocalStorage(tmp_path, durable=False)
    return storage, DriftStore(storage, symbol="BTCUSDT", interval="1h")


def test_an_alarm_begins_goes_on_ends_and_begins_again(tmp_path):
    _, store = stored(tmp_path)
    for day, alarms in enumerate([("relation",), ("relation", "skew"), (), ("relation",)]):
        store.add(report(day, *alarms))
    found = store.log()
    assert found.newest == report(3, "relation")
    assert found.episodes == (
        AlarmEpisode(name="relation", model_id="m", began=FIRST, ended=FIRST + 2 * DAY),
        AlarmEpisode(name="skew", model_id="m", began=FIRST + DAY, ended=FIRST + 2 * DAY),
        AlarmEpisode(name="relation", model_id="m", began=FIRST + 3 * DAY),
    )
    assert found.new_alarms(report(4, "relation", "skew")) == ("skew",)


def test_the_oldest_of_very_many_alarms_are_forgotten():
    log = DriftLog()
    for day in range(MOST + 5):
        log = log.after(report(day, f"alarm {day}"))
    assert len(log.episodes) == MOST
    assert log.episodes[0].name == "alarm 5"


def test_what_a_newer_version_wrote_is_not_overwritten(tmp_path):
    storage, store = stored(tmp_path)
    storage.put("drift/BTCUSDT/1h.json", b'{"schema": 99}')
    with pytest.raises(NewerSchema):
        store.add(report(0))
    assert storage.get("drift/BTCUSDT/1h.json").data == b'{"schema": 99}'
