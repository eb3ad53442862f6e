"""The search: the same study whatever the workers and interruptions, and nothing that never trades can win it."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import random_klines
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.errors import BadData
from trader.core.klines import from_ms
from trader.ml.history import build_history
from trader.ml.plan import SearchPlan, digest, study_id
from trader.ml.pool import ThreadPool
from trader.ml.pruning import Pruner, PruningRule, is_hopeless, is_looked_at
from trader.ml.recipe import Recipe
from trader.ml.sampler import propose
from trader.ml.search import Budget, Step, search
from trader.ml.space import Dimension, Enqueued, enqueued, recipe_at
from trader.ml.study import Objective, Trial, TrialState, WhyStopped
from trader.ml.walkforward import make_folds, trade, walk_forward

NAMES = ("ma_5", "rsi_14", "mfi_7")
HISTORY = build_history(random_klines(2800, seed=5, interval="4h"), names=NAMES)
START, STOP = 1400, 2700  # 7 folds of 180 rows and one of 40
RULE = DecisionRule(
    band=0.0,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)
RECIPE = Recipe(
    features=NAMES,
    look_back_days=50,
    rounds=4,
    params={"max_depth": 2, "learning_rate": 0.3, "gamma": 0, "subsample": 0.8, "colsample_bytree": 0.7},
    seed=3,
)
SPACE = (
    Dimension(name="n_estimators", low=2, high=6, step=1, is_whole=True),
    Dimension(name="max_depth", low=2, high=3, step=1, is_whole=True),
    Dimension(name="learning_rate", low=0.1, high=0.9),
    Dimension(name="look_back_days", low=40, high=60, step=1, is_whole=True),
    Dimension(name="band", low=0.0, high=0.2, step=0.01),
    Dimension(name="exit", choices=("opposite", "neutral", "band")),
)


def plan_of(**changes) -> SearchPlan:
    plan = SearchPlan(
        base=RECIPE,
        rule=RULE,
        space=SPACE,
        first=from_ms(HISTORY.open_time[START]),
        end=from_ms(HISTORY.open_time[STOP]),
        costs=Costs(fee_rate=0.001, slippage_rate=0.0),
        range_margin=1.0,
        seed=11,
        startup_trials=4,
    )
    return replace(plan, **changes)


PLAN = plan_of(enqueued=(enqueued(RECIPE, space=SPACE, base=RECIPE, rule=RULE),))


def queue(*points) -> tuple[Enqueued, ...]:
    """Points that differ from the recipe's in what is named."""
    usual = PLAN.enqueued[0].point
    return tuple(Enqueued(point={**usual, **each}) for each in points)


def searched(plan=PLAN, *, history=HISTORY, trials=8, workers=2, seconds=None, monotonic=lambda: 0.0, **others):
    pool = ThreadPool(history, workers=workers)
    try:
        budget = Budget(trials=trials, seconds=seconds)
        return search(history, plan, budget=budget, pool=pool, monotonic=monotonic, **others)
    finally:
        pool.close()


@pytest.fixture(scope="module")
def whole():
    """The study that others are compared with."""
    return searched()


def test_the_study_is_the_same_whatever_the_number_of_workers(whole):
    assert searched(workers=1) == searched(workers=3) == whole
    assert len({trial.score for trial in whole.trials}) > 5


def test_another_seed_tries_other_recipes(whole):
    other = searched(replace(PLAN, seed=12), trials=3)
    assert other.trials[0] == whole.trials[0]  # enqueued
    assert other.trials[1].parameters != whole.trials[1].parameters


@pytest.mark.parametrize("done", [1, 5, 8])
def test_a_study_that_goes_on_from_its_trials_is_the_one_that_was_never_interrupted(whole, done):
    fresh = []
    assert searched(known=whole.trials[:done], on_trial=fresh.append) == whole
    assert [trial.number for trial in fresh] == list(range(done, 8))


