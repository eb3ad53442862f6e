"""What the probabilities were worth: the rolling hit rate, their calibration, and what the model goes by."""

from typing import TYPE_CHECKING

import numpy as np

from trader.core.evaluation.calibration import wilson
from trader.core.klines import FloatArray
from trader.report import style
from trader.report.charts.description import (
    SKY,
    Axis,
    Band,
    Bars,
    Chart,
    Dash,
    Level,
    Line,
    Panel,
    Points,
    Unit,
    count,
    floats,
    last,
)
from trader.report.charts.heading import closes, subtitle, time_axis, too_short
from trader.report.summary.model import HIT_WINDOW, Summary

if TYPE_CHECKING:
    from trader.ml.importance import Importance  # brings XGBoost and pandas, of which no chart has any use

_FEW = 30
"""A bin with fewer predictions is drawn pale: its interval spans half the picture."""
_SETTLED_WIDTH = 20.0
"""Per cent. Wider intervals belong to the first few klines and do not set the scale."""


def hit_rate(summary: Summary) -> Chart:
    """Return the share of right directions over the last exposed klines, with its Wilson interval."""
    curves, at, totals = summary.curves, closes(summary), summary.totals
    rate, low, high = (100 * floats(each) for each in (curves.hit_rate, curves.hit_low, curves.hit_high))
    now = last(rate)
    newest = "" if now is None else style.percent(now, decimals=1)
    bottom, top = _scale(rate, low, high)
    panel = Panel(
        parts=(
            Band(name="95 % interval of each point (Wilson)", x=at, low=low, high=high, color=style.BLUE),
            Level(at=50, name="A coin, 50 %", color=style.VERMILION, dash=Dash.DASHED),
            Line(name="Hit rate", value=newest, x=at, y=rate, color=style.BLUE, width=1.8),
        ),
        x=time_axis(summary),
        y=Axis(label="right direction", unit=Unit.PERCENT, low=bottom, high=top),
    )
    ever = f", {style.percent(100 * totals.hits / totals.exposed, decimals=1)} right" if totals.exposed else ""
    empty = too_short(curves) or ("" if now is not None else "No kline with a position has been scored yet.")
    return Chart(
        name="hit_rate",
        title=f"Hit rate over the last {HIT_WINDOW} klines with a position",
        subtitle=subtitle(
            summary,
            sample=f"all: {count(totals.exposed, 'exposed kline')}{ever}, {count(totals.round_trips, 'round trip')}",
        ),
        panels=() if empty else (panel,),
        empty=empty,
    )


def _scale(rate: FloatArray, low: FloatArray, high: FloatArray) -> tuple[float, float]:
    settled = high - low < _SETTLED_WIDTH
    shown = np.concatenate([low[settled], high[settled], rate[np.isfinite(rate)][-1:], [40.0, 60.0]])
    return max(0.0, float(shown.min()) - 2), min(100.0, float(shown.max()) + 2)


def calibration(summary: Summary) -> Chart:
    """Return what came where p(up) said so, in equal bins of p(up), with Wilson intervals and the counts below."""
    bins = summary.calibration
    counts, scored = np.array(bins.count), int(sum(bins.count))
    brier = f", Brier {bins.brier / scored:.4f} (0.25: always 0.5)" if scored else ""
    empty = "" if scored else "No prediction has been scored yet."
    return Chart(
        name="calibration",
        title="Calibration: what came where p(up) said so",
        subtitle=subtitle(summary, sample=f"{count(scored, 'scored prediction')}{brier}", tells_evidence=False),
        panels=() if empty else _reliability(counts, floats(bins.p_sum), np.array(bins.ups)),
        height=5.6,
        empty=empty,
    )


def _reliability(counts: np.ndarray, p_sum: FloatArray, ups: np.ndarray) -> tuple[Panel, ...]:
    width = 100 / len(counts)
    used = np.flatnonzero(counts)
    left, right = min(30.0, width * used[0]), max(70.0, width * (used[-1] + 1))
    said = Axis(label="p(up), mean of the bin", unit=Unit.PERCENT, low=left, high=right)
    ends = np.array([left, right])
    perfect = Line(name="Perfect", x=ends, y=ends, color=style.VERMILION, width=1.4, dash=Dash.DASHED)
    points = (
        _points("Went up, 95 % interval", counts, p_sum, ups, chosen=counts >= _FEW, color=style.BLUE),
        _points(f"Fewer than {_FEW} predictions", counts, p_sum, ups, chosen=(counts > 0) & (counts < _FEW)),
    )
    middles = width * (used.astype(np.float64) + 0.5)
    bars = Bars(name="Predictions", at=middles, value=counts[used].astype(np.float64), width=width, color=SKY)
    return (
        Panel(
            parts=(perfect, *(part for part in points if len(part.x))),
            x=said,
            y=Axis(label="went up", unit=Unit.PERCENT, low=0, high=100),
            share=3,
        ),
        Panel(parts=(bars,), x=said, y=Axis(label="count", low=0)),
    )


def _points(
    name: str, counts: np.ndarray, p_sum: FloatArray, ups: np.ndarray, *, chosen: np.ndarray, color: str = style.GREY
) -> Points:
    each, came = counts[chosen], ups[chosen]
    intervals = [wilson(float(successes), float(of)) for successes, of in zip(came, each, strict=True)]
    low, high = 100 * np.array(intervals).reshape(-1, 2).T
    return Points(
        name=name,
        x=100 * p_sum[chosen] / each,
        y=100 * came / each,
        low=low,
        high=high,
        color=color,
        notes=tuple(count(int(of), "prediction") for of in each),
        size=7,
    )


def importance(summary: Summary, found: "Importance | None") -> Chart:
    """Return what each column is worth: its gain in training, and what is lost on unseen klines without it."""
    known = found is not None and bool(found.columns)
    sample = f"{count(found.hours, 'unseen kline')} of {count(found.folds, 'fold')}" if found else ""
    return Chart(
        name="importance",
        title="What the model goes by",
        subtitle=subtitle(
            summary, sample=f"{sample}; below 0: better without it" if known else "", tells_evidence=False
        ),
        panels=_importance_panels(found) if found and known else (),
        height=1.9 + 0.28 * len(found.columns) if found and known else 4.0,
        is_beside=True,
        empty="" if known else "This model has no training report that measured its columns.",
    )


def _importance_panels(found: "Importance") -> tuple[Panel, ...]:
    """Return gain and log loss side by side, the column that is missed most uppermost."""
    ranked = sorted(found.columns, key=lambda column: (column.log_loss or 0.0, column.gain))
    place = np.arange(len(ranked), dtype=np.float64)
    names = Axis(ticks=tuple((float(at), column.name) for at, column in zip(place, ranked, strict=True)))
    gain = np.array([100 * column.gain for column in ranked])
    loss = 1000 * floats(tuple(column.log_loss for column in ranked))
    return (
        Panel(
            parts=(_lying("Gain", at=place, value=gain, color=style.BLUE),),
            x=Axis(label="gain in training", unit=Unit.PERCENT, low=0),
            y=names,
        ),
        Panel(
            parts=(
                _lying("Log loss without it", at=place, value=loss, color=style.GREEN),
                Level(at=0, is_upright=True),
            ),
            x=Axis(label="log loss without it, millinats"),
            y=names,
        ),
    )


def _lying(name: str, *, at: FloatArray, value: FloatArray, color: str) -> Bars:
    return Bars(name=name, at=at, value=value, width=0.7, color=color, is_lying=True)
