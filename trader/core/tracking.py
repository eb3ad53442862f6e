"""What an experiment tracker is told, as values: no tracker's own words, no network.

One tracked run belongs to one model of one symbol and is resumed hour by hour; a step is a run's index in the ledger.
A study is a tracked run of its own, whose steps are its trials. What was sent is known from the receipts alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Metrics by name at one step; NaN and infinity are left out by whoever makes it. `at` is the kline's close."""

    number: int
    at: datetime
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Something to be sent to one tracked run.

    `run` names it for people and is unique in its experiment; `run_id` is the tracker's own name for it, None when this
    store knows of none yet: then the tracker looks for a run of that name before it begins one. `tags` and `params` are
    sent when they are not empty; a value never changes under its name. `files` are local paths by the name under which
    they are kept (`static-img/equity.png`), over what was kept there before.
    """

    experiment: str
    run: str
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a dispatch: the number of the last step that has arrived for certain, None for none.

    `error` is empty when everything has arrived, and says in one line what is wrong and what to do otherwise; it holds
    no secret. Steps arrive in their order, so a receipt with an error may still name some of them.
    """

    run: str
    run_id: str | None
    sent: int | None
    error: str = ""
