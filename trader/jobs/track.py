"""What a tracker is told of runs and models: the metrics of each row of the ledger, and a model's parameters.

The names are the layout that docs/trackers.md describes; they are the same in every tracker.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trader.core.klines import close_of, to_ms
from trader.core.tracking import Dispatch, Receipt, Step
from trader.ml.card import ModelCard
from trader.report.summary.model import Summary
from trader.store.publication import Cursor, TrackedRun

MOST_ROWS = 2000
"""Rows that are sent after one run at most; what is left goes out after the next ones."""

_NO_MODEL = "no-model"
_MOST_KNOWN = 100
_COLUMNS = {
    "p_up": "p_up",
    "close": "close",
    "exposure": "exposure",
    "return/net": "settled_net",
    "return/gross": "settled_gross",
    "equity/paper_net": "paper_net",
    "equity/paper_gross": "paper_gross",
    "equity/execution": "execution_equity",
    "execution/fees": "fees",
    "latency/order_seconds": "seconds_to_order",
    "latency/run_seconds": "seconds",
    "trigger/sum": "trigger_sum",
}
_CURVES = {"drawdown": "drawdown", "hit_rate/rolling": "hit_rate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Rows that belong to one tracked run, with the index of each in the ledger."""

    run: TrackedRun
    steps: tuple[Step, ...]
    open_times: tuple[datetime, ...]


def segments(
    rows: Sequence[Mapping[str, Any]], *, cursor: Cursor, prefix: str, interval: str, summary: Summary | None
) -> list[Segment]:
    """Return what a tracker has not been told yet, by tracked run.

    `rows` are the ledger's after the cursor. A row without a model (a missed hour) belongs to the model before it.
    """
    known, notional = _known_points(summary), None if summary is None else summary.notional
    run, found = cursor.run, list[tuple[TrackedRun, list[Step], list[datetime]]]()
    for number, row in enumerate(rows, cursor.step + 1):
        model_id = row["model_id"] or (run.model_id if run else "")
        if run is None or run.model_id != model_id:
            run = TrackedRun(name=f"{prefix} {model_id or _NO_MODEL}", model_id=model_id, since=row["open_time"])
        if not found or found[-1][0] != run:
            found.append((run, [], []))
        found[-1][1].append(_step(number, row, interval=interval, known=known, notional=notional))
        found[-1][2].append(row["open_time"])
    return [Segment(run=run, steps=tuple(steps), open_times=tuple(times)) for run, steps, times in found]


def _known_points(summary: Summary | None) -> dict[int, dict[str, float | None]]:
    """Return what only the summary knows of a run, by its open time; of old runs it keeps one a day."""
    if summary is None:
        return {}
    columns = {name: getattr(summary.curves, column) for name, column in _CURVES.items()}
    return {
        time: {name: values[index] for name, values in columns.items()}
        for index, time in enumerate(summary.curves.time)
    }


def _step(
    number: int,
    row: Mapping[str, Any],
    *,
    interval: str,
    known: Mapping[int, Mapping[str, float | None]],
    notional: float | None,
) -> Step:
    values: dict[str, float | None] = {name: row[column] for name, column in _COLUMNS.items()}
    values |= known.get(to_ms(row["open_time"]), {})
    if notional is not None and row["execution_equity"] is not None and row["paper_net"] is not None:
        values["execution/gap"] = row["paper_net"] * notional - row["execution_equity"]
    metrics = {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
    return Step(number=number, at=close_of(row["open_time"], interval), metrics=metrics)


def dispatch_of(
    segment: Segment, *, experiment: str, known: Mapping[str, str], tags: Mapping[str, str], params: Mapping[str, str]
) -> Dispatch:
    """Return what is sent of a segment; `known` are the tracker's own ids by name."""
    name = segment.run.name
    return Dispatch(
        experiment=experiment,
        run=name,
        run_id=known.get(name),
        tags={**tags, "model": segment.run.model_id or _NO_MODEL},
        params=params,
        steps=segment.steps,
    )


def params_of(card: ModelCard, *, costs: str) -> dict[str, str]:
    """Return a model's parameters as texts, by name."""
    rule = card.decision
    named: dict[str, object] = {
        "features": ", ".join(card.features),
        "look_back_days": card.look_back_days,
        "rounds": card.rounds,
        "seed": card.seed,
        "horizon": card.horizon,
        "weighting": card.weighting.value,
        "max_bin": card.max_bin,
        "ensemble": f"{card.ensemble.kind.value} of {card.ensemble.size}",
        "trained_from": f"{card.first:%Y-%m-%d %H:%M}",
        "trained_to": f"{card.last:%Y-%m-%d %H:%M}",
        "rows": card.rows,
        "label_rate": card.label_rate,
        "klines_digest": card.klines_digest,
        "model_sha256": card.model_sha256,
        "study": card.study or "none",
        "costs": costs,
        **card.params,
    }
    if rule is not None:
        named |= {
            "band": rule.band,
            "exit": rule.exit.value,
            "min_volatility": rule.min_volatility,
            "min_volume_ratio": rule.min_volume_ratio,
        }
    return {name: str(value) for name, value in named.items()}


def fold(cursor: Cursor, sent: Sequence[Segment], receipts: Sequence[Receipt], *, at: datetime) -> Cursor:
    """Return the cursor after the receipts for these segments, one each, in their order.

    It stops at the first row that has not arrived for certain: what came after it is sent again, which changes nothing
    that did arrive.
    """
    known = dict(cursor.known)
    for segment, receipt in zip(sent, receipts, strict=True):
        if receipt.run_id is not None and receipt.run_id != known.get(segment.run.name, receipt.run_id):
            return _failed(Cursor(), f"it has lost {segment.run.name}; everything is sent again", at=at)
        if receipt.run_id is not None:
            known.pop(segment.run.name, None)
            known[segment.run.name] = receipt.run_id
        arrived = [step for step in segment.steps if receipt.sent is not None and step.number <= receipt.sent]
        if arrived:
            cursor = replace(
                cursor, open_time=segment.open_times[len(arrived) - 1], step=arrived[-1].number, run=segment.run
            )
        if len(arrived) < len(segment.steps):
            return _failed(replace(cursor, known=_newest(known)), receipt.error or "some rows did not arrive", at=at)
    return replace(cursor, known=_newest(known), failures=0, failing_since=None, error="")


def _failed(cursor: Cursor, error: str, *, at: datetime) -> Cursor:
    return replace(cursor, failures=cursor.failures + 1, failing_since=cursor.failing_since or at, error=error)


def _newest(known: Mapping[str, str]) -> dict[str, str]:
    return dict(list(known.items())[-_MOST_KNOWN:])
