"""The search: trials one after another, each a walk-forward whose folds are fitted side by side.

The study is the same whatever the number of workers, and whether it was interrupted or not: a proposal depends on the
trials before it alone, a pruner on folds in their order, and a trial that was begun and not finished leaves no trace.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

from trader.core.errors import BadData
from trader.core.evaluation.stream import Stream
from trader.core.klines import from_ms
from trader.ml.history import History
from trader.ml.plan import SearchPlan, digest
from trader.ml.pool import Pool, in_order
from trader.ml.pruning import is_hopeless, is_looked_at
from trader.ml.recipe import Recipe
from trader.ml.sampler import propose
from trader.ml.scoring import fold_scores, scored
from trader.ml.space import Enqueued, Point, recipe_at
from trader.ml.study import Study, Trial, TrialState, WhyStopped
from trader.ml.walkforward import Fold, FoldTask, Probabilities, fit_fold, join, make_folds, trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """When a search ends: after so many trials, known ones included, or after so many seconds (None: no limit)."""

    trials: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a search has come: `folds` of trial `number` are done, a whole trial has `of`."""

    number: int
    folds: int
    of: int


class _Stopped(Exception):
    """The time is up, or somebody asked: the trial under way is given up."""

    def __init__(self, why: WhyStopped) -> None:
        super().__init__(why)
        self.why = why


def search(
    history: History,
    plan: SearchPlan,
    *,
    budget: Budget,
    pool: Pool[History],
    monotonic: Callable[[], float],
    should_stop: Callable[[], bool] = lambda: False,
    known: Sequence[Trial] = (),
    on_trial: Callable[[Trial], None] = lambda _: None,
    on_fold: Callable[[Step], None] = lambda _: None,
) -> Study:
    """Return the study of a plan; `pool` holds the same history, `known` are the trials that an earlier search did.

    Time and `should_stop` are looked at between folds; a trial that is under way then is given up. `on_trial` is called
    with every new trial as soon as it is done. Raises BadData when the history does not cover the plan, `known` is not
    the beginning of a study, or every trial failed.
    """
    started, trials = monotonic(), _beginning(known)

    def check() -> None:
        if should_stop():
            raise _Stopped(WhyStopped.ASKED)
        if budget.seconds is not None and monotonic() - started >= budget.seconds:
            raise _Stopped(WhyStopped.SECONDS)

    run = _Run(history, plan, pool=pool, check=check, on_fold=on_fold)
    why = WhyStopped.TRIALS
    try:
        while len(trials) < budget.trials:
            check()
            begun = monotonic()
            trials.append(replace(run.trial(trials), seconds=monotonic() - begun))
            on_trial(trials[-1])
    except _Stopped as stopped:
        why = stopped.why
    return _concluded(run.study(trials, why=why, seconds=monotonic() - started))


def _beginning(known: Sequence[Trial]) -> list[Trial]:
    if [trial.number for trial in known] != list(range(len(known))):
        raise BadData(f"trials {[trial.number for trial in known]} are not the beginning of a study: one is missing")
    return list(known)


def _concluded(study: Study) -> Study:
    if study.trials and study.count(TrialState.FAILED) == len(study.trials):
        raise BadData(f"all {len(study.trials)} trials failed; most often: {study.commonest_failure()}")
    return study


class _Run:
    """One search at work."""

    def __init__(
        self,
        history: History,
        plan: SearchPlan,
        *,
        pool: Pool[History],
        check: Callable[[], None],
        on_fold: Callable[[Step], None],
    ) -> None:
        if plan.base.horizon != history.horizon:
            raise ValueError("the history was made for another horizon than the recipe")
        self._history = history
        self._plan = plan
        self._pool = pool
        self._check = check
        self._on_fold = on_fold
        self._start, self._stop = plan.rows(history)
        self._folds = make_folds(start=self._start, stop=self._stop, interval=history.interval)

    def trial(self, before: Sequence[Trial]) -> Trial:
        """Return the trial that follows on those before. Raises _Stopped."""
        number, chosen = len(before), self._next_point(before)
        recipe = recipe_at(chosen.point, base=self._plan.base, rule=self._plan.rule)
        try:
            parts = self._walk(recipe, before=before)
        except BadData as error:
            failed = TrialState.FAILED
            return Trial(number=number, state=failed, parameters=dict(chosen.point), why=str(error))
        return scored(
            self._trade(parts, recipe),
            number=number,
            state=TrialState.COMPLETE if len(parts) == len(self._folds) else TrialState.PRUNED,
            point=chosen.point,
            rows=[len(part.p_up) for part in parts],
            objective=self._plan.objective,
            min_round_trips=self._plan.min_round_trips,
            why="; ".join(chosen.notes),
        )

    def _next_point(self, before: Sequence[Trial]) -> Enqueued:
        plan = self._plan
        if len(before) < len(plan.enqueued):
            return plan.enqueued[len(before)]
        point: Point = propose(
            plan.space,
            trials=before,
            seed=plan.seed,
            startup_trials=plan.startup_trials,
            min_round_trips=plan.min_round_trips,
        )
        return Enqueued(point=point)

    def _walk(self, recipe: Recipe, *, before: Sequence[Trial]) -> list[Probabilities]:
        """Return the folds' probabilities, of all of them or of those before the trial was pruned."""
        parts: list[Probabilities] = []
        tasks = [self._task(fold, recipe) for fold in self._folds]
        found = cast("Generator[Probabilities]", in_order(self._pool, fit_fold, tasks))
        with closing(found) as results:
            for part in results:
                parts.append(part)
                self._on_fold(Step(number=len(before), folds=len(parts), of=len(tasks)))
                if len(parts) == len(tasks):
                    break
                self._check()
                if self._is_pruned(parts, recipe, before):
                    break
        return parts

    def _task(self, fold: Fold, recipe: Recipe) -> FoldTask:
        return FoldTask(fold=fold, recipe=recipe, range_margin=self._plan.range_margin)

    def _is_pruned(self, parts: Sequence[Probabilities], recipe: Recipe, before: Sequence[Trial]) -> bool:
        rule = self._plan.pruning
        if not is_looked_at(rule, len(parts)):
            return False
        rows = [len(part.p_up) for part in parts]
        scores = fold_scores(self._trade(parts, recipe), rows=rows, objective=self._plan.objective)
        return is_hopeless(rule, scores=scores, finished=before)

    def _trade(self, parts: Sequence[Probabilities], recipe: Recipe) -> Stream:
        # The position is carried from fold to fold, so a part is scored with all before it: 4 ms for four years.
        rule = recipe.decision or self._plan.rule
        return trade(self._history, join(parts), rule=rule, costs=self._plan.costs)

    def study(self, trials: Sequence[Trial], *, why: WhyStopped, seconds: float) -> Study:
        """Return these trials as a study."""
        return Study(
            digest=digest(self._plan, self._history),
            first=from_ms(self._history.open_time[self._start]),
            last=from_ms(self._history.open_time[self._stop - 1]),
            folds=len(self._folds),
            trials=tuple(trials),
            why_stopped=why,
            seconds=seconds,
        )
