"""What the charts of a study show, from none of its trials to all of them."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.report.charts.studies import study, trial
from trader.core.errors import BadConfig
from trader.ml.study import TrialState
from trader.report.charts import draw_study
from trader.report.charts.description import Line, Points
from trader.report.charts.search import STUDY_CHARTS, optimisation_history, parallel_coordinate, param_importances
from trader.report.charts.search_importance import importance_shares
from trader.report.charts.study_charts import describe_study


def parts(chart, kind):
    return [part for panel in chart.panels for part in panel.parts if isinstance(part, kind)]


def scored(*scores, **changes):
    made = study(len(scores))
    trials = tuple(
        replace(each, score=score, is_evidence=True, state=TrialState.COMPLETE, **changes)
        for each, score in zip(made.trials, scores, strict=True)
    )
    return replace(made, trials=trials)


def test_every_trial_with_a_score_is_a_point_of_its_kind():
    made = study(60)
    points = {part.name: part for part in parts(optimisation_history(made), Points)}
    assert sum(len(part.x) for part in points.values()) == 60 - made.count(TrialState.FAILED)
    assert len(points["Pruned, as far as it came"].x) == made.count(TrialState.PRUNED)
    assert all("round trip" in note for part in points.values() for note in part.notes)


def test_the_best_so_far_only_rises_and_is_evidence():
    (line,) = parts(optimisation_history(scored(0.1, -0.2, 0.3, 0.2)), Line)
    assert line.y.tolist() == pytest.approx([10, 10, 30, 30, 30])
    assert line.x.tolist() == [0, 1, 2, 3, 3]
    assert line.value == "+30.00 %"
    none = replace(study(3), trials=tuple(replace(each, is_evidence=False) for each in study(3).trials))
    assert parts(optimisation_history(none), Line) == []
    assert "none has enough round trips: NO EVIDENCE" in "\n".join(optimisation_history(none).subtitle)


def test_the_learning_rate_that_the_score_depends_on_comes_first():
    shares = importance_shares(study(150))
    assert max(shares, key=shares.get) == "learning_rate"
    assert shares["learning_rate"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)
    chart = param_importances(study(150), shares=shares)
    assert chart.panels[0].y.ticks[-1][1] == "learning_rate"


def test_it_is_the_best_trials_that_matter_and_not_the_worst():
    rng = np.random.default_rng(0)
    points = [{"lifts": float(a), "ruins": float(b)} for a, b in rng.random((200, 2))]
    scores = [(a["lifts"] > 0.9) - (a["ruins"] < 0.1) + float(rng.normal(0, 0.01)) for a in points]
    made = scored(*scores)
    trials = tuple(replace(each, parameters=point) for each, point in zip(made.trials, points, strict=True))
    shares = importance_shares(replace(made, trials=trials))
    assert shares["lifts"] > 3 * shares["ruins"]


def test_importances_of_few_trials_are_called_unstable():
    made = study(30)
    assert any("unstable" in line for line in param_importances(made, shares=importance_shares(made)).subtitle)
    large = study(150)
    assert not any("unstable" in line for line in param_importances(large, shares=importance_shares(large)).subtitle)


def test_equal_scores_and_parameters_that_never_changed_tell_nothing():
    assert importance_shares(scored(*[0.1] * 20)) == {}
    point = trial(0).parameters
    assert importance_shares(scored(*np.linspace(0, 1, 20), parameters=point)) == {}


def test_uprights_run_from_the_lowest_to_the_highest_value_and_words_have_places():
    chart = parallel_coordinate(study(60))
    uprights = {each.name: each for each in chart.panels[0].parts[0].coordinates}
    complete = [each for each in study(60).trials if each.state is TrialState.COMPLETE]
    assert uprights["score %"].values.tolist() == pytest.approx([100 * each.score for each in complete])
    assert [word for _, word in uprights["exit"].ticks] == ["band", "neutral"]
    rates = [each.parameters["learning_rate"] for each in complete]
    assert [uprights["learning_rate"].ticks[0][0], uprights["learning_rate"].ticks[-1][0]] == [min(rates), max(rates)]


EMPTY = {
    "no trial": (study(0), "No trial has ended yet."),
    "all failed": (study(3, state=TrialState.FAILED), "No trial has a score: all 3 failed."),
}


@pytest.mark.parametrize("name", STUDY_CHARTS)
@pytest.mark.parametrize("case", EMPTY)
def test_a_study_without_a_score_says_why(case, name):
    made, says = EMPTY[case]
    chart = describe_study(made, name=name)
    assert (chart.panels, chart.empty) == ((), says)


def test_pruned_trials_alone_have_a_history_but_nothing_to_compare():
    made = study(4, state=TrialState.PRUNED)
    assert len(parts(optimisation_history(made), Points)) == 1
    assert parallel_coordinate(made).empty == "No trial has been scored on the whole span yet."


@pytest.mark.slow
@pytest.mark.parametrize("made", [study(0), study(1), study(2), study(3, state=TrialState.FAILED), study(150)])
@pytest.mark.parametrize("name", STUDY_CHARTS)
def test_any_study_gives_a_picture_and_a_page(made, name):
    files = draw_study(made, name=name)
    assert list(files) == [f"{name}.png", f"{name}.html"]
    with Image.open(BytesIO(files[f"{name}.png"])) as image:
        assert image.size[0] == 1200
    assert files[f"{name}.html"].startswith(b"<!DOCTYPE html>")
    assert draw_study(made, name=name) == files


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(BadConfig, match="no chart 'slice' of a study; use one of optimisation_history"):
        draw_study(study(2), name="slice")
