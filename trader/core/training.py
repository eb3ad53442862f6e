"""How a training ended, as the runs after it see it.

A run reads it with the champion, in one object, and journals it: so no run asks again whether a training has finished.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TrainingOutcome(StrEnum):
    """What became of the model that a training made."""

    PROMOTED = "promoted"  # it decides now
    REJECTED = "rejected"  # it did not win
    CHALLENGER = "challenger"  # it waits for a person's word
    FAILED = "failed"  # there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTraining:
    """A training that has finished: `at` is market time, `model_id` what it made, "" when it made nothing.

    `number` counts up by one from the time (in seconds) of the first one: should the count be lost and begin anew, no
    run takes the next training for one that it has seen.
    """

    number: int
    at: datetime
    model_id: str
    outcome: TrainingOutcome


def number_after(last: FinishedTraining | None, *, at: datetime) -> int:
    """Return the number of the training that finishes at `at`, after `last`."""
    return int(at.timestamp()) if last is None else last.number + 1
