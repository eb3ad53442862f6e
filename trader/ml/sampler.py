"""Where the next trial is looked for: Optuna's tree-structured Parzen estimator. The only module that knows Optuna.

The proposal for a trial is a function of the seed, its number and the trials before it. Nothing else is remembered, so
a study that was killed and goes on from its trials finds the same as one that was not.
"""

import math
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from trader.ml.space import Dimension, Point, Space
from trader.ml.study import Trial, TrialState

VERSION: str = optuna.__version__
"""Another one may propose otherwise, so it is part of what a study is about."""


def propose(space: Space, *, trials: Sequence[Trial], seed: int, startup_trials: int, min_round_trips: int) -> Point:
    """Return the point to try after these trials, at random until `startup_trials` of them did not fail.

    A trial with too few round trips is told as one that violates a constraint, by as many as it lacks: such trials rank
    behind all others, whatever they earned, and among themselves by how far they are from enough.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    of_trial = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    sampler = optuna.samplers.TPESampler(seed=of_trial, n_startup_trials=startup_trials, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {each.name: _distribution(each) for each in space}
    study.add_trials(
        [
            _frozen(trial, distributions, min_round_trips=min_round_trips)
            for trial in trials
            if trial.state is not TrialState.FAILED
        ]
    )
    found = study.ask(distributions).params
    return {each.name: each.nearest(found[each.name]) for each in space}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.is_whole:
        return IntDistribution(int(dimension.low), int(dimension.high), step=int(dimension.step))
    return FloatDistribution(dimension.low, dimension.high, step=dimension.step or None)


def _frozen(trial: Trial, distributions: dict[str, BaseDistribution], *, min_round_trips: int) -> FrozenTrial:
    params = dict(trial.parameters)
    if trial.state is TrialState.PRUNED:
        reached = {trial.folds: math.fsum(trial.fold_scores)}
        return create_trial(
            state=OptunaState.PRUNED, params=params, distributions=distributions, intermediate_values=reached
        )
    lacking = {"round_trips": float(min_round_trips - trial.round_trips)}
    return create_trial(value=trial.score, params=params, distributions=distributions, constraints=lacking)
