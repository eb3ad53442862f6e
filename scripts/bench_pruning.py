"""What a pruner saves and what it costs: ten searches without one, gone through again as each pruner would have.

Every trial of a search is proposed at random, so what is pruned changes no later one: the folds that a pruner would
have left out, and whether the best of all trials is among the pruned, follow from the scores of the folds alone.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_figures import REAL_DATA, figure
from scripts.bench_search import END, load_klines
from trader.bootstrap import recipe_of
from trader.config import Settings
from trader.core.indicators import FEATURE_PRESETS
from trader.ml.history import History, build_history
from trader.ml.plan import SearchPlan
from trader.ml.pool import ThreadPool
from trader.ml.pruning import Pruner, PruningRule, is_hopeless, is_looked_at
from trader.ml.search import Budget, search
from trader.ml.space import space_of
from trader.ml.study import Study, Trial

SEEDS, TRIALS, SPAN_DAYS = 10, 24, 360


def measure_pruning(folder: Path) -> list[dict[str, Any]]:
    """Search ten times, and tell for each pruner how many folds it saves and how often it loses the best trial."""
    if not (REAL_DATA / "vision").is_dir():
        return [figure("pruning: SKIPPED, needs real klines (TRADER_REAL_DATA)", "-")]
    settings = Settings(bot={"mode": "dry-run"})  # type: ignore[arg-type]
    recipe = recipe_of(settings)
    history = build_history(load_klines(folder / "pruning"), names=FEATURE_PRESETS["ten"], horizon=recipe.horizon)
    studies = [study_of(history, settings, seed=seed) for seed in range(SEEDS)]
    rows = []
    for kind in (Pruner.MEDIAN, Pruner.WILCOXON):
        for warm_up in (3, 6):
            rule = PruningRule(kind=kind, warm_up_trials=5, warm_up_folds=warm_up)
            outcomes = [pruned(study, rule) for study in studies]
            saved = np.mean([left_out for left_out, _ in outcomes])
            lost = sum(is_lost for _, is_lost in outcomes)
            rows.append(
                figure(
                    f"pruning: {kind}, from fold {warm_up} on, {SEEDS} searches of {TRIALS} trials",
                    f"{saved:.0%} of folds saved, best lost {lost} of {SEEDS}",
                )
            )
    return rows


def study_of(history: History, settings: Settings, *, seed: int) -> Study:
    """Return a search of random trials on the last year before 2022."""
    recipe, rules = recipe_of(settings), settings.rules()
    plan = SearchPlan(
        base=recipe,
        rule=rules.decision,
        space=space_of(with_decision=True),
        first=END - timedelta(days=SPAN_DAYS),
        end=END,
        costs=rules.costs,
        range_margin=rules.risk.range_margin,
        seed=seed,
        min_round_trips=settings.search.min_round_trips,
        startup_trials=TRIALS,
    )
    pool = ThreadPool(history, workers=2)
    try:
        return search(history, plan, budget=Budget(trials=TRIALS), pool=pool, monotonic=lambda: 0.0)
    finally:
        pool.close()


def pruned(study: Study, rule: PruningRule) -> tuple[float, bool]:
    """Return the share of folds that a pruner would have left out, and whether it would have pruned the best trial."""
    finished: list[Trial] = []
    left_out, is_lost = 0, False
    for trial in study.trials:
        done = next(
            (
                count
                for count in range(1, len(trial.fold_scores))
                if is_looked_at(rule, count) and is_hopeless(rule, scores=trial.fold_scores[:count], finished=finished)
            ),
            None,
        )
        if done is None:
            finished.append(trial)
            continue
        left_out += len(trial.fold_scores) - done
        is_lost |= study.best is not None and trial.number == study.best.number
    return left_out / sum(len(trial.fold_scores) for trial in study.trials), is_lost
