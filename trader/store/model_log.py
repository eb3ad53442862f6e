"""The log of a symbol's models: one object an event, numbered without a hole, created and never replaced.

models/BTCUSDT/1h/log/00000007.json

Whoever appends has seen everything before: the number of its event is one more than the last it has read, and of two
that create the same number one conflicts and looks again.
"""

import re
from collections.abc import Callable, Sequence

from trader.core.errors import BadData, Conflict
from trader.core.lifecycle import SCHEMA, Event
from trader.ports import ObjectStorage
from trader.store.codec import from_json, to_json

_ATTEMPTS = 20
_EVENT = re.compile(r"[0-9]{8}\.json")

Derive = Callable[[Sequence[Event]], Sequence[Event]]
"""From all events so far to those that have to follow."""


class ModelLog:
    """The events of all models of one symbol and interval; each is read once, for it never changes."""

    def __init__(self, storage: ObjectStorage, *, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix
        self._seen: list[Event] = []

    def read(self) -> tuple[Event, ...]:
        """Return all events in their order. Raises BadData when one is damaged or lost; what is none is passed over."""
        names = [key.removeprefix(self._prefix) for key in self._storage.keys(self._prefix)]
        count = sum(_EVENT.fullmatch(name) is not None for name in names)
        if count < len(self._seen):
            self._seen.clear()
        self._seen += [self._event(number) for number in range(len(self._seen) + 1, count + 1)]
        return tuple(self._seen)

    def append(self, derive: Derive) -> tuple[Event, ...]:
        """Write the events that `derive` makes of those so far, made anew when others came first; return them.

        Raises Conflict when others always come first.
        """
        for _ in range(_ATTEMPTS):
            events = self.read()
            added = tuple(derive(events))
            try:
                for number, event in enumerate(added, len(events) + 1):
                    self._storage.create(self._key(number), to_json(event))
            except Conflict:
                continue
            return added
        raise Conflict(f"{self._prefix}: others write to it all the time; try again")

    def _event(self, number: int) -> Event:
        key = self._key(number)
        stored = self._storage.get(key)
        if stored is None:
            raise BadData(f"{key} is missing, but there are later events; restore it from a backup")
        return from_json(Event, stored.data, key=key, schema=SCHEMA)

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:08d}.json"
