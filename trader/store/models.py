"""The model store: immutable models with their cards, and the pointer to the champion.

models/BTCUSDT/1h/<model id>/model.ubj      the trees, as UBJSON (never a pickle)
models/BTCUSDT/1h/<model id>/card.json      written last, so a model without a card is not one
models/BTCUSDT/1h/champion.json             which one decides, moved by compare-and-swap
"""

import re
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadConfig, BadData, Conflict
from trader.ml.card import SCHEMA, ModelCard
from trader.ml.classifier import from_bytes
from trader.ml.training import TrainedModel
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

_MODEL_ID = re.compile(r"[0-9]{8}T[0-9]{4}-[0-9a-f]{10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The pointer: which model decides, since when and why; with a copy of its card, to save a run one request."""

    schema: int = SCHEMA
    model_id: str
    since: datetime
    why: str
    card: ModelCard | None = None


class ModelStore:
    """The models of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._symbol = symbol
        self._interval = interval
        self._prefix = f"models/{symbol}/{interval}/"
        self._loaded: TrainedModel | None = None

    def save(self, model: TrainedModel) -> None:
        """Write a model once; saving the same model again changes nothing."""
        folder = f"{self._prefix}{model.card.model_id}/"
        data = model.classifier.to_bytes()
        try:
            self._storage.create(f"{folder}model.ubj", data)
        except Conflict:
            self._storage.put(f"{folder}model.ubj", data)  # the id is the hash of these bytes: at worst this mends them
        try:
            self._storage.create(f"{folder}card.json", to_json(model.card))
        except Conflict:
            self.load(model.card.model_id)

    def load(self, model_id: str) -> TrainedModel:
        """Return a model. Raises BadConfig when there is none of this id, BadData when its files are damaged."""
        if not _MODEL_ID.fullmatch(model_id):
            raise BadConfig(f"{model_id!r} is not a model id (they look like 20220101T0000-0123456789)")
        if self._loaded is None or self._loaded.card.model_id != model_id:  # a stored model never changes
            self._loaded = self._read(self._card(model_id))
        return self._loaded

    def load_champion(self) -> TrainedModel | None:
        """Return the model that decides, None when none was promoted yet. Raises as `load` does."""
        champion = self.champion()
        if champion is None:
            return None
        if champion.card is None or champion.card.model_id != champion.model_id:
            return self.load(champion.model_id)
        if self._loaded is None or self._loaded.card.model_id != champion.model_id:
            self._loaded = self._read(champion.card)
        return self._loaded

    def _card(self, model_id: str) -> ModelCard:
        folder = f"{self._prefix}{model_id}/"
        stored = self._storage.get(f"{folder}card.json")
        if stored is None:
            known = ", ".join(self.ids()) or "none yet; train one with `trader train`"
            raise BadConfig(f"there is no model {model_id} for {self._symbol} {self._interval}; stored: {known}")
        card = from_json(ModelCard, stored.data, key=f"{folder}card.json", schema=SCHEMA)
        if card.model_id != model_id:
            raise BadData(f"{folder}card.json is the card of model {card.model_id}; restore it or train again")
        return card

    def _read(self, card: ModelCard) -> TrainedModel:
        folder = f"{self._prefix}{card.model_id}/"
        card.check_fits(symbol=self._symbol, interval=self._interval)
        file = self._storage.get(f"{folder}model.ubj")
        if file is None:
            raise BadData(f"{folder}model.ubj is missing; restore it or train again")
        classifier = from_bytes(file.data, sha256=card.model_sha256, name=f"{folder}model.ubj")
        if classifier.features != card.features:
            raise BadData(f"{folder}model.ubj was trained on other columns than its card says; train again")
        return TrainedModel(card=card, classifier=classifier)

    def ids(self) -> list[str]:
        """Return the ids of all stored models, oldest first."""
        keys = self._storage.keys(self._prefix)
        return [key.split("/")[-2] for key in keys if key.endswith("/card.json")]

    def champion(self) -> Champion | None:
        """Return the pointer, None when no model was promoted yet."""
        stored = self._storage.get(f"{self._prefix}champion.json")
        if stored is None:
            return None
        return from_json(Champion, stored.data, key=f"{self._prefix}champion.json", schema=SCHEMA)

    def promote(self, model_id: str, *, now: datetime, why: str) -> None:
        """Point to a stored model. Raises Conflict when somebody else moved the pointer at the same time.

        Raises BadConfig or BadData, as `load` does, for a model that could not decide.
        """
        card = self.load(model_id).card
        key = f"{self._prefix}champion.json"
        data = to_json(Champion(model_id=model_id, since=now, why=why, card=card))
        stored = self._storage.get(key)
        if stored is None:
            self._storage.create(key, data)
        else:
            self._storage.replace(key, data, stored.etag)
