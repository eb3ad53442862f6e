"""What a model says to rows it has not seen: the yardstick for its predictions once it decides.

On its own training rows a model is surer than it will ever be again. So its recipe is fitted anew to the sample without
one of four stretches, which that fit then predicts: probabilities for every row from a model that has not seen it, a
year of them, where waiting for the model's own first weeks would take a month and give a twelfth. They are those of
sisters fitted to three quarters of the rows. That sees the future of most rows, which a trading result must not and a
distribution may.
"""

from itertools import pairwise

import numpy as np

from trader.core.klines import FloatArray
from trader.ml.classifier import Classifier
from trader.ml.recipe import Recipe
from trader.ml.training import fit_rows

STRETCHES = 4


def unseen_probabilities(
    features: FloatArray, *, labels: FloatArray, moves: FloatArray, recipe: Recipe, interval: str
) -> FloatArray:
    """Return p(up) of each row from fits that have not seen it, nor a row whose label overlaps with its own.

    Raises BadData when a fit is not possible.
    """
    count = len(labels)
    edges = np.linspace(0, count, STRETCHES + 1).astype(np.int64)
    found = np.empty(count)
    for begin, end in pairwise(edges.tolist()):
        others = np.ones(count, dtype=np.bool_)
        others[max(0, begin - recipe.horizon) : end + recipe.horizon] = False
        members = []
        for member in recipe.members():
            chosen = others.copy()
            chosen[: max(0, count - member.rows(interval))] = False
            chosen = chosen if chosen.sum() >= count // (2 * STRETCHES) else others
            members.append(fit_rows(features[chosen], labels=labels[chosen], moves=moves[chosen], recipe=member))
        found[begin:end] = Classifier.mean_of(members).probabilities(features[begin:end])
    return found
