"""What stands over every chart of a bot: whose it is, its costs, its span and sample, and what that is worth."""

from datetime import datetime

from trader.core.accounting import Costs
from trader.core.klines import FloatArray, from_ms, interval_ms
from trader.core.performance import charged, evidence
from trader.report.charts.description import Axis, Unit, count, floats
from trader.report.summary.model import RECENT_DAYS, Curves, Summary

NO_RUNS = "No completed runs yet. The chart begins with the first one."
ONE_RUN = "One run so far: nothing is settled yet."


def subtitle(summary: Summary, *, sample: str, tells_evidence: bool = True) -> tuple[str, ...]:
    """Return the lines under a title; `sample` says what this chart is made of."""
    says = evidence(summary.totals.round_trips) if tells_evidence else ""
    lines = (
        f"{summary.symbol} {summary.interval}, {summary.mode}, {costs_of(summary)}, notional {summary.notional:g}",
        f"{_day(summary.first)} to {_day(summary.now.open_time)} UTC, {count(summary.totals.runs, 'run')}",
        sample,
        says,
    )
    return tuple(line for line in lines if line)


def costs_of(summary: Summary) -> str:
    """Return the costs that are in the net returns."""
    totals, now = summary.totals, Costs(fee_rate=summary.fee_rate, slippage_rate=summary.slippage_rate)
    return charged(now, paid=totals.gross - totals.net, turnover=totals.turnover)


def trips(summary: Summary) -> str:
    """Return on how many settled klines and round trips a return stands."""
    totals = summary.totals
    return f"{count(totals.klines, 'kline')} settled, {count(totals.round_trips, 'round trip')}"


def worth(summary: Summary) -> str:
    """Return costs, round trips and what that is worth, in one line for a table of returns."""
    says = evidence(summary.totals.round_trips)
    return f"All runs: {costs_of(summary)}; {trips(summary)}{f'; {says}' if says else ''}"


def closes(summary: Summary) -> FloatArray:
    """Return when each point of the curves was known: the close of its kline, in milliseconds UTC."""
    return floats(summary.curves.time) + interval_ms(summary.interval)


def time_axis(summary: Summary) -> Axis:
    """Return the axis of `closes`; its label owns up to points that are left out."""
    thinned = summary.totals.runs > len(summary.curves.time)
    label = f"UTC; older than {RECENT_DAYS} days: the last run of each day" if thinned else "UTC, close of the kline"
    at = closes(summary)
    first, newest = (float(at[0]), float(at[-1])) if len(at) else (None, None)
    return Axis(label=label, unit=Unit.TIME, low=first, high=newest)


def too_short(curves: Curves) -> str:
    """Return why there is no curve to draw yet; empty when there is one."""
    return {0: NO_RUNS, 1: ONE_RUN}.get(len(curves.time), "")


def clock(milliseconds: float) -> str:
    """Return a time for people."""
    return f"{_day(from_ms(int(milliseconds)))} UTC"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
