"""What the books did: equity with what happened on the way, drawdown, exposure beside the price, hourly returns."""

import numpy as np

from trader.core.klines import BoolArray, FloatArray, interval_ms, to_ms
from trader.report import style
from trader.report.charts.description import (
    Axis,
    Bars,
    Chart,
    Dash,
    Flags,
    Level,
    Line,
    Panel,
    Part,
    Sign,
    Spans,
    Unit,
    count,
    floats,
    last,
)
from trader.report.charts.heading import closes, subtitle, time_axis, too_short, trips
from trader.report.summary.model import RETURN_STEP, MarkKind, Summary

_FLAGS = (
    (MarkKind.PROMOTION, "New champion", style.GREEN, Sign.DOWN),
    (MarkKind.TRAINING, "Training", style.PURPLE, Sign.DIAMOND),
    (MarkKind.LIMIT, "Loss limit", style.VERMILION, Sign.CROSS),
    (MarkKind.EPOCH, "New account", style.BLACK, Sign.CROSS),
    (MarkKind.ABSENCE, "Absence", style.GREY, Sign.TICK),
)
_LEAST_DRAWDOWN = 0.1
"""Per cent. A shallower one is not blown up to the height of the picture."""
_LEAST_SHOWN = 0.005
"""The histogram shows at least this far (a fraction) on either side of nothing."""


def equity(summary: Summary) -> Chart:
    """Return both books and hold in per cent of the notional, and what happened on the way."""
    curves, at = summary.curves, closes(summary)
    execution = floats(curves.execution) / summary.notional
    looks = (
        ("Hold", floats(curves.hold), style.GREY, 1.4, Dash.DOTTED),
        ("Paper gross", floats(curves.gross), style.BLUE, 0.9, Dash.SOLID),
        ("Paper net", floats(curves.net), style.BLUE, 2.4, Dash.SOLID),
        ("Execution", execution, style.VERMILION, 1.7, Dash.DASHED),
    )
    lines = tuple(
        Line(name=name, value=_newest(values), x=at, y=100 * values, color=color, width=width, dash=dash)
        for name, values, color, width, dash in looks
    )
    panel = Panel(
        parts=(Level(at=0), *halts(summary), *lines, *flags(summary)),
        x=time_axis(summary),
        y=Axis(label="% of notional", unit=Unit.SIGNED_PERCENT),
    )
    empty = too_short(curves)
    return Chart(
        name="equity",
        title="Equity of both books against holding",
        subtitle=subtitle(summary, sample=f"{trips(summary)}; not compounded"),
        panels=() if empty else (panel,),
        height=6.0,
        empty=empty,
    )


def drawdown(summary: Summary) -> Chart:
    """Return how far the paper book is below its highest equity so far."""
    curves = summary.curves
    fall = 0.0 - 100 * floats(curves.drawdown)  # nothing is 0, not -0
    deepest, now = 0.0 - 100 * summary.totals.max_drawdown, last(fall)
    below = "" if now is None else f"now {style.percent(now, decimals=2)}"
    level = Level(
        at=deepest, name=f"Deepest {style.percent(deepest, decimals=2)}", color=style.VERMILION, dash=Dash.DASHED
    )
    panel = Panel(
        parts=(
            *halts(summary),
            Line(name="Below its peak", value=below, x=closes(summary), y=fall, color=style.BLUE, fills=True),
            level,
        ),
        x=time_axis(summary),
        y=Axis(label="% of notional", unit=Unit.PERCENT, low=1.06 * min(deepest, -_LEAST_DRAWDOWN), high=0.0),
    )
    empty = too_short(curves)
    return Chart(
        name="drawdown",
        title="Drawdown of the paper book",
        subtitle=subtitle(summary, sample=f"{trips(summary)}; net of costs"),
        panels=() if empty else (panel,),
        empty=empty,
    )


def exposure(summary: Summary) -> Chart:
    """Return price, probability and exposure over the same time."""
    curves, at = summary.curves, closes(summary)
    price = Line(name="Close", x=at, y=floats(curves.close), color=style.INK, width=1.2)
    p_up = Line(name="p(up)", x=at, y=floats(curves.p_up), color=style.PURPLE, width=0.9)
    held = Line(name="Exposure", x=at, y=floats(curves.exposure), color=style.BLUE, width=0.9, is_step=True, fills=True)
    sides = tuple((float(side), name) for side, name in ((-1, "short \N{MINUS SIGN}1"), (0, "flat 0"), (1, "long 1")))
    when = time_axis(summary)
    panels = (
        Panel(parts=(*halts(summary), price), x=when, y=Axis(label=f"{summary.symbol} price"), share=1.6),
        Panel(parts=(Level(at=0.5, dash=Dash.DOTTED), p_up), x=when, y=Axis(label="p(up)")),
        Panel(parts=(Level(at=0), held), x=when, y=Axis(label="exposure", low=-1.2, high=1.2, ticks=sides)),
    )
    empty = too_short(curves)
    return Chart(
        name="exposure",
        title="Price, probability of a rise, exposure",
        subtitle=subtitle(summary, sample=f"{count(summary.totals.exposed, 'exposed kline')}, {trips(summary)}"),
        panels=() if empty else panels,
        height=6.4,
        empty=empty,
    )


