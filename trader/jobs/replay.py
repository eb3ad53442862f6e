"""Replay: the live run, hour after hour over the past, on scratch storage.

Nothing is skipped or simplified: each hour claims its record, reads klines from storage and market, decides, trades on
the simulated exchange and commits. Only the clock is moved. Where trainings are wanted, each is done after the run that
finds it due, as live; its time stands still meanwhile.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa
from pyarrow import csv

from trader.core.errors import BadConfig, BadData
from trader.core.indicators import WARM_UP
from trader.core.journal import RunRecord
from trader.core.klines import Klines, close_of, empty, extend, from_ms, interval_ms, to_ms
from trader.core.performance import Performance
from trader.jobs.bot import Desk
from trader.jobs.figures import performance_of
from trader.jobs.retrain import Retrained, Retraining
from trader.jobs.run import run
from trader.jobs.train import promote, train
from trader.ml.card import ModelCard
from trader.ml.training import TrainedModel
from trader.ports import Clock, Progress
from trader.store.control import claim_store
from trader.store.klines import KlineStore

_AFTER_CLOSE = timedelta(seconds=5)


class MovableClock(Clock, Protocol):
    """A clock that the caller moves."""

    def move_to(self, moment: datetime) -> None:
        """Set the time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """What a replay did: its runs as a table, how often a limit was reached, the figures, and what was trained.

    `trainings` are those that finished or failed, in their order.
    """

    runs: int
    seconds: float
    halts: int
    table: pa.Table
    performance: Performance
    trainings: tuple[Retraining, ...] = ()


AfterRun = Callable[[Desk, RunRecord], Retraining]
"""What follows a committed run: the training that it left due, if it did."""


def replay(
    desk: Desk,
    *,
    clock: MovableClock,
    start: datetime,
    end: datetime,
    progress: Progress,
    after_run: AfterRun | None = None,
) -> Replay:
    """Run every kline with start <= open time < end, one after the other, as the scheduler would have."""
    began = time.perf_counter()
    claim_store(desk.bot.storage, mine=desk.bot.stamp)
    hours = list(hours_between(start, end, interval=desk.bot.interval))
    halts, trainings = 0, list[Retraining]()
    progress.start(f"replaying {desk.symbol}", len(hours))
    try:
        for open_time in hours:
            clock.move_to(close_of(open_time, desk.bot.interval) + _AFTER_CLOSE)
            record = run(desk).record
            halts += len(record.marks)
            if after_run is not None:
                trainings.append(after_run(desk, record))
            progress.step()
    finally:
        progress.finish()
    table = desk.ledger.read()
    return Replay(
        runs=len(hours),
        seconds=time.perf_counter() - began,
        halts=halts,
        table=table,
        performance=performance_of(table, interval=desk.bot.interval),
        trainings=tuple(each for each in trainings if each.outcome in (Retrained.FINISHED, Retrained.FAILED)),
    )


def hours_between(start: datetime, end: datetime, *, interval: str) -> Iterator[datetime]:
    """Yield the open times on the grid with start <= open time < end. Raises BadConfig when there is none."""
    step = interval_ms(interval)
    first = -(-to_ms(start) // step) * step
    if first >= to_ms(end):
        raise BadConfig(
            f"there is no {interval} kline from {start.isoformat()} to {end.isoformat()}; swap or widen them"
        )
    yield from (from_ms(moment) for moment in range(first, to_ms(end), step))


def load_range(
    store: KlineStore,
    *,
    symbol: str,
    interval: str,
    start: datetime,
    end: datetime,
    rows: int = 0,
    warm_up: int = WARM_UP,
) -> Klines:
    """Return stored klines from a warm-up (and `rows` to train on) before `start` up to `end`, gap-filled.

    Raises BadData, with the command that helps, when they do not reach as far.
    """
    step = timedelta(milliseconds=interval_ms(interval))
    needed = start - (warm_up + rows) * step
    klines = store.load(symbol, interval, start=needed, end=end)
    if len(klines) and klines.last + step < end and len(store.load(symbol, interval, start=end)):
        klines = extend(klines, empty(interval), until=end - step)  # they were never published: later ones are stored
    if not len(klines) or klines.last + step < end or klines.first > needed:
        have = f"{klines.first:%Y-%m-%d %H:%M} to {klines.last:%Y-%m-%d %H:%M} UTC" if len(klines) else "nothing"
        raise BadData(
            f"{symbol} {interval}: klines from {needed:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC are needed; of those"
            f" {have} is stored. Run `trader ingest --symbol {symbol} --start {needed:%Y-%m} --end {end - step:%Y-%m}`"
        )
    return klines


def check_out_of_sample(card: ModelCard, *, start: datetime, allowed: bool) -> bool:
    """Return whether the model has seen what it is tested on. Raises BadConfig if it has and that was not asked for."""
    in_sample = card.is_in_sample(start)
    if in_sample and not allowed:
        raise BadConfig(
            f"model {card.model_id} was trained on klines up to {card.last:%Y-%m-%d %H:%M} UTC and is asked to decide"
            f" from {start:%Y-%m-%d %H:%M} UTC on: that is no test. Start after its last kline, or say --in-sample"
        )
    return in_sample


def install_model(
    desk: Desk, *, clock: MovableClock, stored: TrainedModel | None, start: datetime, end: datetime, in_sample: bool
) -> ModelCard:
    """Make a model the champion of a scratch store: a stored one, or a new one trained on klines before `start`.

    With `in_sample` and no stored one it is trained on klines up to `end`, to see how flattering that looks.
    """
    step = timedelta(milliseconds=interval_ms(desk.bot.interval))
    if stored is None:
        last = (end if in_sample else start) - step
        clock.move_to(last + step)
        stored = train(desk, last=last, why="for a replay")
    else:
        clock.move_to(start)
        desk.models.save(stored)
    promote(desk, stored.card, why="for a replay")
    return stored.card


def write_table(table: pa.Table, *, in_sample: bool) -> bytes:
    """Return a table of runs as CSV, but for columns that hold many values; each row says if the model has seen it."""
    sink = pa.BufferOutputStream()
    table = table.select([field.name for field in table.schema if not pa.types.is_map(field.type)])
    csv.write_csv(table.append_column("in_sample", pa.array([in_sample] * len(table), pa.bool_())), sink)
    return bytes(sink.getvalue().to_pybytes())
