"""What is measured of one symbol: from the newest record and its books, and over all runs from the dashboard's summary.

Without a summary the number of runs is not known, and the drawdown is that since the last start or resume.
"""

from dataclasses import dataclass
from datetime import datetime

from trader.core.klines import close_of
from trader.core.orders import as_decimal
from trader.jobs.bot import Desk
from trader.jobs.dashboard.summaries import read_summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One symbol after its newest run. Returns and drawdown are fractions of the notional, equity quote units.

    `age` and `model_age` are in seconds, from the close of the newest run's kline, and of the model's newest kline, to
    now. None is what is not known.
    """

    age: float
    model_age: float | None
    exposure: float
    paper_net: float
    paper_gross: float
    execution_equity: float | None
    p_up: float | None
    drawdown: float
    is_halted: bool
    trigger_sum: float | None
    runs: int | None


def figures_of(desk: Desk, *, now: datetime) -> Figures | None:
    """Return the figures of a symbol, None before its first run. Raises as the journal does."""
    bot = desk.bot
    newest = desk.journal.newest()
    stored = desk.journal.read(newest) if newest is not None else None
    if newest is None or stored is None or stored.record.state is None:
        return None
    record, state = stored.record, stored.record.state
    paper, inputs = state.paper, record.inputs
    last = inputs.model_last if inputs else None
    summary = read_summary(desk)
    price = inputs.price if inputs else paper.close
    is_current = summary is not None and summary.now.open_time == newest and len(summary.curves.drawdown) > 0
    fallen = summary.curves.drawdown[-1] if summary is not None and is_current else None
    return Figures(
        age=(now - close_of(newest, bot.interval)).total_seconds(),
        model_age=None if last is None else (now - close_of(last, bot.interval)).total_seconds(),
        exposure=paper.exposure,
        paper_net=paper.net,
        paper_gross=paper.gross,
        execution_equity=float(state.execution.equity(as_decimal(price))) if price else None,
        p_up=inputs.p_up if inputs else None,
        drawdown=paper.peak - paper.since_resume if fallen is None else fallen,
        is_halted=paper.halt is not None,
        trigger_sum=record.trigger.cumulative if record.trigger else None,
        runs=summary.totals.runs if summary else None,
    )