def returns(summary: Summary) -> Chart:
    """Return the histogram of what exposed klines returned after costs."""
    counts = np.array(summary.returns, dtype=np.float64)
    lower = (np.arange(len(counts), dtype=np.float64) - len(counts) // 2) * RETURN_STEP
    total, below = int(counts.sum()), int(counts[lower < 0].sum())
    share = f", {style.percent(100 * below / total, decimals=1)} of them lost" if total else ""
    empty = "" if total else "No exposed kline is settled yet."
    return Chart(
        name="returns",
        title="Net returns of the klines with a position",
        subtitle=subtitle(
            summary, sample=f"{count(total, 'kline')}{share}, {count(summary.totals.round_trips, 'round trip')}"
        ),
        panels=() if empty else (_histogram(100 * lower, counts),),
        empty=empty,
    )


def _histogram(lower: FloatArray, counts: FloatArray) -> Panel:
    """Return the panel of bins from `lower` on, in per cent, on a logarithmic scale: the tails are what hurts."""
    step, used = 100 * RETURN_STEP, lower[counts > 0]
    reach = max(100 * _LEAST_SHOWN, -float(used[0]), float(used[-1]) + step) + step
    top = 1.6 * float(counts.max())
    tens = [10.0**power for power in range(8)]
    return Panel(
        parts=(
            _bars("lost", lower, counts, chosen=(counts > 0) & (lower < 0), color=style.VERMILION),
            _bars("won", lower, counts, chosen=(counts > 0) & (lower >= 0), color=style.BLUE),
            Level(at=0, is_upright=True),
        ),
        x=Axis(
            label="net return of a kline; the outermost bars are open", unit=Unit.SIGNED_PERCENT, low=-reach, high=reach
        ),
        y=Axis(
            label="klines (logarithmic)",
            low=0.7,
            high=top,
            ticks=tuple((ten, style.short(ten)) for ten in tens if ten <= top),
            is_log=True,
        ),
    )


def _bars(name: str, lower: FloatArray, counts: FloatArray, *, chosen: BoolArray, color: str) -> Bars:
    step, ends = 100 * RETURN_STEP, (lower[0], lower[-1])
    return Bars(
        name=name,
        at=lower[chosen] + step / 2,
        value=counts[chosen],
        width=step,
        color=color,
        notes=tuple(_bin(edge, step=step, ends=ends) for edge in lower[chosen]),
    )


def _bin(edge: float, *, step: float, ends: tuple[float, float]) -> str:
    low, high = (style.percent(each, decimals=1, signed=round(each, 1) != 0) for each in (edge, edge + step))
    if edge == ends[0]:
        return f"below {high}"
    return f"{low} or more" if edge == ends[1] else f"{low} to {high}"


def halts(summary: Summary) -> tuple[Part, ...]:
    """Return the stretches without trading: from each halt until trading goes on, or until now."""
    step, began = interval_ms(summary.interval), None
    edges: list[tuple[float, float]] = []
    for mark in summary.marks:
        moment = float(to_ms(mark.at) + step)
        if mark.kind is MarkKind.HALT and began is None:
            began = moment
        elif mark.kind is MarkKind.RESUME and began is not None:
            edges.append((began, moment))
            began = None
    if began is not None and summary.curves.time:
        edges.append((began, float(summary.curves.time[-1] + step)))
    return (Spans(name=f"Halted ({len(edges):,}\N{MULTIPLICATION SIGN})", edges=tuple(edges)),) if edges else ()


def flags(summary: Summary) -> tuple[Part, ...]:
    """Return a row of signs for each kind of thing that has happened."""
    step = interval_ms(summary.interval)
    rows: list[Part] = []
    for kind, name, color, sign in _FLAGS:
        marks = [mark for mark in summary.marks if mark.kind is kind]
        if marks:
            rows.append(
                Flags(
                    name=f"{name} ({len(marks):,})",
                    x=np.array([to_ms(mark.at) + step for mark in marks], dtype=np.float64),
                    notes=tuple(mark.text for mark in marks),
                    color=color,
                    sign=sign,
                )
            )
    return tuple(rows)


def _newest(values: FloatArray) -> str:
    final = last(values)
    return "no value" if final is None else style.percent(100 * final, decimals=2, signed=True)
