"""The few words about the champion that stand beside every run: who decides, since when, and who waits for approval."""

from trader.core.lifecycle import State
from trader.jobs.bot import Desk
from trader.jobs.models import overview
from trader.store.publication import ModelNote


def note_of(desk: Desk) -> ModelNote | None:
    """Return the note, None when nobody decides. Raises BadData when head, log or card is damaged."""
    found = overview(desk)
    if found.champion is None:
        return None
    return ModelNote(
        id=found.champion,
        last=desk.models.card(found.champion).last,
        promoted_at=found.since,
        pinned=found.pin is not None and found.pin.on,
        challengers=tuple(listed.model_id for listed in found.models if listed.state is State.CHALLENGER),
    )
