"""The charts by name, as a PNG or as a page of their own."""

from typing import TYPE_CHECKING

from trader.core.errors import BadConfig
from trader.report.charts import books, operation, prediction
from trader.report.charts.description import Chart
from trader.report.charts.interactive import to_html
from trader.report.charts.static import to_png
from trader.report.summary.model import Summary

if TYPE_CHECKING:
    from trader.ml.importance import Importance  # brings XGBoost and pandas, of which no chart has any use
    from trader.ml.study import Study

_OF_SUMMARY = {
    "equity": books.equity,
    "drawdown": books.drawdown,
    "exposure": books.exposure,
    "hit_rate": prediction.hit_rate,
    "returns": books.returns,
    "calibration": prediction.calibration,
    "execution": operation.execution,
    "latency": operation.latency,
}
CHARTS = (
    "equity",
    "drawdown",
    "exposure",
    "hit_rate",
    "returns",
    "calibration",
    "importance",
    "execution",
    "latency",
)
"""The names that the charts are kept under, in the order of looking at them."""


def draw_png(name: str, summary: Summary, *, importance: "Importance | None" = None) -> bytes:
    """Return a chart as a PNG 1200 pixels wide. Raises BadConfig for a name that is not one of `CHARTS`."""
    return to_png(describe(name, summary, importance=importance))


def draw_html(name: str, summary: Summary, *, importance: "Importance | None" = None) -> str:
    """Return a chart as a page that gets plotly.js from its network. Raises BadConfig for an unknown name."""
    return to_html(describe(name, summary, importance=importance))


def draw_study(study: "Study", *, name: str) -> dict[str, bytes]:
    """Return a chart of a study (`search.STUDY_CHARTS`) as PNG and page, by file name. Raises BadConfig otherwise."""
    from trader.report.charts.study_charts import study_chart  # noqa: PLC0415 - Optuna takes half a second to import

    return study_chart(study, name=name)


def describe(name: str, summary: Summary, *, importance: "Importance | None" = None) -> Chart:
    """Return what a chart shows. Raises BadConfig for an unknown name."""
    if name == "importance":
        return prediction.importance(summary, importance)
    if name not in _OF_SUMMARY:
        raise BadConfig(f"there is no chart {name!r}; use one of {', '.join(CHARTS)}")
    return _OF_SUMMARY[name](summary)
