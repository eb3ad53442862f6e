"""The classifier answers the same for the same input, alone or in a batch, before and after it is saved."""

import hashlib

import numpy as np
import pytest
import xgboost as xgb

from trader.core.errors import BadData
from trader.ml.classifier import fit, from_bytes

NAMES = ("a", "b", "c")
PARAMS = {"max_depth": 3, "learning_rate": 0.3, "subsample": 0.7, "colsample_bytree": 0.7}
RNG = np.random.default_rng(4)
FEATURES = RNG.normal(size=(600, 3)).round(6)
LABELS = (FEATURES[:, 0] + RNG.normal(size=600) > 0).astype(float)


def fitted(**changes):
    arguments = {"features": FEATURES, "labels": LABELS, "names": NAMES, "params": PARAMS, "rounds": 20, "seed": 1}
    return fit(**{**arguments, **changes})


@pytest.fixture(scope="module")
def classifier():
    return fitted()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_it_learns_what_there_is_to_learn(classifier):
    p_up = classifier.probabilities(FEATURES)
    assert (p_up.shape, p_up.dtype) == ((600,), np.float64)
    assert 0 < p_up.min() < 0.3
    assert 0.7 < p_up.max() < 1
    assert np.corrcoef(p_up, FEATURES[:, 0])[0, 1] > 0.5


def test_the_same_input_gives_the_same_model_bit_for_bit(classifier):
    assert fitted().to_bytes() == classifier.to_bytes()
    assert fitted(features=np.asfortranarray(FEATURES)).to_bytes() == classifier.to_bytes()


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"rounds": 21}, {"params": {**PARAMS, "max_depth": 4}}, {"labels": 1 - LABELS}]
)
def test_another_seed_recipe_or_label_gives_another_model(classifier, change):
    assert fitted(**change).to_bytes() != classifier.to_bytes()


def test_a_row_alone_is_answered_as_in_a_batch_bit_for_bit(classifier):
    batch = classifier.probabilities(FEATURES)
    alone = [classifier.probabilities(FEATURES[row : row + 1])[0] for row in range(len(FEATURES))]
    assert np.array(alone).tobytes() == batch.tobytes()
    assert classifier.probabilities(FEATURES[::-1])[::-1].tobytes() == batch.tobytes()
    assert classifier.probabilities(FEATURES[100:337]).tobytes() == batch[100:337].tobytes()


def test_no_rows_have_no_answers(classifier):
    assert classifier.probabilities(FEATURES[:0]).shape == (0,)


def test_columns_keep_their_names_and_order(classifier):
    assert classifier.features == NAMES
    data = classifier.to_bytes()
    assert from_bytes(data, sha256=sha256(data), name="x").features == NAMES


def test_a_saved_classifier_answers_the_same_bit_for_bit(classifier):
    data = classifier.to_bytes()
    read_back = from_bytes(data, sha256=sha256(data), name="x")
    assert read_back.probabilities(FEATURES).tobytes() == classifier.probabilities(FEATURES).tobytes()
    assert read_back.to_bytes() == data


def test_bytes_that_are_not_those_of_the_card_never_reach_the_reader(classifier):
    data = classifier.to_bytes()
    for damaged in (b"", data[:-1], data[: len(data) // 2], b"\0" + data):
        with pytest.raises(BadData, match="models/x is not the file its card describes"):
            from_bytes(damaged, sha256=sha256(data), name="models/x")


@pytest.mark.parametrize("data", [b"garbage", b"{}", b'{"a":1}', bytes(100)])
def test_a_file_that_never_was_a_model_is_refused(data):
    with pytest.raises(BadData, match="models/x is not a readable model; restore it or train a new one"):
        from_bytes(data, sha256=sha256(data), name="models/x")


def test_an_infinity_is_refused_in_training_and_answered_like_a_huge_number_afterwards(classifier):
    features = FEATURES.copy()
    features[0, 0] = np.inf
    with pytest.raises(BadData, match="inf"):
        fitted(features=features)
    rows = np.array([[np.inf, 0.0, 0.0], [1e30, 0.0, 0.0], [-np.inf, 0.0, 0.0], [-1e30, 0.0, 0.0]])
    up, as_up, down, as_down = classifier.probabilities(rows)
    assert (up, down) == (as_up, as_down)
    assert up > down


def test_another_number_of_columns_is_never_answered(classifier):
    for columns in (2, 4):
        with pytest.raises(xgb.core.XGBoostError, match="Number of columns"):
            classifier.probabilities(np.zeros((1, columns)))


def test_a_row_with_nan_is_answered_without_touching_its_neighbours(classifier):
    rows = FEATURES[:3].copy()
    rows[1] = np.nan
    answers = classifier.probabilities(rows)
    assert 0 < answers[1] < 1
    assert answers[[0, 2]].tobytes() == classifier.probabilities(FEATURES[[0, 2]]).tobytes()


def test_parameters_that_the_library_does_not_take_are_refused_in_words():
    with pytest.raises(BadData, match=r"no model can be fitted with \{'subsample': 7"):
        fitted(params={"subsample": 7.0})


def test_a_whole_parameter_may_come_back_from_a_card_as_a_float(classifier):
    assert fitted(params={**PARAMS, "max_depth": 3.0}).to_bytes() == classifier.to_bytes()
