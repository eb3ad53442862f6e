"""The model store: immutable models with their cards. Which one decides is the registry's business.

models/BTCUSDT/1h/<model id>/model.ubj      the trees, as UBJSON (never a pickle)
models/BTCUSDT/1h/<model id>/card.json      written last, so a model without a card is not one
"""

import re
from dataclasses import dataclass
from datetime import datetime

from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.lifecycle import State
from trader.core.training import FinishedTraining
from trader.ml.card import SCHEMA, ModelCard
from trader.ml.classifier import from_bytes
from trader.ml.training import TrainedModel
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json
from trader.store.head import Head, StoredHead, Word
from trader.store.registry import Registry

_MODEL_ID = re.compile(r"[0-9]{8}T[0-9]{4}-[0-9a-f]{10}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """The head of the registry, None when there is none yet, and the model that decides, None when none was promoted.

    `stored.head.finished` is the newest training; `stored` is what a training that began now has to beat.
    """

    stored: StoredHead | None
    model: TrainedModel | None

    @property
    def finished(self) -> FinishedTraining | None:
        """The newest training that has finished, None when none has."""
        return self.stored.head.finished if self.stored else None


class ModelStore:
    """The models of one symbol and interval, and their registry."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._symbol = symbol
        self._interval = interval
        self._prefix = f"models/{symbol}/{interval}/"
        self._loaded: TrainedModel | None = None
        self._cards: dict[str, ModelCard] = {}
        self.registry = Registry(storage, symbol=symbol, interval=interval)

    def save(self, model: TrainedModel, *, who: str = "", why: str = "") -> None:
        """Write a model once, and into the log that it was; saving the same model again changes nothing."""
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
        self.registry.trained(model.card.model_id, word=Word(at=model.card.created_at, who=who, why=why))

    def load(self, model_id: str) -> TrainedModel:
        """Return a model. Raises BadConfig when there is none of this id, BadData when its files are damaged."""
        if self._loaded is None or self._loaded.card.model_id != model_id:  # a stored model never changes
            self._loaded = self._read(self.card(model_id))
        return self._loaded

    def standing(self) -> Standing:
        """Return the head and the model that decides, for the requests of the model.

        Raises as `load` does, and BadData when the head is gone: then the log knows of a champion.
        """
        stored = self.registry.read() or self._head_after_all()
        if stored is None or stored.head.model_id is None:
            return Standing(stored=stored, model=None)
        model_id, card = stored.head.model_id, stored.head.card
        if card is None or card.model_id != model_id:
            return Standing(stored=stored, model=self.load(model_id))
        self._cards[model_id] = card
        if self._loaded is None or self._loaded.card.model_id != model_id:
            self._loaded = self._read(card)
        return Standing(stored=stored, model=self._loaded)

    def _head_after_all(self) -> StoredHead | None:
        """Return the head that another process has written just now, None before the first promotion.

        Raises BadData when there was a champion and the head is gone: no new model takes its place unasked.
        """
        champions = [event.model_id for event in self.registry.events() if event.to_state is State.CHAMPION]
        stored = self.registry.read() if champions else None
        if champions and stored is None:
            raise BadData(
                f"{self._prefix}champion.json is gone, but the log of the models names {champions[-1]}; restore it, or"
                " say who decides with `trader models promote`"
            )
        return stored

    def load_champion(self) -> TrainedModel | None:
        """Return the model that decides, None when none was promoted yet. Raises as `load` does."""
        return self.standing().model

    def card(self, model_id: str) -> ModelCard:
        """Return a model's card, which stays when its trees are removed. Raises BadConfig or BadData as `load` does."""
        if not _MODEL_ID.fullmatch(model_id):
            raise BadConfig(f"{model_id!r} is not a model id (they look like 20220101T0000-0123456789)")
        if model_id in self._cards:  # a stored card never changes
            return self._cards[model_id]
        folder = f"{self._prefix}{model_id}/"
        stored = self._storage.get(f"{folder}card.json")
        if stored is None:
            known = ", ".join(self.ids()) or "none yet; train one with `trader train`"
            raise BadConfig(f"there is no model {model_id} for {self._symbol} {self._interval}; stored: {known}")
        card = from_json(ModelCard, stored.data, key=f"{folder}card.json", schema=SCHEMA)
        if card.model_id != model_id:
            raise BadData(f"{folder}card.json is the card of model {card.model_id}; restore it or train again")
        self._cards[model_id] = card
        return card

    def _read(self, card: ModelCard) -> TrainedModel:
        folder = f"{self._prefix}{card.model_id}/"
        card.check_fits(symbol=self._symbol, interval=self._interval)
        file = self._storage.get(f"{folder}model.ubj")
        if file is None:
            raise BadData(f"{folder}model.ubj is missing; restore it or train again")
        classifier = from_bytes(file.data, sha256=card.model_sha256, name=f"{folder}model.ubj", sizes=card.member_sizes)
        if classifier.features != card.features:
            raise BadData(f"{folder}model.ubj was trained on other columns than its card says; train again")
        return TrainedModel(card=card, classifier=classifier)

    def ids(self) -> list[str]:
        """Return the ids of all stored models, oldest first."""
        names = [key.removeprefix(self._prefix).split("/") for key in self._storage.keys(self._prefix)]
        return [name[0] for name in names if name[1:] == ["card.json"] and _MODEL_ID.fullmatch(name[0])]

    def champion(self) -> Head | None:
        """Return the head, None when no model was promoted yet."""
        head = self.registry.head()
        return None if head is None or head.model_id is None else head

    def promote(self, model_id: str, *, now: datetime, why: str, who: str = "") -> None:
        """Let a stored model decide, whoever decides now. Raises as `load` and `Registry.promote` do."""
        expected = self.registry.read()
        self.registry.promote(self.load(model_id).card, expected=expected, word=Word(at=now, who=who, why=why))

    def remove_rejected(self, *, keep: int, word: Word) -> tuple[str, ...]:
        """Delete the trees of rejected models but for the newest `keep`; return whose are deleted now.

        Cards and events stay. A model that ever decided keeps its trees: its runs are verified with them.
        """
        removed = self.registry.remove(keep=keep, word=word)
        stored = set(self._storage.keys(self._prefix))
        files = {model_id: f"{self._prefix}{model_id}/model.ubj" for model_id in removed}
        found = {model_id: key for model_id, key in files.items() if key in stored}
        for key in found.values():
            self._storage.delete(key)
        return tuple(found)
