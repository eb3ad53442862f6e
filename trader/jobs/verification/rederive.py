"""A run made again from what it wrote down: its klines as they are stored now, its model, the books before it.

The functions are those of the live run. Where the stored klines are not the ones it saw, it is made again from the
features it recorded, so that a difference in the decision still shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from trader.core.decision import Reason
from trader.core.errors import BadData
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.journal import BotState, Inputs, RunRecord
from trader.core.klines import FloatArray, Klines, digest, from_ms, interval_ms
from trader.core.risk import find_block, outside_range
from trader.core.strategy import Observation, Step, advance
from trader.jobs.verification.contradictions import books_of
from trader.jobs.verification.differences import Mismatch, compare
from trader.ml.training import TrainedModel

_MAY_ASK = (Reason.WARM_UP, Reason.NO_MODEL, Reason.MODEL_EXPIRED, Reason.OUT_OF_RANGE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a run with inputs can be made again from.

    `klines` are all that are stored, `window` those it was decided on, None when they are not all there; `before` are
    the books before it, None when nobody knows them; `model` is None when there was none or it is `lost`. `today` and
    `recorded` are the rows of features, (1, columns), computed now and written down then, None where there is none;
    `p_today` and `p_recorded` what the model says to them.
    """

    record: RunRecord
    inputs: Inputs
    before: BotState | None
    klines: Klines
    window: Klines | None
    digest: str = ""
    model: TrainedModel | None
    is_lost: bool
    filters: tuple[float, float] | None = None
    today: FloatArray | None = None
    recorded: FloatArray | None = None
    p_today: float | None = None
    p_recorded: float | None = None

    @property
    def is_intact(self) -> bool:
        """Tell whether the stored klines are the ones that the run saw."""
        return self.window is not None and self.digest == self.inputs.klines_digest

    @property
    def p_up(self) -> float | None:
        """The probability to decide on: today's, or where that cannot be had the one nearest to it."""
        if self.is_lost:
            return self.inputs.p_up
        return self.p_today if self.is_intact else self.p_recorded


def gather(
    record: RunRecord, inputs: Inputs, *, before: BotState | None, klines: Klines, model: TrainedModel | None
) -> Evidence:
    """Return what there is to make a run again from, not yet with the model's answers."""
    window = _window(klines, inputs, open_time=record.key.open_time)
    evidence = Evidence(
        record=record,
        inputs=inputs,
        before=before,
        klines=klines,
        window=window,
        model=model,
        is_lost=model is None and inputs.model_id is not None,
        recorded=_recorded_row(inputs, model),
    )
    return evidence if window is None else _compute(evidence, window)


