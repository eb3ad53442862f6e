"""Replay and backtest from the settings' store: what is loaded, which model, and where the results go."""

import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from trader.bootstrap import build_replay, build_training, costs_of, open_storage, recipe_of
from trader.cli.after_run import as_plain, training_after
from trader.cli.output import Bar, write_file
from trader.config import Settings
from trader.core.accounting import Costs
from trader.core.errors import BadConfig
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, from_ms, interval_ms, to_ms
from trader.core.performance import Baselines, Execution, Performance, baselines, evidence
from trader.core.policy import Method
from trader.core.risk import OnHalt
from trader.jobs.figures import closes_of, execution_of, reasons_of
from trader.jobs.replay import (
    Replay,
    check_out_of_sample,
    install_model,
    load_range,
    replay,
    write_table,
)
from trader.jobs.retrain import Retraining
from trader.ml.backtest import backtest
from trader.ml.card import ModelCard
from trader.ml.training import TrainedModel
from trader.ports import Progress
from trader.report.backtest_table import table_of
from trader.store.klines import KlineStore
from trader.store.models import ModelStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is tested: a symbol's decisions with start <= open time < end."""

    symbol: str
    start: datetime
    end: datetime
    in_sample: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The figures of a replay or backtest, with everything that belongs beside them."""

    kind: str
    span: Span
    runs: int
    seconds: float
    performance: Performance
    baselines: Baselines
    reasons: Mapping[str, int]
    execution: Execution | None
    costs: Costs
    card: ModelCard
    in_sample: bool
    on_halt: str
    halts: int
    files: dict[str, Path]
    trainings: tuple[Retraining, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Return the figures for programs; returns are fractions, sums of hourly returns on a fixed notional."""
        figures = self.performance
        return {
            "kind": self.kind,
            "symbol": self.span.symbol,
            "start": self.span.start,
            "end": self.span.end,
            "in_sample": self.in_sample,
            "model_id": self.card.model_id,
            "costs": self.costs,
            "on_halt": self.on_halt,
            "halts": self.halts,
            "runs": self.runs,
            "gross": figures.gross,
            "net": figures.net,
            "round_trips": figures.round_trips,
            "evidence": evidence(figures.round_trips) or "at least 30 round trips",
            "hold": self.baselines.hold,
            "baselines": self.baselines,
            "performance": figures,
            "reasons": dict(self.reasons),
            "execution": self.execution,
            "trainings": [as_plain(each) for each in self.trainings],
            "seconds": self.seconds,
            **{name: str(path) for name, path in self.files.items()},
        }


def replay_stored(
    settings: Settings,
    *,
    span: Span,
    on_halt: OnHalt,
    resume_after: timedelta | None,
    model_id: str,
    out: Path | None,
    progress: Progress,
    retrain: bool = False,
) -> Tested:
    """Replay stored klines on a scratch store, which keeps the journal, the table of runs and the chart.

    With `retrain` what is due is trained on the way: as many klines as that takes are needed before the start.
    """
    span = on_grid(span, interval=settings.bot.interval)
    model = _stored_model(settings, span=span, model_id=model_id) if model_id else None
    klines = _klines(settings, span=span, rows=_rows_before(settings, model=model, retrain=retrain))
    scratch = _scratch(out)
    desk, clock = build_replay(
        settings, klines=klines, symbol=span.symbol, scratch=scratch, on_halt=on_halt, resume_after=resume_after
    )
    card = install_model(desk, clock=clock, stored=model, start=span.start, end=span.end, in_sample=span.in_sample)
    in_sample = check_out_of_sample(card, start=span.start, allowed=span.in_sample)
    after_run = training_after(settings) if retrain else None
    outcome = replay(desk, clock=clock, start=span.start, end=span.end, progress=progress, after_run=after_run)
    files = {"table": scratch / "runs.csv", "chart": scratch / "equity.png", "store": scratch}
    files["table"].write_bytes(write_table(outcome.table, in_sample=in_sample))
    files["chart"].write_bytes(_chart(outcome, settings=settings, span=span, in_sample=in_sample))
    return Tested(
        kind="replay",
        span=span,
        runs=outcome.runs,
        seconds=outcome.seconds,
        performance=outcome.performance,
        baselines=baselines(closes_of(outcome.table), costs=desk.bot.rules.costs),
        reasons=reasons_of(outcome.table),
        execution=execution_of(outcome.table, notional=float(desk.bot.notional)),
        costs=desk.bot.rules.costs,
        card=card,
        in_sample=in_sample,
        on_halt=on_halt,
        halts=outcome.halts,
        files=files,
        trainings=outcome.trainings,
    )


