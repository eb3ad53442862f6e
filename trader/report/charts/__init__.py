"""The charts of a bot and of a search, each as a still picture and as a page to explore. The door is `draw.py`.

description   what a chart shows, as values: both renderings read the same one and cannot disagree
books         what the books did: equity, drawdown, exposure, returns
prediction    what the probabilities were worth: hit rate, calibration, importance
operation     what running it costs: execution by cause, latency
search        what a study tried; `search_importance` asks Optuna, so `study_charts` is imported when it is needed
static        a description as a PNG, with matplotlib
interactive   a description as a page, with plotly
results       the ledger as CSV and as a page
"""

from trader.report.charts.draw import CHARTS, draw_html, draw_png, draw_study

__all__ = ["CHARTS", "draw_html", "draw_png", "draw_study"]