def test_a_search_that_dies_in_a_trial_has_handed_over_those_before_it(whole):
    kept = []

    def die(step: Step):
        if (step.number, step.folds) == (3, 5):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(on_trial=kept.append, on_fold=die)
    assert tuple(kept) == whole.trials[:3]
    assert searched(known=kept) == whole


def test_trials_that_are_not_a_beginning_are_refused(whole):
    with pytest.raises(BadData, match=r"trials \[0, 2\] are not the beginning"):
        searched(known=(whole.trials[0], whole.trials[2]))


def test_a_study_says_what_it_was_about_and_when_it_is_whole(whole):
    assert whole.first == from_ms(HISTORY.open_time[START])
    assert whole.last == from_ms(HISTORY.open_time[STOP - 1])
    assert (whole.folds, whole.why_stopped, whole.is_reproducible) == (8, WhyStopped.TRIALS, True)
    assert whole.digest == digest(PLAN, HISTORY)


def test_the_recipe_in_the_queue_is_trial_0_and_says_what_was_changed_about_it():
    champion = replace(RECIPE, rounds=500)
    plan = plan_of(enqueued=(enqueued(champion, space=SPACE, base=RECIPE, rule=RULE),))
    trial = searched(plan, trials=1).trials[0]
    assert trial.parameters == {
        "n_estimators": 6,
        "max_depth": 2,
        "learning_rate": 0.3,
        "look_back_days": 50,
        "band": 0.0,
        "exit": "opposite",
    }
    assert trial.why == "n_estimators 500 is outside 2..6: 6"


def test_a_trial_is_scored_as_its_walk_forward_trades(whole):
    trial = max(whole.trials, key=lambda each: each.round_trips)
    recipe = recipe_at(trial.parameters, base=RECIPE, rule=RULE)
    pool = ThreadPool(HISTORY, workers=1)
    folds = make_folds(start=START, stop=STOP, interval="4h")
    found = walk_forward(HISTORY, recipe=recipe, folds=folds, range_margin=1.0, pool=pool)
    pool.close()
    stream = trade(HISTORY, found, rule=recipe.decision, costs=PLAN.costs)
    assert trial.net == trial.score == pytest.approx(stream.net.sum(), abs=1e-12)
    assert trial.gross == pytest.approx(stream.gross.sum(), abs=1e-12)
    assert trial.sharpe == pytest.approx(stream.net.mean() / stream.net.std(ddof=1), abs=1e-12)
    assert trial.round_trips == (np.diff(np.sign(stream.exposure)) != 0)[stream.exposure[:-1] != 0].sum()
    assert trial.fold_scores == tuple(float(part.sum()) for part in np.split(stream.net, range(180, 1300, 180)))
    by_day = {}
    for moment, net in zip(stream.open_time.tolist(), stream.net.tolist(), strict=True):
        by_day[from_ms(moment).date()] = by_day.get(from_ms(moment).date(), 0.0) + net
    assert trial.daily == pytest.approx(list(by_day.values()), abs=1e-15)
    assert len(trial.daily) == (STOP - START) // 6 + 1


def test_gross_is_the_score_where_it_is_the_objective(whole):
    plan = replace(PLAN, objective=Objective.GROSS)
    trial = searched(plan, trials=1).trials[0]
    assert (trial.gross, trial.net) == (whole.trials[0].gross, whole.trials[0].net)
    assert trial.score == trial.gross > trial.net
    assert math.fsum(trial.fold_scores) == pytest.approx(trial.gross)


def test_a_recipe_that_never_trades_cannot_win_over_one_that_loses():
    plan = plan_of(enqueued=queue({"band": 0.49}, {}), costs=Costs(fee_rate=0.01, slippage_rate=0.0))
    idle, busy = searched(plan, trials=2).trials
    assert (idle.state, idle.score, idle.round_trips, idle.is_evidence) == (TrialState.COMPLETE, 0.0, 0, False)
    assert idle.sharpe is None
    assert busy.score < -1
    assert searched(plan, trials=2).best == busy


def test_without_any_evidence_nothing_is_best(whole):
    assert whole.best == max((each for each in whole.trials if each.round_trips >= 30), key=lambda each: each.score)
    study = searched(plan_of(min_round_trips=100_000), trials=2)
    assert study.best is None
    assert not any(trial.is_evidence for trial in study.trials)


