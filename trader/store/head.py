"""The head of the registry: who decides, whether that is pinned, and what the newest training came to.

It is one small object because every run reads it before its decision. How it may be changed is said here; that of two
changes at once only one happens is the storage's business.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from trader.core.errors import BadData, NewerSchema
from trader.core.lifecycle import Pin, Tenure
from trader.core.training import FinishedTraining, TrainingOutcome, number_after
from trader.ml.card import SCHEMA as CARD_SCHEMA
from trader.ml.card import ModelCard
from trader.store.codec import from_json

SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a change rests on: when it was said (market time), by whom, and why."""

    at: datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The champion with a copy of its card (which saves a run one request), and the newest training.

    `model_id` and `since` are None when a training has finished before anything was promoted. A head of schema 1 has
    neither `who`, `pin` nor `finished`.
    """

    schema: int = SCHEMA
    model_id: str | None = None
    since: datetime | None = None
    who: str = ""
    why: str = ""
    card: ModelCard | None = None
    pin: Pin | None = None
    finished: FinishedTraining | None = None

    @property
    def pinned(self) -> bool:
        """Tell whether only a person may replace the champion."""
        return self.pin is not None and self.pin.on

    @property
    def tenure(self) -> Tenure | None:
        """Who decides, None when nobody does."""
        if self.model_id is None or self.since is None:
            return None
        return Tenure(model_id=self.model_id, since=self.since, who=self.who, why=self.why, pin=self.pin)

    def with_champion(self, card: ModelCard, *, word: Word) -> "Head":
        """Return the head with another champion, which begins unpinned; the champion itself keeps its time."""
        if card.model_id == self.model_id:
            return self
        return Head(
            model_id=card.model_id, since=word.at, who=word.who, why=word.why, card=card, finished=self.finished
        )

    def with_pin(self, *, on: bool, word: Word) -> "Head":
        """Return the head pinned or let go; what is so already stays as it is."""
        if self.pinned == on:
            return self
        return replace(self, schema=SCHEMA, pin=Pin(on=on, at=word.at, who=word.who, why=word.why))

    def after_training(self, model_id: str, *, outcome: TrainingOutcome, at: datetime) -> "Head":
        """Return the head after one more training has finished."""
        number = number_after(self.finished, at=at)
        finished = FinishedTraining(number=number, at=at, model_id=model_id, outcome=outcome)
        return replace(self, schema=SCHEMA, finished=finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHead:
    """A head with the tag that a conditional write has to name."""

    head: Head
    etag: str


def decode_head(data: bytes, *, key: str) -> Head:
    """Return the head in `data`. Raises BadData, naming `key`, when it is damaged, NewerSchema when it is newer."""
    try:
        head = from_json(Head, data, key=key, schema=SCHEMA)
    except NewerSchema:
        raise
    except BadData as error:
        raise BadData(f"{error}; without one remove it, and say who decides with `trader models promote`") from error
    if head.card is not None and head.card.schema > CARD_SCHEMA:
        raise NewerSchema(
            f"{key} holds a card of schema {head.card.schema}, this version reads up to {CARD_SCHEMA}; upgrade, or use"
            " the version that wrote it"
        )
    if (head.model_id is None) != (head.since is None):
        raise BadData(f"{key} is damaged: it names a champion or its beginning, not both; restore it from a backup")
    return head