def backtest_stored(
    settings: Settings, *, span: Span, on_halt: OnHalt, resume_after: timedelta | None, model_id: str, out: Path | None
) -> Tested:
    """Test a stored model in one pass over stored klines."""
    began = time.perf_counter()
    span = on_grid(span, interval=settings.bot.interval)
    model = _stored_model(settings, span=span, model_id=model_id)
    in_sample = check_out_of_sample(model.card, start=span.start, allowed=span.in_sample)
    klines = _klines(settings, span=span, rows=0)
    rules = settings.rules()
    rules = replace(rules, risk=replace(rules.risk, on_halt=on_halt, resume_after=resume_after))
    result = backtest(klines, model=model, rules=rules, start=span.start, end=span.end)
    if out is not None:
        write_file(out, write_table(table_of(result), in_sample=in_sample))
    return Tested(
        kind="backtest",
        span=span,
        runs=len(result.open_time),
        seconds=time.perf_counter() - began,
        performance=result.performance(),
        baselines=baselines(result.close, costs=rules.costs),
        reasons=dict(Counter(reason.value for reason in result.reasons).most_common()),
        execution=None,
        costs=rules.costs,
        card=model.card,
        in_sample=in_sample,
        on_halt=on_halt,
        halts=len(result.marks),
        files={} if out is None else {"table": out},
    )


def on_grid(span: Span, *, interval: str) -> Span:
    """Return the span with both ends on open times, around the same klines. Raises BadConfig for an empty one."""
    if span.end <= span.start:
        raise BadConfig(f"--end {span.end.isoformat()} is not after --start {span.start.isoformat()}; swap them")
    step = interval_ms(interval)
    start, end = (from_ms(-(-to_ms(moment) // step) * step) for moment in (span.start, span.end))
    if start == end:
        raise BadConfig(
            f"there is no {interval} kline from --start {span.start.isoformat()} to --end {span.end.isoformat()};"
            " widen them"
        )
    return replace(span, start=start, end=end)


def _stored_model(settings: Settings, *, span: Span, model_id: str) -> TrainedModel:
    storage = open_storage(settings)
    model = ModelStore(storage, symbol=span.symbol, interval=settings.bot.interval).load(model_id)
    check_out_of_sample(model.card, start=span.start, allowed=span.in_sample)
    return model


def _klines(settings: Settings, *, span: Span, rows: int) -> Klines:
    store = KlineStore(open_storage(settings))
    return load_range(
        store, symbol=span.symbol, interval=settings.bot.interval, start=span.start, end=span.end, rows=rows
    )


def _rows_before(settings: Settings, *, model: TrainedModel | None, retrain: bool) -> int:
    """Return how many klines a replay needs before its start, beside a warm-up."""
    recipe, interval = recipe_of(settings), settings.bot.interval
    if retrain and settings.retrain.method is Method.SEARCH:
        setup = build_training(settings, progress=Bar(silent=True))
        return setup.klines(interval, champion=model.card.recipe if model else recipe) - WARM_UP
    return recipe.rows(interval) + recipe.horizon - 1 if retrain or model is None else 0


def _scratch(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="trader-replay-"))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadConfig(f"--out {out} is not an empty folder; a replay begins from nothing, choose another")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"--out {out} cannot be made ({error.strerror}); choose another folder") from error
    return out


def _chart(outcome: Replay, *, settings: Settings, span: Span, in_sample: bool) -> bytes:
    from trader.report.equity import draw_equity

    label = "IN-SAMPLE replay" if in_sample else "replay"
    return draw_equity(
        outcome.table.to_pandas(),
        symbol=span.symbol,
        interval=settings.bot.interval,
        notional=float(settings.sizing.notional),
        costs=str(costs_of(settings)),
        title=f"{span.symbol} {settings.bot.interval}: {label}, paper book, execution book and hold",
    )