def test_the_sampler_is_led_away_from_recipes_that_do_not_trade_enough():
    space = (Dimension(name="band", low=0.0, high=0.4),)
    trials = [
        Trial(
            number=number,
            state=TrialState.COMPLETE,
            parameters={"band": 0.02 * number},
            score=1.0 if number >= 10 else -1.0,
            round_trips=0 if number >= 10 else 100,
        )
        for number in range(20)
    ]
    proposed = [
        propose(space, trials=trials, seed=seed, startup_trials=4, min_round_trips=minimum)["band"]
        for minimum in (30, 0)
        for seed in range(8)
    ]
    assert max(proposed[:8]) < 0.2 < min(proposed[8:])


def ticking(step=1.0):
    """A clock that moves on with each look at it."""
    now = [0.0]

    def monotonic():
        now[0] += step
        return now[0]

    return monotonic


def test_a_search_whose_time_is_up_keeps_what_is_done_and_is_not_reproducible(whole):
    seen = []
    study = searched(seconds=35.0, monotonic=ticking(), on_fold=seen.append)
    assert 1 <= len(study.trials) < 8
    assert study.trials == whole.trials[: len(study.trials)]
    assert (study.why_stopped, study.is_reproducible) == (WhyStopped.SECONDS, False)
    assert seen[-1].number == len(study.trials)  # the trial that was given up in the middle
    assert 0 < seen[-1].folds < 8
    assert searched(known=study.trials) == whole


def test_a_search_without_any_time_has_no_trial():
    seen = []
    study = searched(seconds=0.0, on_fold=seen.append)
    assert (study.trials, study.best, study.why_stopped) == ((), None, WhyStopped.SECONDS)
    assert seen == []


def test_a_search_that_is_asked_to_stop_does_so_between_two_folds(whole):
    seen = []
    study = searched(on_fold=seen.append, should_stop=lambda: len(seen) == 8 + 3)
    assert seen[-1] == Step(number=1, folds=3, of=8)
    assert study.trials == whole.trials[:1]
    assert (study.why_stopped, study.is_reproducible) == (WhyStopped.ASKED, False)


def test_a_trial_that_fails_says_why_and_the_study_goes_on():
    plan = plan_of(
        space=(*SPACE[:3], Dimension(name="look_back_days", low=10, high=60, step=1, is_whole=True), *SPACE[4:]),
        enqueued=queue({"look_back_days": 10}, {}),
    )
    failed, done, *_ = (study := searched(plan, trials=4)).trials
    assert (failed.state, failed.score, failed.folds) == (TrialState.FAILED, None, 0)
    assert failed.why == "only 60 rows are real klines with a known next close; 200 are needed"
    assert done.state is TrialState.COMPLETE
    assert study.best is not failed
    assert searched(plan, trials=4, known=study.trials[:2]) == study


def test_a_study_in_which_every_trial_fails_is_an_error_that_names_the_commonest_reason():
    short = plan_of(enqueued=queue({"look_back_days": 10}, {"look_back_days": 11}, {"look_back_days": 10}))
    with pytest.raises(BadData, match="all 3 trials failed; most often: only 60 rows"):
        searched(short, trials=3)
    refused = plan_of(base=replace(RECIPE, params={**RECIPE.params, "min_child_weight": -1.0}))
    with pytest.raises(BadData, match="min_child_weight"):
        searched(refused, trials=2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Pruner.MEDIAN, Pruner.WILCOXON])
