"""The sections of trader.toml about training: when it is due, what is searched, and what a challenger has to show."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trader.config.sections import Fraction, Natural, Positive, Section, one_of
from trader.core.indicators import FEATURE_PRESETS
from trader.core.performance import MIN_ROUND_TRIPS
from trader.core.policy import Method, Timing
from trader.ml.promotion import CheckLimits, GateRules, PromotionPolicy
from trader.ml.pruning import Pruner
from trader.ml.recipe import EnsembleKind, Weighting
from trader.ml.study import Objective


class Executor(StrEnum):
    """Where the folds of a training are fitted."""

    THREADS = "threads"
    PROCESSES = "processes"
    DASK = "dask"


class RetrainSection(Section):
    """When a training is due, and who does it."""

    window: Positive = Field(default=336, description="N: the trigger looks at the last N klines")
    threshold: float = Field(default=-0.03, description="due when their summed net return is below this")
    min_runs: Positive = Field(default=72, description="fewer settled hours never trigger")
    cooldown_hours: Positive = Field(default=720, description="pause after a training")
    max_model_age_days: Natural = Field(
        default=180, description="due when the model has seen nothing for this long; 0 = off"
    )
    max_idle: Natural = Field(
        default=2160, description="due after this many klines without a position, had the model wanted one; 0 = off"
    )
    timing: Timing = Field(
        default=Timing.AFTER_ORDER,
        description="`after-order`: the run that finds it due trains after its commit; `external`: only `trader train"
        " --if-due` does",
    )
    method: Method = Field(
        default=Method.SEARCH,
        description="`search` a recipe that has to win against the champion's, or `refit` the settings' own, ungated",
    )
    max_per_day: Positive = Field(default=3, description="trainings begun within a day, also ones that failed")
    min_seconds: Positive = Field(
        default=120, description="none is begun with less than this left until minute 50 of the hour"
    )
    lease_seconds: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="another process takes over when nothing was heard of a training for this long"
    )


class TrainSection(Section):
    """The model: one XGBoost classifier with fixed parameters."""

    features: Annotated[str, one_of(FEATURE_PRESETS)] = Field(default="ten", description="feature preset")
    look_back_days: Annotated[int, Field(gt=0, le=3650)] = Field(default=365, description="days of klines to train on")
    n_estimators: Annotated[int, Field(gt=0, le=10000)] = Field(default=90, description="trees")
    max_depth: Annotated[int, Field(gt=0, le=20)] = Field(default=3, description="depth of a tree")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(default=0.04, description="shrinkage")
    subsample: Annotated[float, Field(gt=0, le=1)] = Field(default=0.8, description="share of rows a tree sees")
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.8, description="share of features a tree sees"
    )
    gamma: Annotated[float, Field(ge=0)] = Field(default=5.0, description="minimum gain of a split")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of the sampling")
    max_bin: Annotated[int, Field(ge=2, le=1024)] = Field(default=64, description="histogram bins of a feature")
    horizon: Annotated[int, Field(ge=1, le=168)] = Field(
        default=2, description="the label is the sign of the return over so many klines"
    )
    weighting: Weighting = Field(
        default=Weighting.EQUAL, description="training rows count `equal`, or by the size of their `move`"
    )
    ensemble: EnsembleKind = Field(
        default=EnsembleKind.SEEDS, description="what the members of an ensemble differ in: `seeds` or `look-backs`"
    )
    ensemble_size: Annotated[int, Field(ge=1, le=50)] = Field(
        default=1, description="models whose probabilities are averaged"
    )
    executor: Executor = Field(
        default=Executor.THREADS,
        description="where folds are fitted: `threads`, `processes`, or `dask` (docs/scaling.md)",
    )
    workers: Annotated[int, Field(ge=0, le=1024)] = Field(
        default=0, description="threads or processes; 0 = as many as there are cores; a cluster has its own"
    )
    dask_address: str = Field(default="", description="scheduler of `dask`: `tcp://host:8786` or `tls://host:8786`")


class SearchSection(Section):
    """The search for a better recipe."""

    trials: Positive = Field(default=40, description="recipes to try")
    seconds: Annotated[float, Field(gt=0)] = Field(
        default=300.0, description="no more after so long; a search that this cut short is not reproducible"
    )
    span_days: Positive = Field(default=360, description="days before the hold-out on which every recipe is scored")
    objective: Objective = Field(default=Objective.NET, description="summed return after costs, `net`, or `gross`")
    decision: bool = Field(default=True, description="whether the decision rule is searched, too")
    fewest_trees: Annotated[int, Field(gt=0, le=10000)] = Field(default=50, description="trees of a recipe, at least")
    most_trees: Annotated[int, Field(gt=0, le=10000)] = Field(
        default=500, description="and at most; fewer make a search faster"
    )
    longest_look_back_days: Annotated[int, Field(ge=30, le=3650)] = Field(
        default=365, description="days of klines to train on: from 30 to so many are tried"
    )
    min_round_trips: Natural = Field(
        default=MIN_ROUND_TRIPS, description="a recipe with fewer over the span is no evidence and cannot win"
    )
    startup_trials: Natural = Field(default=10, description="trials at random before the sampler has learnt anything")
    pruner: Pruner = Field(default=Pruner.NONE, description="give up bad trials early: `none`, `median` or `wilcoxon`")
    pruner_trials: Positive = Field(default=5, description="trials with evidence before the pruner gives up any")
    pruner_folds: Positive = Field(default=6, description="folds (of 30 days) before it gives up one")


class PromotionSection(Section):
    """What a challenger has to show before it decides."""

    policy: PromotionPolicy = Field(
        default=PromotionPolicy.AUTO, description="`auto`, or `manual`: a person promotes it after reading the report"
    )
    hold_out_days: Annotated[int, Field(gt=0, le=3650)] = Field(
        default=90, description="newest days, which no search sees: there both recipes are compared"
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        default=0.95, description="one-sided, that the challenger earns more than the champion, net of costs"
    )
    margin: Annotated[float, Field(ge=0)] = Field(
        default=0.02, description="by how much more, as a fraction of the notional over the hold-out"
    )
    min_round_trips: Natural = Field(default=12, description="round trips the challenger completes in the hold-out")
    min_exposure: Fraction = Field(default=0.01, description="share of the hold-out in which it has a position")
    draws: Annotated[int, Field(ge=100, le=100_000)] = Field(default=1000, description="bootstrap resamples")
    block: Natural = Field(
        default=0, description="mean length of their blocks in klines; 0: what the returns suggest, 24 or more"
    )
    max_one_sided: Annotated[float, Field(ge=0.5, le=1)] = Field(
        default=0.95, description="share of a model's recent probabilities that may lie on one side of 0.5"
    )
    min_distinct: Positive = Field(default=10, description="different probabilities it has to give on recent klines")
    max_tick_flips: Fraction = Field(
        default=0.05, description="share of its decisions, or probabilities, that one tick of the price may change"
    )
    max_tick_shift: Fraction = Field(default=0.05, description="how far a tick has to move a probability to count")

    def gate(self) -> GateRules:
        """Return when a challenger's recipe has won."""
        return GateRules(
            confidence=self.confidence,
            margin=self.margin,
            min_round_trips=self.min_round_trips,
            min_exposure=self.min_exposure,
            draws=self.draws,
            block=self.block or None,
        )

    def checks(self) -> CheckLimits:
        """Return how a model may behave."""
        return CheckLimits(
            max_one_sided=self.max_one_sided,
            min_distinct=self.min_distinct,
            max_tick_flips=self.max_tick_flips,
            max_tick_shift=self.max_tick_shift,
        )


class ModelsSection(Section):
    """What is kept of the models."""

    keep: Natural = Field(
        default=50,
        description="trees of so many rejected models; a model that ever decided keeps its own, and every card stays",
    )
