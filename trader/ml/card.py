"""What is known about a model: the card that is stored beside it and decides whether it may be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadConfig

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model's provenance. `first` and `last` are the open times of the oldest and newest kline it has seen.

    The newest label needs the close of `last`, so the model may decide on `last` and later and is in-sample before.
    `feature_low` and `feature_high` are the ranges of the training rows; `model_sha256` is over the UBJSON file.
    """

    schema: int = SCHEMA
    model_id: str
    symbol: str
    interval: str
    features: tuple[str, ...]
    params: Mapping[str, float]
    rounds: int
    seed: int
    first: datetime
    last: datetime
    rows: int
    label_rate: float
    feature_low: tuple[float, ...]
    feature_high: tuple[float, ...]
    klines_digest: str
    model_sha256: str
    created_at: datetime
    versions: Mapping[str, str]

    def check_fits(self, *, symbol: str, interval: str) -> None:
        """Raise BadConfig when the model is for another symbol or interval."""
        if (self.symbol, self.interval) != (symbol, interval):
            raise BadConfig(
                f"model {self.model_id} is for {self.symbol} {self.interval}, not {symbol} {interval};"
                " choose one of its own"
            )

    def is_in_sample(self, first_decision: datetime) -> bool:
        """Tell whether the model has seen the close that the first decision is about, or a later one."""
        return self.last > first_decision
