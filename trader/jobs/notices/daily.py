"""The daily summary: yesterday, the last 30 days and everything, in one line that a phone shows."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from trader.core.accounting import Costs
from trader.core.klines import to_ms
from trader.core.notices import Level, Notice, Topic
from trader.core.performance import charged, evidence, round_trips
from trader.jobs.notices.wording import count, notice
from trader.report.summary.model import Curves, Now, Summary
from trader.report.text import percent
from trader.store.publication import Problem

_DAY = timedelta(days=1)
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """What the runs of a span of klines came to; `exposed` is the share of them that ended in a position."""

    runs: int
    net: float
    round_trips: int
    exposed: float


def daily(summary: Summary, *, now: datetime, problems: Sequence[Problem] = ()) -> Notice:
    """Return the summary of the UTC day before `now`; problems of that day and since are counted, the newest named."""
    today = datetime.combine(now.date(), time(), tzinfo=UTC)
    yesterday = _span(summary.curves, start=today - _DAY, end=today)
    month = _span(summary.curves, start=today - _MONTH_DAYS * _DAY, end=today)
    exposed = f", exposed {yesterday.exposed:.0%} of {count(yesterday.runs, 'run')}" if yesterday.runs else ""
    parts = [
        f"{today - _DAY:%Y-%m-%d}: {_words(yesterday)}{exposed}",
        f"{_MONTH_DAYS} days: {_words(month)}",
        f"since {summary.first:%Y-%m-%d}: {_total(summary)}",
        f"now {_standing(summary.now)}",
    ]
    recent = [each for each in problems if each.at >= today - _DAY]
    parts.append(_troubles(recent))
    advice = "`trader status` and the dashboard have the details" if recent or summary.now.halt else ""
    return notice(
        Topic.DAILY,
        Level.WARNING if recent or summary.now.halt else Level.INFO,
        symbol=summary.symbol,
        at=now,
        what="; ".join(parts),
        advice=advice,
    )


def _span(curves: Curves, *, start: datetime, end: datetime) -> _Span:
    """Return what the klines from `start` to before `end` came to, each with what was settled at its close."""
    first, last = (bisect_left(curves.time, to_ms(at)) for at in (start, end))
    if first == last:
        return _Span(runs=0, net=0.0, round_trips=0, exposed=0.0)
    before = curves.net[first - 1] if first else 0.0
    exposure = np.array(curves.exposure[max(first - 1, 0) : last])  # a trip may have begun the day before
    held = exposure[-(last - first) :]
    return _Span(
        runs=last - first,
        net=curves.net[last - 1] - before,
        round_trips=round_trips(exposure),
        exposed=float((held != 0).mean()),
    )


def _words(span: _Span) -> str:
    return f"{percent(span.net)} net in {count(span.round_trips, 'round trip')}" if span.runs else "no run"


def _total(summary: Summary) -> str:
    totals, costs = summary.totals, Costs(fee_rate=summary.fee_rate, slippage_rate=summary.slippage_rate)
    paid = charged(costs, paid=totals.gross - totals.net, turnover=totals.turnover)
    trips, says = count(totals.round_trips, "round trip"), evidence(totals.round_trips)
    return (
        f"{percent(totals.net)} net ({paid}) in {trips}{f' ({says})' if says else ''},"
        f" largest drawdown {percent(-totals.max_drawdown)}, {count(totals.orders, 'order')}, fees {totals.fees:.2f}"
    )


def _standing(now: Now) -> str:
    if now.halt:
        return f"HALTED ({now.halt})"
    side = "long" if now.exposure > 0 else "short" if now.exposure < 0 else "flat"
    due = f", training due ({now.due_to})" if now.due_to else ""
    return f"{side} {now.exposure:+.2f}{due}" if now.exposure else f"flat{due}"


def _troubles(problems: Sequence[Problem]) -> str:
    if not problems:
        return "no problems"
    newest = problems[-1]
    return f"{count(len(problems), 'problem')}, the newest: {newest.where}: {newest.what}"
