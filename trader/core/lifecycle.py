"""The life of a model: the states it may be in, and how it comes from one to the next.

                 trained ──> challenger ──> champion ──> retired
                    │         │     ^  ^                    │
                    └─────────┴──┐  │  └────────────────────┘
                                 v  │
                              rejected ──> removed ──> trained

A model becomes the champion only as a challenger, also when a person brings an old one back: it is nominated first.
What is removed has no trees any more; trained again it begins anew. A champion that is pinned, or let go, stays one.

This file does not know where events are kept, nor who decides: the registry's head says that, and the events follow it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trader.core.errors import BadConfig

SCHEMA = 1


class State(StrEnum):
    """What a model is at a moment."""

    TRAINED = "trained"
    CHALLENGER = "challenger"
    CHAMPION = "champion"
    RETIRED = "retired"
    REJECTED = "rejected"
    REMOVED = "removed"


ALLOWED: Mapping[State | None, frozenset[State]] = {
    None: frozenset({State.TRAINED}),
    State.TRAINED: frozenset({State.CHALLENGER, State.REJECTED}),
    State.CHALLENGER: frozenset({State.CHAMPION, State.REJECTED}),
    State.CHAMPION: frozenset({State.RETIRED}),
    State.RETIRED: frozenset({State.CHALLENGER}),
    State.REJECTED: frozenset({State.CHALLENGER, State.REMOVED}),
    State.REMOVED: frozenset({State.TRAINED}),
}
"""Where a model may go from each state; None is a model that does not exist yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of one model: when (market time), from where to where, by whom and why.

    A champion's step to itself says that it was pinned, or let go. `from_state` is None for what was not there before.
    """

    schema: int = SCHEMA
    at: datetime
    model_id: str
    from_state: State | None
    to_state: State
    who: str
    why: str
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A person's word that no training may replace the champion, or (`on` is false) that it may again."""

    on: bool
    at: datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Who decides: the champion, since when, by whose word and why, and the newest word about replacing it."""

    model_id: str
    since: datetime
    who: str
    why: str
    pin: Pin | None = None


def states_of(events: Sequence[Event]) -> dict[str, State]:
    """Return each model's state after its events, which are in the order in which they happened."""
    return {event.model_id: event.to_state for event in events}


def state_of(events: Sequence[Event], model_id: str) -> State:
    """Return the state of a stored model; one without an event is trained (its writer was killed, or is old)."""
    return states_of(events).get(model_id, State.TRAINED)


def step(events: Sequence[Event], *, model_id: str, to: State, at: datetime, who: str, why: str) -> Event:
    """Return the event that takes a stored model to a state. Raises BadConfig when no way leads there."""
    state = state_of(events, model_id)
    if to not in ALLOWED[state]:
        ways = ", ".join(sorted(ALLOWED[state]))
        raise BadConfig(f"model {model_id} is {state} and cannot become {to}; from there it may become: {ways}")
    return Event(at=at, model_id=model_id, from_state=state, to_state=to, who=who, why=why)


def missing_events(events: Sequence[Event], *, tenure: Tenure) -> tuple[Event, ...]:
    """Return the events that `tenure` has brought about and that nobody has written down yet; none when all are.

    Whoever made the champion may have been killed before it wrote; whoever writes next writes these first.
    """
    states = states_of(events)
    left = [model_id for model_id, state in states.items() if state is State.CHAMPION and model_id != tenure.model_id]
    missing = [
        Event(
            at=tenure.since,
            model_id=model_id,
            from_state=State.CHAMPION,
            to_state=State.RETIRED,
            who=tenure.who,
            why=f"{tenure.model_id} decides: {tenure.why}",
        )
        for model_id in left
    ]
    state = state_of(events, tenure.model_id)
    if state is not State.CHAMPION:
        missing.append(_champion(tenure, came_from=state))
    pin, is_pinned = tenure.pin, _is_pinned([*events, *missing])
    if pin is not None and pin.on != is_pinned:
        missing.append(_pinned(tenure.model_id, pin))
    return tuple(missing)


def _champion(tenure: Tenure, *, came_from: State) -> Event:
    return Event(
        at=tenure.since,
        model_id=tenure.model_id,
        from_state=came_from,
        to_state=State.CHAMPION,
        who=tenure.who,
        why=tenure.why,
    )


def _pinned(model_id: str, pin: Pin) -> Event:
    return Event(
        at=pin.at,
        model_id=model_id,
        from_state=State.CHAMPION,
        to_state=State.CHAMPION,
        who=pin.who,
        why=pin.why,
        pinned=pin.on,
    )


def _is_pinned(events: Sequence[Event]) -> bool:
    """Tell whether the newest champion is pinned: each begins its time unpinned."""
    return next((event.pinned for event in reversed(events) if event.to_state is State.CHAMPION), False)


def ever_champions(events: Sequence[Event]) -> frozenset[str]:
    """Return every model that has ever decided: runs that are journalled name it, and are verified with it."""
    return frozenset(event.model_id for event in events if event.to_state is State.CHAMPION)


def champion_before(events: Sequence[Event]) -> str | None:
    """Return whom to go back to from the newest champion, None when there is nobody.

    Going back undoes: after A, B, C and back to B the one before is A, not C. It never leads to what was left that way.
    """
    line: list[str] = []
    for event in events:
        if event.to_state is State.CHAMPION:
            if event.model_id in line:
                del line[line.index(event.model_id) :]
            line.append(event.model_id)
    return line[-2] if len(line) > 1 else None


def to_remove(events: Sequence[Event], *, keep: int) -> tuple[str, ...]:
    """Return the rejected models that are not among the newest `keep` of them and have never decided, oldest first."""
    states, decided = states_of(events), ever_champions(events)
    when = {event.model_id: place for place, event in enumerate(events)}
    rejected = [model_id for model_id, state in states.items() if state is State.REJECTED and model_id not in decided]
    rejected.sort(key=lambda model_id: when[model_id])
    return tuple(rejected[: max(0, len(rejected) - keep)])
