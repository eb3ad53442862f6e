"""A summary, made of a whole ledger at once, or of the summary before and one more run.

Both ways are one: the builder takes one run after the other, and a summary is a builder at rest.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from trader.core.errors import BadData
from trader.core.klines import from_ms, interval_ms, to_ms
from trader.core.risk import ControlMode
from trader.report.summary.curves import DAY_MS, Growing
from trader.report.summary.marks import halt_of, marks_of
from trader.report.summary.model import GAP_DAYS, MOST_MARKS, CalibrationBins, Curves, Mark, Now, Setup, Summary
from trader.report.summary.rows import Run, run_of, runs_of
from trader.report.summary.scores import Scores
from trader.report.summary.sums import Sums, is_off_target


class Stale(BadData):
    """A summary that this run does not follow: runs lie between, or it was made with other settings."""


def add_run(summary: Summary | None, row: Mapping[str, Any], *, setup: Setup, horizon: Mapping[str, int]) -> Summary:
    """Return the summary after one more row of the ledger; a run that is in it changes nothing.

    `horizon` are the label horizons by model, 1 where it does not say. Raises Stale when the summary has to be made
    anew from the ledger.
    """
    run = run_of(row)
    if summary is not None:
        if summary.setup != setup:
            raise Stale(f"the summary of {setup.symbol} was made with other settings; make it anew")
        if run.open_time <= to_ms(summary.now.open_time):
            return summary
        if missing := _unrecorded(run, newest=summary.now.open_time, interval=setup.interval):
            raise Stale(f"the summary of {setup.symbol} lacks {missing} klines before {from_ms(run.open_time)}")
    builder = _Builder(summary, setup=setup, horizon=horizon)
    builder.add(run)
    return builder.freeze()


def summarise(table: pa.Table, *, setup: Setup, horizon: Mapping[str, int]) -> Summary | None:
    """Return the summary of a whole ledger, oldest run first; None when it is empty.

    Klines that the ledger knows nothing of are gaps. Raises BadData when runs are repeated or out of order.
    """
    builder = _Builder(None, setup=setup, horizon=horizon)
    for run in runs_of(table):
        builder.add(run)
    return builder.freeze() if len(table) else None


def _unrecorded(run: Run, *, newest: datetime, interval: str) -> int:
    """Return how many klines lie between the newest run and the first one that this run stands for."""
    step = interval_ms(interval)
    first = run.open_time - max(0, run.missed - 1) * step
    return max(0, (first - to_ms(newest)) // step - 1)


class _Builder:
    """Everything of a summary, growing."""

    def __init__(self, summary: Summary | None, *, setup: Setup, horizon: Mapping[str, int]) -> None:
        self._setup = setup
        self._horizon = horizon
        self._first = summary.first if summary else None
        self._first_close = summary.first_close if summary else None
        self._now = summary.now if summary else None
        self._sums = Sums(summary, notional=setup.notional, rate=setup.fee_rate + setup.slippage_rate)
        self._curves = Growing(summary.curves if summary else Curves(), notional=setup.notional)
        self._scores = Scores(summary.calibration if summary else CalibrationBins(), interval=setup.interval)
        self._marks: list[Mark] = list(summary.marks) if summary else []
        self._reasons = Counter(summary.reasons if summary else {})
        self._months = Counter(summary.months if summary else {})
        self._gaps = list(summary.gaps) if summary else []

    def add(self, run: Run) -> None:
        before, now = self._now, self._now_after(run)
        if before is None:
            self._first = now.open_time
        elif now.open_time <= before.open_time:
            raise BadData("the ledger's runs are repeated or out of order; `trader ledger rebuild` makes it anew")
        if self._first_close is None:
            self._first_close = run.close
        unrecorded = 0 if before is None else _unrecorded(run, newest=before.open_time, interval=self._setup.interval)
        self._sums.add(run, before=before, now=now)
        self._scores.add(run, horizon=self._horizon.get(run.model_id or "", 1))
        self._curves.add(self._point(run, now=now))
        self._marks += marks_of(run, before=before, now=now, unrecorded=unrecorded)
        self._reasons[run.reason] += 1
        self._months[f"{now.open_time:%Y-%m}"] += 1
        self._note_gap(run, unrecorded=unrecorded)
        self._now = now

    def _now_after(self, run: Run) -> Now:
        before = self._now
        control = run.control or (before.control if before else ControlMode.RUN.value)
        is_trained = run.training is not None
        return Now(
            open_time=from_ms(run.open_time),
            outcome=run.outcome,
            reason=run.reason,
            exposure=_known(run.exposure, before.exposure if before else 0.0),
            p_up=run.p_up,
            close=run.close,
            model_id=run.model_id or (before.model_id if before else None),
            halt=halt_of(run, control=control),
            control=control,
            trigger_sum=run.trigger_sum,
            due_to=run.due_to,
            epoch=run.epoch if run.epoch is not None or before is None else before.epoch,
            position=run.position if run.position is not None or before is None else before.position,
            target=run.target if run.target is not None or before is None else before.target,
            off_target=is_off_target(run, notional=self._setup.notional),
            unexplained=run.unexplained,
            not_sent=run.not_sent,
            training=run.training if is_trained or before is None else before.training,
            training_outcome=run.training_outcome if is_trained or before is None else before.training_outcome,
        )

    def _point(self, run: Run, *, now: Now) -> Mapping[str, float | None]:
        sums, first = self._sums, self._first_close
        rate, low, high = sums.hit_rate
        return {
            "time": run.open_time,
            "net": sums.net if run.paper_net is None else run.paper_net,
            "gross": sums.gross if run.paper_gross is None else run.paper_gross,
            "hold": run.close / first - 1 if run.close is not None and first else None,
            "drawdown": sums.drawdown,
            "execution": run.execution_equity,
            "close": run.close,
            "exposure": now.exposure,
            "p_up": run.p_up,
            "hit_rate": rate,
            "hit_low": low,
            "hit_high": high,
            "order_seconds": run.seconds_to_order,
            "seconds": run.seconds,
            **sums.causes,
        }

    def _note_gap(self, run: Run, *, unrecorded: int) -> None:
        missing = run.missed + unrecorded
        if not missing:
            return
        step = interval_ms(self._setup.interval)
        last = run.open_time if run.missed else run.open_time - step
        first = last - (missing - 1) * step
        if self._gaps and self._gaps[-1][1] + step == first:
            first = self._gaps.pop()[0]
        self._gaps.append((first, last))

    def freeze(self) -> Summary:
        if self._now is None or self._first is None:
            raise BadData("a ledger without runs has no summary")
        setup, oldest = self._setup, to_ms(self._now.open_time) - GAP_DAYS * DAY_MS
        return Summary(
            bot_id=setup.bot_id,
            mode=setup.mode,
            symbol=setup.symbol,
            interval=setup.interval,
            notional=setup.notional,
            fee_rate=setup.fee_rate,
            slippage_rate=setup.slippage_rate,
            first=self._first,
            first_close=self._first_close,
            now=self._now,
            curves=self._curves.freeze(),
            calibration=self._scores.freeze(),
            marks=tuple(self._marks[-MOST_MARKS:]),
            reasons=dict(self._reasons),
            months=dict(self._months),
            gaps=tuple(gap for gap in self._gaps if gap[1] >= oldest),
            **self._sums.freeze(),
        )


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
