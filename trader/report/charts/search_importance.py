"""How much each searched parameter has to do with a high score, by PED-ANOVA as Optuna has it.

Watanabe, Bansal & Hutter (2023), "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces".
"""

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from trader.ml.study import Study
from trader.report.charts.search import completed, is_enough


def importance_shares(study: Study) -> dict[str, float]:
    """Return the share of each parameter that had more than one value, all together 1; empty when there is no telling.

    Measured within what was tried: the completed trials, each parameter from its lowest to its highest value.
    """
    if not is_enough(study):
        return {}
    tried = completed(study)
    names = [name for name in tried[0].parameters if all(name in trial.parameters for trial in tried)]
    values = {name: [trial.parameters[name] for trial in tried] for name in names}
    ranges = {name: _range(own) for name, own in values.items() if len(set(own)) > 1}
    if not ranges:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    told = optuna.create_study(direction="maximize")
    told.add_trials(
        create_trial(value=trial.score, params={name: trial.parameters[name] for name in ranges}, distributions=ranges)
        for trial in tried
    )
    shares = get_param_importances(told, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in shares.items()}


def _range(values: list[int | float | str]) -> BaseDistribution:
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        return CategoricalDistribution(sorted({str(value) for value in values}))
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)))
    return FloatDistribution(float(min(numbers)), float(max(numbers)))
