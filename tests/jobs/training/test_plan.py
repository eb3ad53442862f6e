"""What a training searches is what its settings say, and a study is another one when its sampler is."""

from contextlib import closing

import optuna

from tests.jobs.test_run import replace_bot
from tests.jobs.training.trainings import EASY, desk_on, setup_of, studies_of, trained
from trader.jobs.training.search import plan_of
from trader.jobs.training.setup import spans_of
from trader.ml.history import build_history
from trader.ml.importance import measure_importance
from trader.ml.plan import study_id
from trader.ml.pool import ThreadPool
from trader.ml.walkforward import make_folds


def test_a_study_is_not_continued_by_another_version_of_the_sampler(tmp_path):
    desk, setup = desk_on(tmp_path), setup_of()
    spans = spans_of(EASY, setup=setup)
    known = build_history(EASY[: spans.hold_out], names=setup.recipe.features)
    plan = plan_of(desk, known, spans=spans, champion=setup.recipe, setup=setup)
    assert plan.versions == {**desk.bot.versions, "optuna": optuna.__version__}


def test_commits_on_the_way_to_a_release_continue_a_study_and_the_next_release_begins_another(tmp_path):
    setup = setup_of()
    spans = spans_of(EASY, setup=setup)
    known = build_history(EASY[: spans.hold_out], names=setup.recipe.features)

    def study_of(version, commit, **others):
        versions = {"trader": version, "commit": commit, **others}
        desk = replace_bot(desk_on(tmp_path), versions=versions)
        return study_id(plan_of(desk, known, spans=spans, champion=setup.recipe, setup=setup), known)

    study = study_of("0.5.0.dev2+gabababa", "ab" * 20)
    assert (
        study_of("0.5.0.dev3+gcdcdcdc.dirty", "cd" * 20)
        == study_of("0.5.0", "ef" * 20)
        == study_of("0.5.0", "")
        == study
    )
    assert len({study, study_of("0.6.0.dev1+gabababa", "ab" * 20), study_of("0.5.0", "", numpy="9.9")}) == 3


def test_importance_is_measured_on_the_strategy_that_was_searched(tmp_path):
    """With a range margin of 0 every hour that is new to the model is flat, also where columns are scrambled."""
    narrow = {"risk": {"range_margin": 0.0}}
    desk = desk_on(tmp_path, **narrow)
    report = trained(desk, **narrow).report
    plan = studies_of(desk).record(report.study.study_id).plan
    known = build_history(EASY[: spans_of(EASY, setup=setup_of()).hold_out], names=report.recipe.features)
    start, stop = plan.rows(known)
    with closing(ThreadPool(known, workers=1)) as pool:
        by_hand, wide = (
            measure_importance(
                known,
                recipe=report.recipe,
                folds=make_folds(start=start, stop=stop, interval="1h"),
                rule=plan.rule,
                costs=plan.costs,
                range_margin=margin,
                seed=plan.seed,
                pool=pool,
            )
            for margin in (0.0, 1.0)
        )
    assert plan.range_margin == 0.0
    assert report.importance == by_hand != wide
