"""The registry: which model decides, what the newest training came to, and every model's life.

models/BTCUSDT/1h/champion.json       the head, moved by compare-and-swap: the truth about who decides
models/BTCUSDT/1h/log/00000007.json   who did what to which model, when and why; it follows the head

A model is nominated in the log before the head is moved to it, so that nobody removes it meanwhile. The events of the
move are written after it. A process killed between the two leaves them out; they follow from the head, and whoever
writes next writes them first. A run reads the head alone.
"""

import logging
from collections.abc import Sequence

from trader.core.errors import BadConfig, Conflict, TraderError
from trader.core.lifecycle import (
    Event,
    State,
    champion_before,
    missing_events,
    state_of,
    states_of,
    step,
    to_remove,
)
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.ml.card import ModelCard
from trader.ports import ObjectStorage
from trader.store.codec import to_json
from trader.store.head import Head, StoredHead, Word, decode_head
from trader.store.model_log import ModelLog

log = logging.getLogger(__name__)
_ATTEMPTS = 20
_STATES = {TrainingOutcome.REJECTED: State.REJECTED, TrainingOutcome.CHALLENGER: State.CHALLENGER}


class Pinned(BadConfig):
    """A person has pinned the champion; no training replaces it."""


class Registry:
    """The head and the log of one symbol and interval."""

    def __init__(self, storage: ObjectStorage, *, symbol: str, interval: str) -> None:
        self._storage = storage
        self._name = f"{symbol} {interval}"
        self._key = f"models/{symbol}/{interval}/champion.json"
        self._log = ModelLog(storage, prefix=f"models/{symbol}/{interval}/log/")

    def read(self) -> StoredHead | None:
        """Return the head with its tag, None when there is none yet. Raises BadData when it is damaged."""
        stored = self._storage.get(self._key)
        return None if stored is None else StoredHead(head=decode_head(stored.data, key=self._key), etag=stored.etag)

    def head(self) -> Head | None:
        """Return the head as `read` does, without its tag."""
        stored = self.read()
        return None if stored is None else stored.head

    def events(self) -> tuple[Event, ...]:
        """Return every event in order, those included that follow from the head and are not written down yet."""
        return self._complete(self._log.read())

    def states(self) -> dict[str, State]:
        """Return the state of every model that has an event; a stored model without one is trained."""
        return states_of(self.events())

    def predecessor(self) -> str | None:
        """Return the champion to go back to, None when the log knows of none."""
        return champion_before(self.events())

    def trained(self, model_id: str, *, word: Word) -> None:
        """Write down that a model was stored; one that has a life already goes on with it."""

        def derive(events: Sequence[Event]) -> Sequence[Event]:
            state = states_of(events).get(model_id)
            if state not in (None, State.REMOVED):
                return ()
            return (_event(model_id, from_state=state, to=State.TRAINED, word=word),)

        self._log.append(derive)

    def nominate(self, model_id: str, *, word: Word) -> None:
        """Make a stored model a challenger; one that is, or decides, stays it. Raises BadConfig when it cannot be."""
        self._go(model_id, to=State.CHALLENGER, word=word, unless=(State.CHALLENGER, State.CHAMPION))

    def promote(
        self,
        card: ModelCard,
        *,
        expected: StoredHead | None,
        word: Word,
        unpin: bool = False,
        ends_training: bool = False,
    ) -> Head:
        """Let a stored model decide, if the head is still the `expected` one (None: none yet); return the new one.

        The champion itself keeps its time. With `ends_training` the head says that, too, in the same write. Raises
        Conflict when the head was moved since it was read, Pinned when it is pinned, BadConfig for an impossible step.
        """
        self._check_unmoved(expected)
        head = expected.head if expected else Head()
        if head.pinned and not unpin and head.model_id != card.model_id:
            why = head.pin.why if head.pin else ""
            raise Pinned(
                f"{self._name}: champion {head.model_id} is pinned ({why}); `trader models pin --off` lets it go, and"
                " `trader models promote --unpin` replaces it"
            )
        moved = head.with_champion(card, word=word)
        moved = moved.with_pin(on=False, word=word) if unpin else moved
        if ends_training:
            moved = moved.after_training(card.model_id, outcome=TrainingOutcome.PROMOTED, at=word.at)
        if moved != head:
            self.nominate(card.model_id, word=word)
            self._move(moved, over=expected)
        return moved

    def pin(self, *, on: bool, expected: StoredHead | None, word: Word) -> Head:
        """Keep trainings from replacing the champion, or let them. Raises BadConfig without one, Conflict in a race."""
        self._check_unmoved(expected)
        if expected is None or expected.head.tenure is None:
            raise BadConfig(f"{self._name} has no champion that could be pinned; promote a model first")
        head = expected.head.with_pin(on=on, word=word)
        if head != expected.head:
            self._log.append(self._missing)
            self._move(head, over=expected)
        return head

    def note_training(self, model_id: str, *, outcome: TrainingOutcome, word: Word) -> FinishedTraining:
        """Write down that a training has finished and promoted nothing; `model_id` is "" when it made no model.

        What became of the model comes first: if this is killed before the head says so, the training has not finished.
        A model that was made before and decides, or did, keeps its state. Raises Conflict when others never stop.
        """
        if outcome is TrainingOutcome.PROMOTED:
            raise BadConfig(f"{self._name}: a training that promotes {model_id} ends with that promotion")
        if model_id and outcome in _STATES:
            settled = (State.CHAMPION, State.RETIRED, State.REJECTED, State.REMOVED)
            self._go(model_id, to=_STATES[outcome], word=word, unless=(*settled, _STATES[outcome]))
        for _ in range(_ATTEMPTS):
            stored = self.read()
            head = (stored.head if stored else Head()).after_training(model_id, outcome=outcome, at=word.at)
            try:
                self._write(head, over=stored)
            except Conflict:
                continue
            if head.finished is not None:
                return head.finished
        raise Conflict(f"{self._key}: others write to it all the time; try again")

    def remove(self, *, keep: int, word: Word) -> tuple[str, ...]:
        """Write down that all but the newest `keep` rejected models are removed; return every model that ever was.

        Whoever deletes their trees does it after this, all of them: what a killed process left is deleted by the next.
        """

        def derive(events: Sequence[Event]) -> Sequence[Event]:
            known = self._complete(events)
            gone = [_step(known, each, to=State.REMOVED, word=word) for each in to_remove(known, keep=keep)]
            return (*known[len(events) :], *gone)

        self._log.append(derive)
        return tuple(model_id for model_id, state in self.states().items() if state is State.REMOVED)

    def _go(self, model_id: str, *, to: State, word: Word, unless: tuple[State, ...]) -> None:
        """Take a model to a state, after whatever the log lacks."""

        def derive(events: Sequence[Event]) -> Sequence[Event]:
            known = self._complete(events)
            missing = known[len(events) :]
            if state_of(known, model_id) in unless:
                return missing
            return (*missing, _step(known, model_id, to=to, word=word))

        self._log.append(derive)

    def _check_unmoved(self, expected: StoredHead | None) -> None:
        found = self.read()
        if (found and found.etag) != (expected and expected.etag):
            raise Conflict(f"{self._name}: the champion was moved by somebody else meanwhile; look again")

    def _complete(self, events: Sequence[Event]) -> tuple[Event, ...]:
        return (*events, *self._missing(events))

    def _missing(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return what the head has brought about and the log lacks.

        The head is read after the log, every time: one that is older than the log would undo what came later.
        """
        head = self.head()
        return () if head is None or head.tenure is None else missing_events(events, tenure=head.tenure)

    def _move(self, head: Head, *, over: StoredHead | None) -> None:
        """Write the head, then what follows from it; that comes later when it fails now, the head counts."""
        self._write(head, over=over)
        try:
            self._log.append(self._missing)
        except TraderError as error:
            log.warning("%s: the log of the models is written by the next command: %s", self._name, error)

    def _write(self, head: Head, *, over: StoredHead | None) -> None:
        if over is None:
            self._storage.create(self._key, to_json(head))
        else:
            self._storage.replace(self._key, to_json(head), over.etag)


def _event(model_id: str, *, from_state: State | None, to: State, word: Word) -> Event:
    return Event(at=word.at, model_id=model_id, from_state=from_state, to_state=to, who=word.who, why=word.why)


def _step(events: Sequence[Event], model_id: str, *, to: State, word: Word) -> Event:
    return step(events, model_id=model_id, to=to, at=word.at, who=word.who, why=word.why)
