"""Training: one fit with given parameters, and the card that says what it was made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trader.core.klines import Klines, interval_ms
from trader.ml.card import ModelCard
from trader.ml.classifier import Classifier, fit
from trader.ml.dataset import build_dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made: columns, days of klines, trees, their parameters, and the seed of the sampling."""

    features: tuple[str, ...]
    look_back_days: int
    rounds: int
    params: Mapping[str, float]
    seed: int

    def rows(self, interval: str) -> int:
        """Return how many klines the look-back holds."""
        return self.look_back_days * 86_400_000 // interval_ms(interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModel:
    """A classifier with its card."""

    card: ModelCard
    classifier: Classifier


def train_model(
    klines: Klines, *, symbol: str, recipe: Recipe, now: datetime, versions: Mapping[str, str]
) -> TrainedModel:
    """Return a model fitted to the newest look-back of `klines`; its id depends on nothing but data and recipe.

    Raises BadData when there are too few klines or only one class.
    """
    dataset = build_dataset(klines, names=recipe.features, rows=recipe.rows(klines.interval))
    classifier = fit(
        features=dataset.features,
        labels=dataset.labels,
        names=recipe.features,
        params=recipe.params,
        rounds=recipe.rounds,
        seed=recipe.seed,
    )
    sha256 = hashlib.sha256(classifier.to_bytes()).hexdigest()
    card = ModelCard(
        model_id=f"{dataset.last:%Y%m%dT%H%M}-{sha256[:10]}",
        symbol=symbol,
        interval=klines.interval,
        features=recipe.features,
        params=dict(recipe.params),
        rounds=recipe.rounds,
        seed=recipe.seed,
        first=dataset.first,
        last=dataset.last,
        rows=len(dataset.labels),
        label_rate=float(dataset.labels.mean()),
        feature_low=tuple(float(value) for value in dataset.features.min(axis=0)),
        feature_high=tuple(float(value) for value in dataset.features.max(axis=0)),
        klines_digest=dataset.klines_digest,
        model_sha256=sha256,
        created_at=now,
        versions=dict(versions),
    )
    return TrainedModel(card=card, classifier=classifier)
