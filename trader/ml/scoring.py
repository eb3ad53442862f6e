"""The score of a trial: what its decision rule made of the probabilities of the folds that are done."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from trader.core.evaluation.stream import Stream
from trader.core.klines import FloatArray
from trader.core.performance import deviation, evaluate
from trader.ml.space import Point
from trader.ml.study import Objective, Trial, TrialState

_DAY_MS = 86_400_000


def fold_scores(stream: Stream, *, rows: Sequence[int], objective: Objective) -> tuple[float, ...]:
    """Return the summed return of each fold; `rows` are their lengths, the last one's may be one more than is known."""
    returns = stream.net if objective is Objective.NET else stream.gross
    edges = np.cumsum([0, *rows])
    return tuple(float(returns[begin:end].sum()) for begin, end in pairwise(edges))


def daily(stream: Stream) -> tuple[float, ...]:
    """Return the summed net return of each UTC day from the first row's to the last row's."""
    days = stream.open_time // _DAY_MS
    return tuple(np.bincount(days - days[0], weights=stream.net).tolist()) if len(days) else ()


def kline_sharpe(net: FloatArray) -> float | None:
    """Return the Sharpe ratio per kline, None for constant returns."""
    spread = deviation(net)
    return float(net.mean()) / spread if spread > 0 else None


def scored(
    stream: Stream,
    *,
    number: int,
    state: TrialState,
    point: Point,
    rows: Sequence[int],
    objective: Objective,
    min_round_trips: int,
    why: str,
) -> Trial:
    """Return the trial that earned a stream over folds of these lengths."""
    found = evaluate(exposure=stream.exposure, gross=stream.gross, net=stream.net, interval=stream.interval)
    return Trial(
        number=number,
        state=state,
        parameters=dict(point),
        score=found.net if objective is Objective.NET else found.gross,
        gross=found.gross,
        net=found.net,
        round_trips=found.round_trips,
        is_evidence=state is TrialState.COMPLETE and found.round_trips >= min_round_trips,
        sharpe=kline_sharpe(stream.net),
        folds=len(rows),
        fold_scores=fold_scores(stream, rows=rows, objective=objective),
        daily=daily(stream),
        why=why,
    )
