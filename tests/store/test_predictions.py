"""Predictions are kept once, under the day and the id, and come back as they were given."""

from datetime import UTC, datetime

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.core.decision import Reason
from trader.core.errors import BadData, Conflict
from trader.store.predictions import KeptPrediction, Prediction, Subject, keep_prediction, read_predictions

AT = datetime(2026, 11, 20, 23, 59, 59, 123456, tzinfo=UTC)


def kept(prediction_id="20261120T235959-0a", **changes) -> KeptPrediction:
    values = {
        "subject": Subject.LATEST,
        "bot_id": "bot",
        "mode": "demo",
        "symbol": "BTCUSDT",
        "interval": "1h",
        "open_time": datetime(2026, 11, 20, 22, tzinfo=UTC),
        "is_decided": False,
        "model_id": "20261030T2300-36968fb464",
        "model_last": datetime(2026, 10, 30, 23, tzinfo=UTC),
        "p_up": 0.1 + 0.2,
        "exposure": -1.0,
        "reason": Reason.SHORT,
        "held": 0.0,
        "held_since": None,
        "features": {"rsi_7": 1 / 3},
    }
    prediction = Prediction(**{**values, **changes})
    return KeptPrediction(prediction_id=prediction_id, at=AT, versions={"trader": "test"}, prediction=prediction)


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


def test_a_prediction_comes_back_as_it_was_given_with_every_digit(storage):
    data = keep_prediction(storage, kept())
    assert storage.get("predictions/BTCUSDT/1h/2026-11-20/20261120T235959-0a.json").data == data
    assert read_predictions(storage, symbol="BTCUSDT", interval="1h", day="2026-11-20") == [kept()]
    assert read_predictions(storage, symbol="BTCUSDT", interval="1h", day="2026-11-21") == []


def test_no_prediction_takes_the_place_of_another(storage):
    keep_prediction(storage, kept())
    with pytest.raises(Conflict):
        keep_prediction(storage, kept(exposure=1.0))
    assert read_predictions(storage, symbol="BTCUSDT", interval="1h", day="2026-11-20") == [kept()]


def test_what_is_no_number_is_not_kept(storage):
    with pytest.raises(BadData, match="NaN"):
        keep_prediction(storage, kept(p_up=float("nan")))
    assert storage.keys("") == []


def test_a_damaged_prediction_is_named(storage):
    keep_prediction(storage, kept())
    storage.put("predictions/BTCUSDT/1h/2026-11-20/20261120T235959-0b.json", b"{")
    with pytest.raises(BadData, match=r"0b\.json"):
        read_predictions(storage, symbol="BTCUSDT", interval="1h", day="2026-11-20")
