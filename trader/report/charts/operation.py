"""What running the bot costs: why the two books differ, and how long a run takes."""

import numpy as np

from trader.core.klines import FloatArray
from trader.report import style
from trader.report.charts.description import (
    ORANGE,
    SKY,
    Axis,
    Chart,
    Dash,
    Level,
    Line,
    Panel,
    Points,
    count,
    floats,
    last,
)
from trader.report.charts.heading import closes, subtitle, time_axis, too_short
from trader.report.summary.model import Summary

_STEPS = (1, 3)
_MANY = 300


def execution(summary: Summary) -> Chart:
    """Return paper less execution equity by cause, summed over time, in quote units."""
    totals = summary.totals
    traded = any(value is not None for value in summary.curves.execution)
    empty = too_short(summary.curves) or ("" if traded else "There is no execution book yet.")
    sample = f"{count(totals.orders, 'run')} with an order, {count(totals.round_trips, 'round trip')}"
    panel = Panel(parts=(Level(at=0), *_causes(summary)), x=time_axis(summary), y=Axis(label="quote units"))
    return Chart(
        name="execution",
        title="Paper less execution, by cause",
        subtitle=subtitle(summary, sample=f"{sample}; above 0: paper ahead"),
        panels=() if empty else (panel,),
        height=5.2,
        empty=empty,
    )


def _causes(summary: Summary) -> tuple[Line, ...]:
    curves, at = summary.curves, closes(summary)
    looks = (
        ("Rebalancing", floats(curves.rebalancing), SKY, 1.6, Dash.SOLID),
        ("Unfilled", floats(curves.unfilled), style.PURPLE, 1.6, Dash.DASHED),
        ("Basis", floats(curves.basis), style.GREEN, 1.6, Dash.SOLID),
        ("Shortfall", floats(curves.shortfall), ORANGE, 1.6, Dash.DASHED),
        ("Fees", floats(curves.fees), style.VERMILION, 1.6, Dash.DOTTED),
    )
    whole = ("All together", np.sum([look[1] for look in looks], axis=0), style.BLACK, 2.4, Dash.SOLID)
    return tuple(
        Line(name=name, value=_newest(values), x=at, y=values, color=color, width=width, dash=dash)
        for name, values, color, width, dash in (*looks, whole)
    )


def latency(summary: Summary) -> Chart:
    """Return the seconds from a run's start to its order and to its commit, over time."""
    order, commit = floats(summary.curves.order_seconds), floats(summary.curves.seconds)
    timed, ordered = int((commit > 0).sum()), int((order > 0).sum())
    empty = too_short(summary.curves) or ("" if timed or ordered else "No run has been timed yet.")
    return Chart(
        name="latency",
        title="Seconds from a run's start to order and commit",
        subtitle=subtitle(
            summary,
            sample=f"shown: {count(timed, 'timed run')}, {ordered:,} with a time to the order",
            tells_evidence=False,
        ),
        panels=() if empty else (_latency_panel(summary, order, commit),),
        height=4.8,
        empty=empty,
    )


def _latency_panel(summary: Summary, order: FloatArray, commit: FloatArray) -> Panel:
    looks = (("To commit", commit, style.BLUE), ("To order", order, style.VERMILION))
    shown = [(name, np.where(values > 0, values, np.nan), color) for name, values, color in looks]
    points = tuple(
        Points(
            name=name,
            value=_quantiles(values),
            x=closes(summary),
            y=values,
            color=color,
            size=2.4 if len(values) > _MANY else 5,
        )
        for name, values, color in shown
        if np.isfinite(values).any()
    )
    low, high = (float(edge([edge(part.y[np.isfinite(part.y)]) for part in points])) for edge in (np.min, np.max))
    low, high = low / 1.4, high * 1.4
    round_numbers = [factor * 10.0**power for power in range(-4, 6) for factor in _STEPS]
    ticks = tuple((value, f"{value:g} s") for value in round_numbers if low <= value <= high)
    return Panel(
        parts=points,
        x=time_axis(summary),
        y=Axis(label="seconds (logarithmic)", low=low, high=high, ticks=ticks, is_log=True),
    )


def _quantiles(values: FloatArray) -> str:
    half, most = np.nanquantile(values, [0.5, 0.95])
    return f"median {half:.3g} s, 95 % under {most:.3g} s"


def _newest(values: FloatArray) -> str:
    final = last(values)
    return "no value" if final is None else f"{final:+,.2f}".replace("-", "\N{MINUS SIGN}")
