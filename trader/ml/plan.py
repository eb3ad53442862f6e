"""What a study is about: everything that determines its trials, and the fingerprint of that."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np

from trader.core.accounting import Costs
from trader.core.decision import DecisionRule
from trader.core.errors import BadData
from trader.core.klines import from_ms, interval_ms, to_ms
from trader.core.performance import MIN_ROUND_TRIPS
from trader.ml.history import History
from trader.ml.pruning import PruningRule
from trader.ml.recipe import Recipe
from trader.ml.space import Enqueued, Space, longest_look_back
from trader.ml.study import Objective
from trader.ml.walkforward import first_row

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """What is searched, by what measure, and on which hours: those with first <= open time < end.

    All trials decide the same hours. `base` has all that is not searched, `rule` is that of recipes without their own.
    For `range_margin` see `core/risk.RiskLimits`. `enqueued` points are tried first. `versions` are those of the
    libraries and the program's release, without the commit: another one may fit or propose otherwise.
    """

    schema: int = SCHEMA
    base: Recipe
    rule: DecisionRule
    space: Space
    first: datetime
    end: datetime
    costs: Costs
    range_margin: float
    seed: int
    objective: Objective = Objective.NET
    pruning: PruningRule = field(default_factory=PruningRule)
    min_round_trips: int = MIN_ROUND_TRIPS
    startup_trials: int = 10
    enqueued: tuple[Enqueued, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def rows(self, history: History) -> tuple[int, int]:
        """Return the first row that is decided and the one after the last.

        Raises BadData when the history does not cover them, or the longest look-back before them.
        """
        start, stop = (int(row) for row in np.searchsorted(history.open_time, [to_ms(self.first), to_ms(self.end)]))
        step = interval_ms(history.interval)
        covered = len(history) and history.open_time[0] <= to_ms(self.first)
        if not covered or to_ms(self.end) > history.open_time[-1] + step or start >= stop:
            raise BadData(
                f"the klines do not cover {self.first:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC;"
                " ingest more history"
            )
        days = longest_look_back(self.space, base=self.base)
        earliest = first_row(history, origin=0, look_back_days=days)
        if start < earliest:
            begin = from_ms(history.open_time[0] + earliest * step)
            raise BadData(
                f"look-backs of {days} days are full at {begin:%Y-%m-%d %H:%M} UTC, later than the first decision at"
                f" {self.first:%Y-%m-%d %H:%M}; ingest more history, or search a shorter span or look-back"
            )
        return start, stop


def digest(plan: SearchPlan, history: History) -> str:
    """Return the SHA-256 over the plan and over all values that its trials may read.

    What lies after the span is no part of it, nor what lies before the longest look-back. Raises BadData as
    `SearchPlan.rows` does.
    """
    start, stop = plan.rows(history)
    look_back = longest_look_back(plan.space, base=plan.base) * 86_400_000 // interval_ms(history.interval)
    first = start - history.horizon + 1 - look_back
    known = stop - history.horizon + 1
    found = hashlib.sha256(json.dumps(asdict(plan), sort_keys=True, default=str).encode())
    found.update(history.interval.encode())
    for column in (history.labels, history.moves):
        found.update(column[first:known].tobytes())
    for column in (history.returns, history.volatility, history.volume_ratio, history.features):
        found.update(column[first:stop].tobytes())
    found.update(history.open_time[first:stop].tobytes() + history.filled[first:stop].tobytes())
    return found.hexdigest()


def study_id(plan: SearchPlan, history: History) -> str:
    """Return the name of a study: the time of the last kline it decides on, and what tells it from others."""
    _, stop = plan.rows(history)
    return f"{from_ms(history.open_time[stop - 1]):%Y%m%dT%H%M}-{digest(plan, history)[:10]}"
