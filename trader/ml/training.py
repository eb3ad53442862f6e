"""Training: a recipe fitted to klines, and the card that says what came of what."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trader.core.klines import FloatArray, Klines
from trader.ml.card import ModelCard
from trader.ml.classifier import Classifier, fit
from trader.ml.dataset import build_dataset, weights_of
from trader.ml.recipe import Recipe, Weighting


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModel:
    """A classifier with its card."""

    card: ModelCard
    classifier: Classifier


def train_model(
    klines: Klines, *, symbol: str, recipe: Recipe, now: datetime, versions: Mapping[str, str], study: str = ""
) -> TrainedModel:
    """Return a model fitted to the newest look-back of `klines`; its id depends on nothing but data and recipe.

    `study` names the search that the recipe comes from.

    Raises BadData when there are too few klines or only one class.
    """
    members, datasets = [], []
    for member in recipe.members():
        dataset = build_dataset(
            klines, names=recipe.features, rows=member.rows(klines.interval), horizon=recipe.horizon
        )
        members.append(fit_rows(dataset.features, labels=dataset.labels, moves=dataset.moves, recipe=member))
        datasets.append(dataset)
    classifier, dataset = Classifier.mean_of(members), datasets[0]
    sha256 = hashlib.sha256(classifier.to_bytes()).hexdigest()
    card = ModelCard(
        model_id=f"{dataset.last:%Y%m%dT%H%M}-{_digest(sha256, recipe)[:10]}",
        symbol=symbol,
        interval=klines.interval,
        features=recipe.features,
        params=dict(recipe.params),
        rounds=recipe.rounds,
        seed=recipe.seed,
        look_back_days=recipe.look_back_days,
        horizon=recipe.horizon,
        weighting=recipe.weighting,
        max_bin=recipe.max_bin,
        ensemble=recipe.ensemble,
        member_sizes=classifier.sizes(),
        decision=recipe.decision,
        study=study,
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


def fit_rows(features: FloatArray, *, labels: FloatArray, moves: FloatArray, recipe: Recipe) -> Classifier:
    """Return one model of a recipe fitted to usable rows; `moves` are the returns the labels are about."""
    return fit(
        features=np.ascontiguousarray(features),
        labels=labels,
        names=recipe.features,
        params=recipe.params,
        rounds=recipe.rounds,
        seed=recipe.seed,
        weights=weights_of(moves) if recipe.weighting is Weighting.MOVE else None,
        max_bin=recipe.max_bin,
    )


def _digest(sha256: str, recipe: Recipe) -> str:
    """Return what tells models apart: the trees, and the rule they trade by if it is their own."""
    if recipe.decision is None:
        return sha256
    return hashlib.sha256(f"{sha256} {recipe.decision}".encode()).hexdigest()
