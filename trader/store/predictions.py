"""Predictions that were given to somebody: one object each, written before the answer goes out, and never changed.

    predictions/BTCUSDT/1h/2026-11-20/20261120T160304-5f0c....json

They are for an audit. No run reads them, and nothing of them is in the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trader.core.decision import Reason
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

SCHEMA = 1


class Subject(StrEnum):
    """What a prediction is about."""

    LATEST = "latest"
    """the newest closed kline of the market"""
    ROW = "row"
    """features that somebody gave"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model says, and the exposure that the decision rule makes of it.

    `open_time` is the newest closed kline; `is_decided` says that a run has decided on it already. `held` is the paper
    book's exposure that the rule starts from, after the run of `held_since` (None before the first run). `p_up` is None
    where a run would not ask the model; `reason` says why. `klines`, `window_start`, `klines_digest` and `price` are
    about the window of a latest prediction, None for a given row, of which `assumed` says what had to be assumed.
    """

    subject: Subject
    bot_id: str
    mode: str
    symbol: str
    interval: str
    open_time: datetime
    is_decided: bool
    model_id: str
    model_last: datetime
    p_up: float | None
    exposure: float
    reason: Reason
    held: float
    held_since: datetime | None
    features: Mapping[str, float]
    volatility: float | None = None
    volume_ratio: float | None = None
    price: float | None = None
    klines: int | None = None
    window_start: datetime | None = None
    klines_digest: str | None = None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPrediction:
    """A prediction as it was given: its id, which no other one has, and when by this machine's clock."""

    schema: int = SCHEMA
    prediction_id: str
    at: datetime
    versions: Mapping[str, str]
    prediction: Prediction


def keep_prediction(storage: ObjectStorage, kept: KeptPrediction) -> bytes:
    """Write a prediction and return its bytes. Raises Conflict for an id that is taken, Retryable as storages do."""
    data = to_json(kept)
    storage.create(_key(kept), data)
    return data


def read_predictions(storage: ObjectStorage, *, symbol: str, interval: str, day: str) -> list[KeptPrediction]:
    """Return the predictions of one UTC day (2026-11-20), oldest first. Raises BadData when one is damaged."""
    keys = storage.keys(f"predictions/{symbol}/{interval}/{day}/")
    found = ((key, storage.get(key)) for key in keys)
    return [from_json(KeptPrediction, each.data, key=key, schema=SCHEMA) for key, each in found if each is not None]


def _key(kept: KeptPrediction) -> str:
    about = kept.prediction
    return f"predictions/{about.symbol}/{about.interval}/{kept.at:%Y-%m-%d}/{kept.prediction_id}.json"