def ask_models(found: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence with what each one's model says to its rows; a model is asked once for all of them."""
    today = _answers([(each.model, each.today) for each in found])
    recorded = _answers([(each.model, each.recorded) for each in found])
    return [
        replace(each, p_today=today.get(number), p_recorded=recorded.get(number)) for number, each in enumerate(found)
    ]


def _answers(asked: Sequence[tuple[TrainedModel | None, FloatArray | None]]) -> dict[int, float]:
    """Return the probability of each row that there is, by its position."""
    models = {model.card.model_id: model for model, _ in asked if model is not None}
    answers: dict[int, float] = {}
    for model in models.values():
        rows = {number: row for number, (one, row) in enumerate(asked) if one is model and row is not None}
        if rows:
            predicted = model.classifier.probabilities(np.concatenate(list(rows.values())))
            answers |= dict(zip(rows, map(float, predicted), strict=True))
    return answers


def input_mismatches(evidence: Evidence) -> Iterator[Mismatch]:
    """Yield what comes out differently from the stored klines, with which the model is asked."""
    inputs, window = evidence.inputs, evidence.window
    if window is None:
        return
    volatility, volume_ratio = evidence.filters or (None, None)
    yield from compare(inputs.window_start, window.first, what="inputs.window_start")
    yield from compare(inputs.price, float(window.close[-1]), what="inputs.price")
    if not evidence.is_lost:
        yield from compare(inputs.features, _named(evidence), what="inputs.features")
        yield from compare(inputs.p_up, evidence.p_today, what="inputs.p_up")
        if inputs.model_last is not None and evidence.model is not None:  # older records do not say it
            yield from compare(inputs.model_last, evidence.model.card.last, what="inputs.model_last")
    yield from compare(inputs.volatility, volatility, what="inputs.volatility")
    yield from compare(inputs.volume_ratio, volume_ratio, what="inputs.volume_ratio")


def step_mismatches(evidence: Evidence, before: BotState) -> Iterator[Mismatch]:
    """Yield what the strategy answers differently today. Raises BadData when it cannot be asked."""
    record = evidence.record
    step = _advance(evidence, before)
    yield from compare(record.settled, step.settled, what="settled")
    yield from compare(record.marks, step.marks, what="marks")
    yield from compare(record.decision, step.decision, what="decision")
    yield from compare(record.trigger, step.trigger, what="trigger")
    yield from compare(books_of(record).paper, step.book, what="state.paper")


def is_settled_from_stored(evidence: Evidence) -> bool:
    """Tell whether closes were settled that no digest in the record vouches for."""
    was = evidence.before.paper.open_time if evidence.before else None
    step = timedelta(milliseconds=interval_ms(evidence.record.key.interval))
    if was is None or was + step == evidence.record.key.open_time:
        return False
    return not evidence.is_intact or evidence.inputs.window_start is None or was + step < evidence.inputs.window_start


def _window(klines: Klines, inputs: Inputs, *, open_time: datetime) -> Klines | None:
    end = klines.index_of(open_time) + 1
    is_stored = 0 < inputs.klines <= end <= len(klines) and from_ms(klines.open_time[end - 1]) == open_time
    return klines[end - inputs.klines : end] if is_stored else None


def _compute(evidence: Evidence, window: Klines) -> Evidence:
    columns = evidence.model.card.features if evidence.model else ()
    evidence = replace(evidence, digest=digest(window))
    if len(window) != WARM_UP:
        return evidence
    row = compute_indicators(window, (*columns, *FILTER_INDICATORS))[-1:]
    has_row = evidence.model is not None and not window.filled[-1]
    return replace(
        evidence,
        filters=(float(row[0, -2]), float(row[0, -1])),
        today=np.ascontiguousarray(row[:, : len(columns)]) if has_row else None,
    )


def _recorded_row(inputs: Inputs, model: TrainedModel | None) -> FloatArray | None:
    if model is None or set(inputs.features) != set(model.card.features):
        return None
    return np.array([[inputs.features[name] for name in model.card.features]], dtype=np.float64)


def _named(evidence: Evidence) -> dict[str, float]:
    if evidence.model is None or evidence.today is None:
        return {}
    return dict(zip(evidence.model.card.features, map(float, evidence.today[0]), strict=True))


def _advance(evidence: Evidence, before: BotState) -> Step:
    record, inputs = evidence.record, evidence.inputs
    if record.rules is None:
        raise BadData(f"the record of {record.key} holds no rules; restore it from a backup")
    volatility, volume_ratio = inputs.volatility, inputs.volume_ratio
    price = inputs.price
    if evidence.is_intact and evidence.window is not None:
        volatility, volume_ratio = evidence.filters or (None, None)
        price = float(evidence.window.close[-1])
    observation = Observation(
        open_time=record.key.open_time,
        close=price,
        p_up=evidence.p_up,
        volatility=volatility or 0.0,
        volume_ratio=volume_ratio or 0.0,
        blocked=_blocked(evidence),
        control=inputs.control,
        model_id=inputs.model_id,
        model_last=evidence.model.card.last if evidence.model else inputs.model_last,
        trained=inputs.trained,
    )
    closes = _closes(evidence, before.paper.open_time, price=price)
    return advance(before.paper, closes=closes, now=observation, rules=record.rules)


def _blocked(evidence: Evidence) -> Reason | None:
    """Return why the run might not decide; that it was late is a fact of the moment, which only the record knows."""
    record, inputs, model = evidence.record, evidence.inputs, evidence.model
    reason = record.decision.reason if record.decision else None
    is_filled = reason is Reason.FILLED_KLINE
    if evidence.is_intact and evidence.window is not None:
        is_filled = bool(evidence.window.filled[-1])
    if record.rules is None or (evidence.is_lost and not is_filled and reason is not Reason.MISSED):
        return reason if reason in _MAY_ASK else None
    row = evidence.today if evidence.is_intact else evidence.recorded
    return find_block(
        is_late=reason is Reason.MISSED,
        is_filled=is_filled,
        is_warm=inputs.klines == WARM_UP,
        is_outside=model is not None and row is not None and _is_outside(model, row, record.rules.risk.range_margin),
        model_last=model.card.last if model else None,
        open_time=record.key.open_time,
        limits=record.rules.risk,
    )


def _is_outside(model: TrainedModel, row: FloatArray, margin: float) -> bool:
    low, high = model.card.feature_low, model.card.feature_high
    return bool(outside_range(row, low=low, high=high, margin=margin)[0])


def _closes(evidence: Evidence, settled_to: datetime | None, *, price: float) -> list[tuple[datetime, float]]:
    """Return the closes of the hours to settle, the newest one as the run saw it."""
    if settled_to is None:
        return []
    open_time = evidence.record.key.open_time
    between = evidence.klines.between(settled_to + timedelta(milliseconds=1), open_time)
    stored = [(from_ms(time), float(close)) for time, close in zip(between.open_time, between.close, strict=True)]
    return [*stored, (open_time, price)]
