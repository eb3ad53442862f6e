"""The backtest of a frozen model.

Features and probabilities come for all klines at once, then every hour goes through the same `advance` as in replay
and live: there is no second implementation of decision, costs or accounting to drift away.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trader.core.decision import Reason
from trader.core.errors import BadData
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.klines import BoolArray, FloatArray, IntArray, Klines, from_ms
from trader.core.labels import scorable
from trader.core.performance import Performance, evaluate
from trader.core.risk import Control, Halt, find_block, outside_range
from trader.core.strategy import Observation, PaperBook, Rules, Step, advance
from trader.ml.training import TrainedModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtest:
    """One element a decided kline. `gross` and `net` are what its exposure earned until the next close.

    The last decision's return is not known within the range, so these two are one element shorter. `p_up` is NaN where
    the model was not asked: during the warm-up and on filled klines.
    """

    interval: str
    open_time: IntArray
    close: FloatArray
    p_up: FloatArray
    exposure: FloatArray
    gross: FloatArray
    net: FloatArray
    scorable: BoolArray
    reasons: tuple[Reason, ...]
    marks: tuple[Halt, ...]
    book: PaperBook

    def performance(self) -> Performance:
        """Return the figures over all settled klines."""
        return evaluate(
            exposure=self.exposure, gross=self.gross, net=self.net, interval=self.interval, scorable=self.scorable
        )


def backtest(
    klines: Klines, *, model: TrainedModel, rules: Rules, start: datetime, end: datetime, control: Control | None = None
) -> Backtest:
    """Decide every kline with start <= open time < end, from gap-filled klines that reach back a warm-up before it.

    A model that was searched with a decision rule trades by it. Raises BadData when there are none in the range.
    """
    first, stop = klines.index_of(start), klines.index_of(end)
    if stop <= first:
        raise BadData(f"there are no klines from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; ingest them first")
    rules = model.card.rules_under(rules)
    observations = _observe(klines[:stop], first=first, model=model, rules=rules, control=control or Control())
    book = PaperBook()
    steps: list[Step] = []
    for now in observations:
        step = advance(book, closes=((now.open_time, now.close),), now=now, rules=rules)
        book = step.book
        steps.append(step)
    settled = [hour for step in steps for hour in step.settled]
    return Backtest(
        interval=klines.interval,
        open_time=klines.open_time[first:stop],
        close=klines.close[first:stop],
        p_up=np.array([np.nan if now.p_up is None else now.p_up for now in observations]),
        exposure=np.array([step.book.exposure for step in steps]),
        gross=np.array([hour.gross for hour in settled]),
        net=np.array([hour.net for hour in settled]),
        scorable=scorable(klines[first:stop]),
        reasons=tuple(step.decision.reason for step in steps),
        marks=tuple(mark for step in steps for mark in step.marks),
        book=book,
    )


def _observe(klines: Klines, *, first: int, model: TrainedModel, rules: Rules, control: Control) -> list[Observation]:
    """Return what was known at each kline's close, from one pass over all of them."""
    names = (*model.card.features, *FILTER_INDICATORS)
    indicators = compute_indicators(klines, names)[first:]
    rows = indicators[:, : len(model.card.features)]
    probabilities = model.classifier.probabilities(rows)
    outside = outside_range(
        rows, low=model.card.feature_low, high=model.card.feature_high, margin=rules.risk.range_margin
    )
    observations = []
    for row, position in enumerate(range(first, len(klines))):
        open_time, is_warm = from_ms(klines.open_time[position]), position >= WARM_UP - 1
        is_filled = bool(klines.filled[position])
        blocked = find_block(
            is_late=False,
            is_filled=is_filled,
            is_warm=is_warm,
            is_outside=bool(outside[row]),
            model_last=model.card.last,
            open_time=open_time,
            limits=rules.risk,
        )
        observations.append(
            Observation(
                open_time=open_time,
                close=float(klines.close[position]),
                p_up=float(probabilities[row]) if is_warm and not is_filled else None,
                volatility=float(indicators[row, -2]),
                volume_ratio=float(indicators[row, -1]),
                blocked=blocked,
                control=control,
                model_id=model.card.model_id,
                model_last=model.card.last,
            )
        )
    return observations