def test_a_pruner_cuts_trials_short_and_changes_nothing_else_about_them(kind):
    rule = PruningRule(kind=kind, warm_up_trials=2, warm_up_folds=2)
    plan = replace(PLAN, pruning=rule, min_round_trips=5)
    study = searched(plan, trials=14)
    pruned = [trial for trial in study.trials if trial.state is TrialState.PRUNED]
    assert pruned
    unpruned = plan_of(enqueued=tuple(Enqueued(point=each.parameters) for each in study.trials), min_round_trips=5)
    for trial, full in zip(study.trials, searched(unpruned, trials=14).trials, strict=True):
        if trial in pruned:
            assert 2 <= trial.folds == len(trial.fold_scores) < 8
            assert not trial.is_evidence
            assert trial.fold_scores == full.fold_scores[: trial.folds]
            assert trial.daily[:-1] == full.daily[: len(trial.daily) - 1]
        else:
            assert trial == full
        before, looks = study.trials[: trial.number], [done for done in range(1, 8) if is_looked_at(rule, done)]
        verdicts = [is_hopeless(rule, scores=full.fold_scores[:done], finished=before) for done in looks]
        assert trial.folds == next((done for done, bad in zip(looks, verdicts, strict=True) if bad), 8)
    assert searched(plan, trials=14, workers=3) == study
    assert searched(plan, trials=14, known=study.trials[:9]) == study


def poisoned(row):
    """The history with nonsense in everything that is known only after the close that ends row - 1."""
    columns = ("features", "labels", "moves", "returns", "volatility", "volume_ratio", "filled", "scorable")
    changed = {name: getattr(HISTORY, name).copy() for name in (*columns, "close")}
    for name in columns:
        changed[name][row:] = True if changed[name].dtype == bool else 0.77
    changed["close"][row + 1 :] = 1e9
    return replace(HISTORY, **changed)


def test_what_comes_after_the_span_changes_nothing(whole):
    assert searched(history=poisoned(STOP)) == whole
    assert searched(history=poisoned(STOP - 1), trials=1).trials != whole.trials[:1]


def test_the_digest_is_over_all_that_trials_depend_on_and_nothing_else():
    same = digest(PLAN, HISTORY)
    assert digest(PLAN, poisoned(STOP)) == same
    assert digest(PLAN, poisoned(STOP - 1)) != same
    for name in ("features", "labels", "moves", "returns", "volatility", "volume_ratio"):
        early = getattr(HISTORY, name).copy()
        early[: START - 60 * 6] = 0.5  # before the longest look-back
        assert digest(PLAN, replace(HISTORY, **{name: early})) == same
        early[START - 60 * 6] = 0.5
        assert digest(PLAN, replace(HISTORY, **{name: early})) != same
    for change in (
        {"seed": 12},
        {"objective": Objective.GROSS},
        {"enqueued": ()},
        {"rule": replace(RULE, allow_short=False)},
        {"base": replace(RECIPE, max_bin=32)},
        {"costs": Costs(fee_rate=0.0, slippage_rate=0.001)},
        {"space": SPACE[1:]},
        {"pruning": PruningRule(kind=Pruner.MEDIAN)},
        {"versions": {"xgboost": "3.3"}},
        {"first": PLAN.first + timedelta(hours=4)},
    ):
        assert digest(replace(PLAN, **change), HISTORY) != same, change
    assert study_id(PLAN, HISTORY) == f"{from_ms(HISTORY.open_time[STOP - 1]):%Y%m%dT%H%M}-{same[:10]}"


def test_a_span_that_the_klines_do_not_cover_is_refused():
    for change in (
        {"end": from_ms(HISTORY.open_time[-1]) + timedelta(hours=8)},
        {"first": from_ms(HISTORY.open_time[0]) - timedelta(hours=4)},
        {"end": PLAN.first},
    ):
        with pytest.raises(BadData, match="do not cover"):
            searched(replace(PLAN, **change))
    with pytest.raises(BadData, match="look-backs of 60 days are full at"):
        searched(replace(PLAN, first=from_ms(HISTORY.open_time[HISTORY.first_warm + 359])))
    study = searched(replace(PLAN, first=from_ms(HISTORY.open_time[HISTORY.first_warm + 360])), trials=1)
    assert study.trials[0].state is TrialState.COMPLETE


def test_a_history_for_another_horizon_is_refused():
    with pytest.raises(ValueError, match="horizon"):
        searched(plan_of(base=replace(RECIPE, horizon=2)))
