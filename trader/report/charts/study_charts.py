"""A study's charts by name. Apart from `draw.py`, because Optuna takes its time to import."""

from trader.core.errors import BadConfig
from trader.ml.study import Study
from trader.report.charts.description import Chart
from trader.report.charts.interactive import to_html
from trader.report.charts.search import STUDY_CHARTS, optimisation_history, parallel_coordinate, param_importances
from trader.report.charts.search_importance import importance_shares
from trader.report.charts.static import to_png


def study_chart(study: Study, *, name: str) -> dict[str, bytes]:
    """Return one of `STUDY_CHARTS` as a PNG and as a page, by file name. Raises BadConfig for an unknown name."""
    chart = describe_study(study, name=name)
    return {f"{name}.png": to_png(chart), f"{name}.html": to_html(chart).encode("utf-8")}


def describe_study(study: Study, *, name: str) -> Chart:
    """Return what a chart of a study shows. Raises BadConfig for an unknown name."""
    match name:
        case "optimisation_history":
            return optimisation_history(study)
        case "param_importances":
            return param_importances(study, shares=importance_shares(study))
        case "parallel_coordinate":
            return parallel_coordinate(study)
    raise BadConfig(f"there is no chart {name!r} of a study; use one of {', '.join(STUDY_CHARTS)}")
