"""The search of a training: the plan, the trials that are known already, and every new one stored as it is done."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from trader.core.errors import Retryable, TraderError
from trader.core.evaluation.stream import Stream
from trader.core.klines import Klines, from_ms, interval_ms
from trader.jobs.bot import Desk
from trader.jobs.training.setup import Spans, TrainingSetup
from trader.ml.gate import resolved
from trader.ml.history import History, build_history
from trader.ml.importance import FOLDS, Importance, measure_importance
from trader.ml.plan import SearchPlan, digest, study_id
from trader.ml.pool import Pool
from trader.ml.recipe import Recipe
from trader.ml.sampler import VERSION as OPTUNA_VERSION
from trader.ml.search import Budget, search
from trader.ml.space import enqueued, recipe_at
from trader.ml.study import Study, Trial, TrialState
from trader.ml.walkforward import make_folds, trade, walk_forward
from trader.store.studies import StudyStore
from trader.version import release_of

log = logging.getLogger(__name__)
_FOLDS_IN_A_HURRY = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A study, the recipe that won it with its walk-forward and importances; None where no trial was evidence."""

    study: Study
    study_id: str
    recipe: Recipe | None
    stream: Stream | None
    importance: Importance | None


def search_recipe(
    desk: Desk,
    klines: Klines,
    *,
    spans: Spans,
    champion: Recipe,
    setup: TrainingSetup,
    seconds: float | None,
    heartbeat: Callable[[], None],
) -> Found:
    """Return the study on klines before the hold-out; the champion's recipe is its first trial.

    Raises BadData when every trial failed, Retryable when the time was up before one was done. However it ends, each
    trial that is done is stored, and known to the next search on the same klines.
    """
    base = setup.recipe
    known = build_history(klines, names=base.features, horizon=base.horizon)
    plan = plan_of(desk, known, spans=spans, champion=champion, setup=setup)
    name = study_id(plan, known)
    studies = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    trials = studies.begin(name, plan=plan, digest=digest(plan, known), now=desk.bot.clock.now())
    with closing(setup.open_pool(known)) as pool:
        with _kept(desk, setup, known=trials, name=name) as keep:
            study = search(
                known,
                plan,
                budget=Budget(trials=setup.trials, seconds=seconds),
                pool=pool,
                monotonic=desk.bot.host.monotonic,
                known=trials,
                on_trial=keep,
                on_fold=lambda _: heartbeat(),
            )
        if not study.trials:
            raise Retryable(f"{desk.symbol}: the time was up before the first trial of the search was done; allow more")
        studies.finish(name, study)
        if study.best is None:
            return Found(study=study, study_id=name, recipe=None, stream=None, importance=None)
        recipe = resolved(recipe_at(study.best.parameters, base=base, rule=plan.rule), plan.rule)
        return _look_closer(known, plan, study, name=name, recipe=recipe, pool=pool, heartbeat=heartbeat)


def plan_of(desk: Desk, known: History, *, spans: Spans, champion: Recipe, setup: TrainingSetup) -> SearchPlan:
    """Return what is searched: the champion's recipe and the settings' come first, then the sampler's proposals."""
    base, rules = setup.recipe, desk.bot.rules
    space = setup.space(longest_look_back_days=spans.longest_look_back_days)
    first = [enqueued(each, space=space, base=base, rule=rules.decision) for each in (champion, base)]
    return SearchPlan(
        base=base,
        rule=rules.decision,
        space=space,
        first=from_ms(known.open_time[spans.search]),
        end=from_ms(known.open_time[-1] + interval_ms(known.interval)),
        costs=rules.costs,
        range_margin=rules.risk.range_margin,
        seed=setup.seed,
        objective=setup.objective,
        pruning=setup.pruning,
        min_round_trips=setup.min_round_trips,
        startup_trials=setup.startup_trials,
        enqueued=tuple(first if first[0].point != first[1].point else first[:1]),
        versions=_versions(desk.bot.versions),
    )


def _versions(versions: Mapping[str, str]) -> dict[str, str]:
    """Return what trials depend on. Commits on the way to one release count as one: none loses a study."""
    kept = {name: each for name, each in versions.items() if name != "commit"}
    return {**kept, "trader": release_of(versions["trader"]), "optuna": OPTUNA_VERSION}


@contextmanager
def _kept(desk: Desk, setup: TrainingSetup, *, known: Sequence[Trial], name: str) -> Iterator[Callable[[Trial], None]]:
    """Give what stores and shows each trial as it is done; whoever interrupts the search is told what that leaves."""
    studies = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    done, progress = list(known), setup.progress

    def keep(trial: Trial) -> None:
        studies.add(name, trial)
        done.append(trial)
        progress.step()
        progress.note(_best_so_far(done))

    progress.start(f"searching {desk.symbol}", setup.trials)
    progress.step(len(known))
    progress.note(_best_so_far(done))
    try:
        yield keep
    except (KeyboardInterrupt, SystemExit):
        with suppress(TraderError):  # the last one may have been stored a moment before this
            done = list(studies.trials(name))
        log.warning(
            "%s: interrupted; %d trials of study %s are kept, and the champion is as before; the same command on the"
            " same klines goes on from them",
            desk.symbol,
            len(done),
            name,
        )
        raise
    finally:
        progress.finish()


def _best_so_far(done: Sequence[Trial]) -> str:
    scores = [trial.score for trial in done if trial.is_evidence and trial.score is not None]
    if scores:
        return f"best {max(scores):+.2%}"
    traded = any(trial.state is not TrialState.FAILED for trial in done)
    return "none with enough trades yet" if traded else ""


def _look_closer(
    known: History,
    plan: SearchPlan,
    study: Study,
    *,
    name: str,
    recipe: Recipe,
    pool: Pool[History],
    heartbeat: Callable[[], None],
) -> Found:
    """Return the winner with its walk-forward made once more, and what its columns are worth there."""
    start, stop = plan.rows(known)
    folds = make_folds(start=start, stop=stop, interval=known.interval)
    found = walk_forward(known, recipe=recipe, folds=folds, range_margin=plan.range_margin, pool=pool)
    heartbeat()
    stream = trade(known, found, rule=plan.rule if recipe.decision is None else recipe.decision, costs=plan.costs)
    return Found(
        study=study,
        study_id=name,
        recipe=recipe,
        stream=stream,
        importance=measure_importance(
            known,
            recipe=recipe,
            folds=folds,
            rule=plan.rule,
            costs=plan.costs,
            range_margin=plan.range_margin,
            seed=plan.seed,
            pool=pool,
            most=FOLDS if study.is_reproducible else _FOLDS_IN_A_HURRY,
        ),
    )
