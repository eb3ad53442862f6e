"""Studies that look like a search's, the same on every machine."""

from datetime import UTC, datetime

import numpy as np

from trader.ml.space import DECISION, MODEL
from trader.ml.study import Study, Trial, TrialState, WhyStopped


def trial(number: int, *, state: TrialState = TrialState.COMPLETE, seed: int = 0) -> Trial:
    """A trial at random; its score depends on its learning rate above all."""
    rng = np.random.default_rng([seed, number])
    point: dict[str, int | float | str] = {}
    for dimension in MODEL + DECISION:
        if dimension.choices:
            point[dimension.name] = dimension.choices[int(rng.integers(len(dimension.choices)))]
        else:
            point[dimension.name] = dimension.nearest(float(rng.uniform(dimension.low, dimension.high)))
    if state is TrialState.FAILED:
        return Trial(number=number, state=state, parameters=point, why="the window has no label")
    score = 2.0 - 60 * abs(float(point["learning_rate"]) - 0.03) + float(rng.normal(0, 0.1))
    return Trial(
        number=number, state=state, parameters=point, score=score, round_trips=20 * number, is_evidence=number % 7 > 1
    )


def study(count: int, *, state: TrialState | None = None) -> Study:
    """A study of so many trials: all of one state, or every fifth one pruned and every eleventh failed."""
    states = {0: TrialState.PRUNED}
    trials = tuple(
        trial(n, state=state or (TrialState.FAILED if n % 11 == 5 else states.get(n % 5 - 4, TrialState.COMPLETE)))
        for n in range(count)
    )
    return Study(
        digest="d",
        first=datetime(2018, 1, 1, tzinfo=UTC),
        last=datetime(2021, 12, 31, 23, tzinfo=UTC),
        folds=47,
        trials=trials,
        why_stopped=WhyStopped.TRIALS,
    )
