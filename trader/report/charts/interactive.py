"""A chart as a page to explore: plotly's figure as plain values, and a frame that fits a phone.

Text is escaped twice over: for the page, and for plotly, which reads a few tags in labels. The page's bytes depend on
the chart and plotly's version only.
"""

import base64
import hashlib
from functools import cache
from html import escape

import plotly.io  # type: ignore[import-untyped]
from plotly.offline import get_plotlyjs, get_plotlyjs_version  # type: ignore[import-untyped]

from trader.report.charts.description import Chart, Parallel
from trader.report.charts.interactive_figure import figure_of

_STYLE = """
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; box-sizing: border-box; padding: .8rem; color: #1f2933; background: #fff;
  font: 1rem/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.15rem; line-height: 1.25; margin: 0 0 .2rem; }
p { font-size: .88rem; margin: 0; overflow-wrap: anywhere; }
main.wide > div { min-width: 60rem; }
main { flex: 1 1 auto; min-height: 26rem; overflow-x: auto; }
.hint { color: #6b7280; padding-top: .3rem; }
@media print { .hint { display: none; } }
.empty { padding: 4rem 1rem; text-align: center; font-size: 1.1rem; }
"""
_CONFIG = {"displayModeBar": False, "displaylogo": False}  # the bar would lie over the legend
_HINT = "Drag to zoom, double-click to see everything, click a name in the legend to hide it."


def to_html(chart: Chart, *, plotly_js: str | None = None) -> str:
    """Return the page; `plotly_js` is the address of plotly.js, its network's for None, inside the page when empty."""
    title = escape(chart.title)
    lines = "".join(f"<p>{escape(line)}</p>" for line in chart.subtitle)
    body = _plot(chart, plotly_js) if chart.panels else f'<p class="empty">{escape(chart.empty)}</p>'
    is_parallel = any(isinstance(part, Parallel) for panel in chart.panels for part in panel.parts)
    hint = f'<p class="hint">{_HINT}</p>' if chart.panels else ""
    wide = ' class="wide"' if is_parallel else ""  # a dozen uprights do not fit a phone: they scroll
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><header><h1>{title}</h1>{lines}</header><main{wide}>{body}</main>{hint}</body></html>\n"
    )


def _plot(chart: Chart, plotly_js: str | None) -> str:
    if plotly_js is None:
        script = _from_network()
    elif plotly_js:
        script = f'<script src="{escape(plotly_js)}"></script>'
    else:
        script = f"<script>{get_plotlyjs()}</script>"
    plot: str = plotly.io.to_html(
        figure_of(chart),
        config=_CONFIG,
        include_plotlyjs=False,
        full_html=False,
        validate=False,
        div_id=f"chart-{chart.name}",
    )
    return script + plot


@cache
def _from_network() -> str:
    """Return the script tag of the very plotly.js that is installed here: a browser takes no other bytes."""
    digest = base64.b64encode(hashlib.sha256(get_plotlyjs().encode("utf-8")).digest()).decode("ascii")
    source = f"https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"
    return f'<script src="{source}" integrity="sha256-{digest}" crossorigin="anonymous"></script>'
