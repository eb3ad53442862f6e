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
    """A fitted model: p(up) from a row of features; that of several members is the mean of theirs."""

    def __init__(self, *boosters: xgb.Booster) -> None:
        self.boosters = boosters

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Return p(up) for each row of (rows, columns).

        A row with NaN or an infinity is answered too, without a word: the caller leaves it out.
        """
        rows = np.ascontiguousarray(features)
        total = np.zeros(len(rows))
        for booster in self.boosters:  # one after the other: the order of a sum is part of its result
            total += booster.inplace_predict(rows, validate_features=False)
        return total / len(self.boosters)

    def to_bytes(self) -> bytes:
        """Return the model as UBJSON, the members one after the other."""
        return b"".join(self._members())

    def sizes(self) -> tuple[int, ...]:
        """Return how many bytes each member has in `to_bytes`."""
        return tuple(map(len, self._members()))

    def gains(self) -> FloatArray:
        """Return the share of the loss reduction that each column brought, summing to 1 (all 0 without any split)."""
        found = np.zeros(len(self.features))
        for booster in self.boosters:
            gain = booster.get_score(importance_type="total_gain")
            found += np.array([gain.get(name, 0.0) for name in self.features], dtype=np.float64)
        return found / found.sum() if found.sum() else found

    @property
    def features(self) -> tuple[str, ...]:
        """The columns in the order that `probabilities` takes them; empty when the members do not agree."""
        names = {tuple(booster.feature_names or ()) for booster in self.boosters}
        return names.pop() if len(names) == 1 else ()

    def _members(self) -> list[bytes]:
        return [bytes(booster.save_raw(raw_format="ubj")) for booster in self.boosters]

    @classmethod
    def mean_of(cls, members: Sequence["Classifier"]) -> "Classifier":
        """Return the classifier that answers with the mean of several."""
        return cls(*(booster for member in members for booster in member.boosters))


def fit(
    *,
    features: FloatArray,
    labels: FloatArray,
    names: Sequence[str],
    params: Mapping[str, float],
    rounds: int,
    seed: int,
    weights: FloatArray | None = None,
    max_bin: int = 256,
) -> Classifier:
    """Return a classifier fitted to features and 0/1 labels; the same input gives the same model, bit for bit.

    To XGBoost NaN is a missing value and an infinity an error of its own; indicators after their warm-up have neither.
    It wants a depth of 3, not of 3.0, as which a parameter comes back from a card. Raises BadData for parameters that
    it does not take.
    """
    settings = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "max_bin": max_bin, "seed": seed}
    settings |= {name: int(value) if value == int(value) else value for name, value in params.items()}
    # The matrix takes its number of threads for its data alone: without the context it wakes up one for each core,
    # which then wait for each other when the machine is busy.
    with xgb.config_context(nthread=1):
        try:
            matrix = xgb.QuantileDMatrix(
                features, label=labels, weight=weights, feature_names=list(names), nthread=1, max_bin=max_bin
            )
            return Classifier(xgb.train(settings, matrix, num_boost_round=rounds))
        except xgb.core.XGBoostError as error:
            raise BadData(f"no model can be fitted with {dict(params)}: {str(error).splitlines()[0]}") from error


def from_bytes(data: bytes, *, sha256: str, name: str, sizes: Sequence[int] = ()) -> Classifier:
    """Return the classifier saved as UBJSON. Raises BadData, naming `name`, when it is not the file of that SHA-256.

    `sizes` are those of its members, one that is the whole when there are none. The checksum comes first because
    XGBoost's reader ends the whole process on some damaged files, or never returns.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadData(f"{name} is not the file its card describes; restore it or train again")
    boosters, start = [], 0
    for size in sizes or (len(data),):
        boosters.append(_booster(data[start : start + size], name=name))
        start += size
    return Classifier(*boosters)


def _booster(data: bytes, *, name: str) -> xgb.Booster:
    booster = xgb.Booster(params={"nthread": 1})
    try:
        booster.load_model(bytearray(data))
    except (xgb.core.XGBoostError, ValueError) as error:
        raise BadData(f"{name} is not a readable model; restore it or train a new one") from error
    return booster
