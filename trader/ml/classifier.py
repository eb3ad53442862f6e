"""The classifier: gradient-boosted trees behind four functions. This is the only module that knows XGBoost.

One thread a fit: a few thousand rows are too few for more, and two processes with two threads each are slower than one.
Predictions do not depend on the number of threads or on how many rows are asked for at once.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import xgboost as xgb

from trader.core.errors import BadData
from trader.core.klines import FloatArray


class Classifier:
    """A fitted model: p(up) from a row of features."""

    def __init__(self, booster: xgb.Booster) -> None:
        self._booster = booster

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Return p(up) for each row of (rows, columns).

        A row with NaN or an infinity is answered too, without a word: the caller leaves it out.
        """
        predicted = self._booster.inplace_predict(np.ascontiguousarray(features), validate_features=False)
        return np.asarray(predicted, dtype=np.float64)

    def to_bytes(self) -> bytes:
        """Return the model as UBJSON."""
        return bytes(self._booster.save_raw(raw_format="ubj"))

    @property
    def features(self) -> tuple[str, ...]:
        """The columns in the order that `probabilities` takes them."""
        return tuple(self._booster.feature_names or ())


def fit(
    *,
    features: FloatArray,
    labels: FloatArray,
    names: Sequence[str],
    params: Mapping[str, float],
    rounds: int,
    seed: int,
) -> Classifier:
    """Return a classifier fitted to features and 0/1 labels; the same input gives the same model, bit for bit.

    To XGBoost NaN is a missing value and an infinity an error of its own; indicators after their warm-up have neither.
    """
    matrix = xgb.QuantileDMatrix(features, label=labels, feature_names=list(names), nthread=1)
    settings = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": seed, **params}
    return Classifier(xgb.train(settings, matrix, num_boost_round=rounds))


def from_bytes(data: bytes, *, sha256: str, name: str) -> Classifier:
    """Return the classifier saved as UBJSON. Raises BadData, naming `name`, when it is not the file of that SHA-256.

    The checksum comes first because XGBoost's reader ends the whole process on some damaged files, or never returns.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadData(f"{name} is not the file its card describes; restore it or train again")
    booster = xgb.Booster(params={"nthread": 1})
    try:
        booster.load_model(bytearray(data))
    except (xgb.core.XGBoostError, ValueError) as error:
        raise BadData(f"{name} is not a readable model; restore it or train a new one") from error
    return Classifier(booster)
