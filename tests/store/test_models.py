"""Models are immutable files beside a card; the head of the registry says which one decides."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.builders import HOUR, START, random_klines
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.indicators import compute_indicators, feature_names
from trader.core.lifecycle import State
from trader.core.training import TrainingOutcome
from trader.ml.recipe import Recipe
from trader.ml.training import train_model
from trader.store.codec import to_json
from trader.store.head import Word
from trader.store.models import ModelStore

KLINES = random_klines(1400, seed=5)
RECIPE = Recipe(
    features=feature_names("ten"), look_back_days=10, rounds=8, params={"max_depth": 3, "learning_rate": 0.3}, seed=1
)
FOLDER = "models/BTCUSDT/1h"
NOW = Word(at=START, who="me", why="so")


@pytest.fixture(scope="module")
def model():
    return train_model(KLINES, symbol="BTCUSDT", recipe=RECIPE, now=START, versions={"trader": "1"})


@pytest.fixture(scope="module")
def other():
    return train_model(KLINES[:-1], symbol="BTCUSDT", recipe=RECIPE, now=START, versions={})


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def store(storage):
    return ModelStore(storage, symbol="BTCUSDT", interval="1h")


def fresh(storage):
    """A store in another process: nothing is remembered."""
    return ModelStore(storage, symbol="BTCUSDT", interval="1h")


def change_card(storage, model, **changes):
    key = f"{FOLDER}/{model.card.model_id}/card.json"
    storage.put(key, json.dumps({**json.loads(storage.get(key).data), **changes}).encode())


def test_a_loaded_model_has_the_same_card_and_predicts_the_same_bit_for_bit(store, storage, model):
    store.save(model)
    loaded = fresh(storage).load(model.card.model_id)
    rows = compute_indicators(KLINES, RECIPE.features)[100:]
    assert loaded.card == model.card
    assert loaded.classifier.to_bytes() == model.classifier.to_bytes()
    assert loaded.classifier.probabilities(rows).tobytes() == model.classifier.probabilities(rows).tobytes()
    assert len(np.unique(loaded.classifier.probabilities(rows))) > 10


def test_a_model_lies_in_two_files_below_its_id(store, storage, model):
    store.save(model, who="anna", why="for a test")
    folder = f"{FOLDER}/{model.card.model_id}"
    assert storage.keys("") == [f"{folder}/card.json", f"{folder}/model.ubj", f"{FOLDER}/log/00000001.json"]
    assert store.ids() == [model.card.model_id]
    (event,) = store.registry.events()
    assert (event.model_id, event.at, event.from_state, event.to_state, event.who, event.why) == (
        *(model.card.model_id, START, None, State.TRAINED),
        *("anna", "for a test"),
    )


def test_saving_twice_changes_nothing_and_keeps_the_first_card(store, storage, model):
    store.save(model)
    before = {key: storage.get(key) for key in storage.keys("")}
    fresh(storage).save(replace(model, card=replace(model.card, created_at=START + HOUR)))
    assert {key: storage.get(key) for key in storage.keys("")} == before


def test_a_model_without_a_card_is_not_one(store, storage, model):
    storage.put(f"{FOLDER}/{model.card.model_id}/model.ubj", model.classifier.to_bytes())
    assert store.ids() == []
    with pytest.raises(BadConfig, match=f"there is no model {model.card.model_id} for BTCUSDT 1h; stored: none yet"):
        store.load(model.card.model_id)


def test_saving_again_mends_trees_that_were_left_damaged_without_a_card(store, storage, model):
    storage.put(f"{FOLDER}/{model.card.model_id}/model.ubj", b"half")
    store.save(model)
    assert fresh(storage).load(model.card.model_id).card == model.card


def test_a_model_that_is_not_there_is_told_with_those_that_are(store, model):
    store.save(model)
    with pytest.raises(BadConfig, match=f"there is no model 20200101T0000-0123456789 .*stored: {model.card.model_id}"):
        store.load("20200101T0000-0123456789")


@pytest.mark.parametrize(
    "model_id",
    ["", "../../../etc/passwd", "champion.json", "20220101T0000-0123456789\n", "20220101T0000-0123456789/.."],
)
def test_what_is_no_model_id_never_becomes_a_key(store, model_id):
    with pytest.raises(BadConfig, match="is not a model id"):
        store.load(model_id)


def test_trees_that_are_not_those_of_the_card_are_never_read(store, storage, model):
    store.save(model)
    key = f"{FOLDER}/{model.card.model_id}/model.ubj"
    data = storage.get(key).data
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for damaged in (bytes(flipped), data[:-1], b"", data + b"\0"):
        storage.put(key, damaged)
        with pytest.raises(BadData, match=f"{key} is not the file its card describes"):
            fresh(storage).load(model.card.model_id)
    storage.delete(key)
    with pytest.raises(BadData, match=f"{key} is missing"):
        fresh(storage).load(model.card.model_id)


def test_a_truncated_card_and_a_newer_one_are_named(store, storage, model):
    store.save(model)
    key = f"{FOLDER}/{model.card.model_id}/card.json"
    data = storage.get(key).data
    storage.put(key, data[:100])
    with pytest.raises(BadData, match=f"{key} is not complete JSON"):
        fresh(storage).load(model.card.model_id)
    storage.put(key, data.replace(b'"schema":2', b'"schema":9'))
    with pytest.raises(BadData, match=f"{key} has schema 9"):
        fresh(storage).load(model.card.model_id)


@pytest.mark.parametrize("change", [{"symbol": "ETHUSDT"}, {"interval": "4h"}])
def test_a_model_of_another_symbol_or_interval_is_refused(store, storage, model, change):
    store.save(model)
    change_card(storage, model, **change)
    with pytest.raises(BadConfig, match=r"is for (ETHUSDT 1h|BTCUSDT 4h), not BTCUSDT 1h; choose one of its own"):
        fresh(storage).load(model.card.model_id)


def test_a_card_copied_into_another_folder_is_refused(store, storage, model):
    store.save(model)
    other = "20200101T0000-0123456789"
    for name in ("card.json", "model.ubj"):
        storage.put(f"{FOLDER}/{other}/{name}", storage.get(f"{FOLDER}/{model.card.model_id}/{name}").data)
    with pytest.raises(BadData, match=f"is the card of model {model.card.model_id}"):
        store.load(other)


def test_a_card_with_other_columns_than_the_trees_is_refused(store, storage, model):
    store.save(model)
    change_card(storage, model, features=list(reversed(model.card.features)))
    with pytest.raises(BadData, match="was trained on other columns than its card says"):
        fresh(storage).load(model.card.model_id)


def test_ids_are_in_the_order_of_time(store, storage, model):
    ids = ["20230101T0000-0000000000", "20220101T0000-ffffffffff", "20220101T0100-0000000000"]
    for model_id in ids:
        storage.put(f"{FOLDER}/{model_id}/card.json", to_json(replace(model.card, model_id=model_id)))
    for other in ("backup/card.json", f"{ids[0]}/old/card.json", "log/card.json"):
        storage.put(f"{FOLDER}/{other}", b"{}")
    assert store.ids() == sorted(ids)


def test_there_is_no_champion_before_one_is_promoted(store):
    assert store.champion() is None


def test_the_champion_is_the_last_one_promoted(store, model, other):
    for saved in (other, model):
        store.save(saved)
    store.promote(other.card.model_id, now=START, why="the first")
    assert store.champion().model_id == other.card.model_id
    store.promote(model.card.model_id, now=START + HOUR, why="better")
    found = store.champion()
    assert (found.model_id, found.since, found.why) == (model.card.model_id, START + HOUR, "better")
    assert store.ids() == sorted([other.card.model_id, model.card.model_id])


def test_a_model_that_could_not_decide_is_never_promoted(store, storage, model):
    store.save(model)
    store.promote(model.card.model_id, now=START, why="good")
    for model_id in ("20200101T0000-0123456789", "../champion"):
        with pytest.raises(BadConfig):
            store.promote(model_id, now=START, why="bad")
    storage.put(f"{FOLDER}/{model.card.model_id}/model.ubj", b"damaged")
    with pytest.raises(BadData):
        fresh(storage).promote(model.card.model_id, now=START, why="bad")
    assert store.champion().why == "good"


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_promotions_at_once_one_conflicts_and_changes_nothing(store, storage, model, other, is_first):
    third = train_model(KLINES[:-2], symbol="BTCUSDT", recipe=RECIPE, now=START, versions={})
    for saved in (model, other, third):
        store.save(saved)
    if not is_first:
        store.promote(model.card.model_id, now=START, why="before")

    class Overtaken(LocalStorage):
        def get(self, key):
            found = super().get(key)
            if key.endswith("champion.json"):
                fresh(storage).promote(other.card.model_id, now=START, why="theirs")
            return found

    late = ModelStore(Overtaken(storage._root, durable=False), symbol="BTCUSDT", interval="1h")
    with pytest.raises(Conflict):
        late.promote(third.card.model_id, now=START, why="mine")
    assert store.champion().why == "theirs"


def test_an_unreadable_pointer_is_never_taken_for_no_champion(store, storage):
    storage.put(f"{FOLDER}/champion.json", b"")
    for attempt in (store.champion, store.load_champion, store.standing):
        with pytest.raises(BadData, match=f"{FOLDER}/champion.json .* remove it, and say who decides"):
            attempt()


def test_a_lost_pointer_is_not_taken_for_no_champion_where_the_log_knows_of_one(store, storage, model):
    store.save(model)
    store.promote(model.card.model_id, now=START, why="good")
    storage.delete(f"{FOLDER}/champion.json")
    for attempt in (fresh(storage).standing, fresh(storage).load_champion):
        with pytest.raises(BadData, match=f"is gone, but the log of the models names {model.card.model_id}"):
            attempt()
    fresh(storage).promote(model.card.model_id, now=START, why="a person says so")
    assert fresh(storage).load_champion().card == model.card


def test_a_first_promotion_by_another_process_meanwhile_is_seen(store, storage, model):
    class Slow(LocalStorage):
        """The first model is promoted after its reader has looked for the head in vain."""

        def keys(self, prefix):
            if store.champion() is None:
                store.promote(model.card.model_id, now=START, why="the first model")
            return super().keys(prefix)

    store.save(model)
    assert fresh(Slow(storage._root, durable=False)).load_champion().card == model.card


class Asked(LocalStorage):
    """A storage that notes what it was asked."""

    def __init__(self, root):
        super().__init__(root, durable=False)
        self.asked = []

    def get(self, key):
        self.asked.append(key)
        return super().get(key)

    def keys(self, prefix):
        self.asked.append(f"list {prefix}")
        return super().keys(prefix)


def test_a_run_learns_who_decides_and_of_the_newest_training_in_two_requests(store, storage, model):
    store.save(model)
    store.promote(model.card.model_id, now=START, why="good")
    noted = store.registry.note_training("", outcome=TrainingOutcome.FAILED, word=Word(at=START, who="", why=""))
    asked = Asked(storage._root)
    standing = fresh(asked).standing()
    assert asked.asked == [f"{FOLDER}/champion.json", f"{FOLDER}/{model.card.model_id}/model.ubj"]
    assert standing.model.card == model.card
    assert standing.finished == noted
    assert standing.stored == store.registry.read()


def test_a_training_may_finish_before_anything_is_promoted(store):
    assert (store.standing().model, store.standing().finished) == (None, None)
    noted = store.registry.note_training("", outcome=TrainingOutcome.FAILED, word=Word(at=START, who="", why=""))
    standing = store.standing()
    assert (standing.model, standing.finished) == (None, noted)
    assert store.champion() is None
    assert store.load_champion() is None


def test_rejected_models_lose_their_trees_and_keep_their_cards(store, storage, model, other):
    for saved in (model, other):
        store.save(saved)
        store.registry.note_training(saved.card.model_id, outcome=TrainingOutcome.REJECTED, word=NOW)
    assert store.remove_rejected(keep=2, word=NOW) == ()
    assert store.remove_rejected(keep=1, word=NOW) == (model.card.model_id,)
    gone = fresh(storage)
    assert gone.card(model.card.model_id) == model.card
    assert gone.ids() == sorted([model.card.model_id, other.card.model_id])
    with pytest.raises(BadData, match=f"{model.card.model_id}/model.ubj is missing; restore it or train again"):
        gone.load(model.card.model_id)
    assert gone.load(other.card.model_id).card == other.card


def test_a_model_that_ever_decided_keeps_its_trees_whatever_becomes_of_it(store, storage, model, other):
    for saved in (model, other):
        store.save(saved)
        store.promote(saved.card.model_id, now=START, why="")
    store.registry.nominate(model.card.model_id, word=NOW)
    store.registry.note_training(model.card.model_id, outcome=TrainingOutcome.REJECTED, word=NOW)
    assert store.registry.states()[model.card.model_id] is State.REJECTED
    assert store.remove_rejected(keep=0, word=NOW) == ()
    assert fresh(storage).load(model.card.model_id).card == model.card


def test_trees_that_a_killed_process_left_are_deleted_by_the_next(store, storage, model):
    store.save(model)
    store.registry.note_training(model.card.model_id, outcome=TrainingOutcome.REJECTED, word=NOW)
    store.registry.remove(keep=0, word=NOW)
    assert store.remove_rejected(keep=0, word=NOW) == (model.card.model_id,)
    assert storage.get(f"{FOLDER}/{model.card.model_id}/model.ubj") is None


def test_a_removed_model_that_is_trained_again_may_decide(store, storage, model):
    store.save(model)
    store.registry.note_training(model.card.model_id, outcome=TrainingOutcome.REJECTED, word=NOW)
    store.load(model.card.model_id)
    fresh(storage).remove_rejected(keep=0, word=NOW)
    with pytest.raises(BadConfig, match="is removed and cannot become challenger"):
        store.promote(model.card.model_id, now=START, why="still remembered in this process")
    again = fresh(storage)
    again.save(model)
    again.promote(model.card.model_id, now=START, why="good after all")
    assert fresh(storage).load_champion().card == model.card
