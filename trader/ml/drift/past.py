"""Looks into the past: what would have been served over a range of klines, and the alarms of daily looks at it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from trader.core.errors import BadData
from trader.core.klines import BoolArray, Klines, from_ms
from trader.core.risk import outside_range
from trader.core.strategy import Rules
from trader.ml.drift.looks import Looks, alarms_at
from trader.ml.drift.reference import Reference
from trader.ml.drift.sample import DAY_MS, Rows
from trader.ml.history import build_history
from trader.ml.training import TrainedModel
from trader.ml.walkforward import Probabilities, trade


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAlarm:
    """One alarm: its name, the day whose end first saw it, and at how many looks in a row."""

    name: str
    began: datetime
    looks: int


def past_rows(klines: Klines, *, model: TrainedModel, rules: Rules, start: datetime) -> Rows:
    """Return what a model would have been served from `start` on, with what came of it; filled klines are left out.

    `klines` are gap-filled and reach back a warm-up before `start`. Raises BadData when there is nothing after it.
    """
    card = model.card
    history = build_history(klines, names=card.features, horizon=card.horizon)
    first = max(klines.index_of(start), history.first_warm)
    if len(history) - first < 2:  # noqa: PLR2004 - nothing is earned before the next close
        raise BadData(f"there are no klines after {start:%Y-%m-%d %H:%M} UTC to look at; ingest them first")
    features = history.features[first:]
    found = Probabilities(
        start=first,
        p_up=model.classifier.probabilities(features),
        outside=outside_range(features, low=card.feature_low, high=card.feature_high, margin=rules.risk.range_margin),
    )
    own = card.rules_under(rules)
    stream = trade(history, found, rule=own.decision, costs=own.costs)
    asked = ~np.isnan(stream.p_up) if stream.p_up is not None else np.zeros(len(stream), dtype=np.bool_)
    return Rows(
        open_time=stream.open_time[asked],
        features=features[: len(stream)][asked],
        p_up=found.p_up[: len(stream)][asked],
        labels=history.labels[first : first + len(stream)][asked],
        gross=stream.gross[asked],
        net=stream.net[asked],
    )


def past_alarms(reference: Reference, looks: Looks) -> tuple[PastAlarm, ...]:
    """Return the alarms of daily looks, oldest first; one that goes on over several looks is one."""
    found = alarms_at(reference, looks)
    columns = {f"feature {name}": found.features[:, place] for place, name in enumerate(reference.names)}
    columns |= {
        "prediction": found.prediction,
        "label rate": found.label_rate,
        "relation": found.relation,
        "performance": found.performance,
    }
    alarms = [
        PastAlarm(name=name, began=_time_of(looks, begin), looks=end - begin)
        for name, above in columns.items()
        for begin, end in stretches(above)
    ]
    return tuple(sorted(alarms, key=lambda alarm: alarm.began))


def stretches(above: BoolArray) -> list[tuple[int, int]]:
    """Return where runs of True begin and end (the place after the last)."""
    padded = np.concatenate([[False], above, [False]])
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True))


def _time_of(looks: Looks, place: int) -> datetime:
    return from_ms(int(looks.day[place]) * DAY_MS) + timedelta(days=1)
