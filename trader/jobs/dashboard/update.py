"""The data of one symbol: carried on after a run, or made anew from the ledger.

    dashboard/data/BTCUSDT-1h/2026-11.js     the ledger's rows of a month
    dashboard/data/BTCUSDT-1h/summary.js     everything that the first view shows, written after the rows it is about

All of it is a copy: what is lost, damaged, of another schema or made with other settings is made anew by the next run.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from trader.core.errors import BadData, Retryable
from trader.jobs.bot import Desk
from trader.jobs.dashboard.models import write_models
from trader.jobs.dashboard.places import key_of, name_of
from trader.jobs.dashboard.shards import shard_of
from trader.jobs.dashboard.summaries import horizons_of, read_summary, setup_of, write_summary
from trader.report.summary.model import MarkKind, Summary
from trader.report.summary.summarise import Stale, add_run, summarise
from trader.store.ledger_rows import COLUMNS
from trader.store.months import month_start

log = logging.getLogger(__name__)
_OF_MODELS = (MarkKind.TRAINING, MarkKind.PROMOTION)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forward:
    """A summary brought forward to the newest run, and what has to be written with it.

    `months` are the rows of every month that has changed, `horizons` the label horizons by model. `is_anew` tells that
    nothing of what was kept is used, `has_new_models` that the registry has changed as far as runs have seen it.
    """

    summary: Summary
    months: Mapping[str, pa.Table]
    horizons: Mapping[str, int]
    is_anew: bool
    has_new_models: bool


def update(desk: Desk, *, newest: datetime, horizons: Mapping[str, int], beside: Mapping[str, object]) -> Summary:
    """Bring the data of a symbol forward to its newest run and write them; arguments as of the two halves."""
    forward = bring_forward(desk, newest=newest, horizons=horizons)
    write(desk, forward, beside=beside)
    return forward.summary


def bring_forward(desk: Desk, *, newest: datetime, horizons: Mapping[str, int]) -> Forward:
    """Return the kept summary with the ledger's runs since; nothing is written. `newest` is the newest run's kline.

    `horizons` are label horizons that are known; those of other models are looked up. What only the journal knows is
    left to `rebuild`. Raises Retryable when the storage does not answer, or the ledger has no run yet.
    """
    summary = read_summary(desk)
    if summary is not None and summary.setup == setup_of(desk) and summary.now.open_time <= newest:
        for read in (desk.ledger.month, lambda _: desk.ledger.after(summary.now.open_time)):
            try:
                return _carry_on(desk, summary, table=read(newest), horizons=horizons)
            except Stale as error:
                log.info("%s", error)
    log.info("%s: the dashboard's data are made anew from the ledger", desk.symbol)
    return _anew(desk, desk.ledger.after(None), horizons=horizons)


def rebuild(desk: Desk, *, horizons: Mapping[str, int], beside: Mapping[str, object]) -> Summary:
    """Make everything of a symbol anew, months that the ledger lacks from the journal; return the summary.

    Raises as `bring_forward` does.
    """
    forward = _anew(desk, desk.ledger.read(), horizons=horizons)
    _models(desk, anew=True)
    write(desk, replace(forward, has_new_models=False), beside=beside)
    return forward.summary


def write(desk: Desk, forward: Forward, *, beside: Mapping[str, object]) -> None:
    """Write the months that have changed, then the summary with what stands `beside` it by name."""
    name, storage = name_of(desk), desk.bot.storage
    for month, table in forward.months.items():
        storage.put(key_of(desk, f"{month}.js"), shard_of(table, name=name, month=month))
    if forward.has_new_models:
        _models(desk)
    write_summary(desk, forward.summary, beside=beside)


def _models(desk: Desk, *, anew: bool = False) -> None:
    try:
        write_models(desk, anew=anew)
    except BadData as error:  # a damaged registry must not hide the runs
        log.warning("%s: the models are not shown: %s", desk.symbol, error)


def _carry_on(desk: Desk, summary: Summary, *, table: pa.Table, horizons: Mapping[str, int]) -> Forward:
    """Return the summary with the rows of a table that are new to it. Raises Stale when it does not join on."""
    since = pc.greater(table.column("open_time"), pa.scalar(summary.now.open_time, COLUMNS.field("open_time").type))
    rows = table.filter(since).to_pylist()
    known = horizons_of(desk, _models_of(row["model_id"] for row in rows), known=horizons)
    newest = summary.now.open_time
    for row in rows:
        summary = add_run(summary, row, setup=summary.setup, horizon=known)
    months = dict.fromkeys(f"{row['open_time']:%Y-%m}" for row in rows)
    tables = {month: desk.ledger.month(month_start(month)) for month in months}
    return Forward(
        summary=summary,
        months=tables,
        horizons={**horizons, **known},
        is_anew=False,
        has_new_models=any(mark.kind in _OF_MODELS for mark in summary.marks if mark.at > newest),
    )


def _anew(desk: Desk, table: pa.Table, *, horizons: Mapping[str, int]) -> Forward:
    known = horizons_of(desk, _models_of(pc.unique(table.column("model_id")).to_pylist()), known=horizons)
    summary = summarise(table, setup=setup_of(desk), horizon=known)
    if summary is None:
        raise Retryable(f"{desk.symbol}: the ledger has no run yet that could be shown; `trader run` makes one")
    return Forward(
        summary=summary,
        months=_by_month(table),
        horizons={**horizons, **known},
        is_anew=True,
        has_new_models=True,
    )


def _by_month(table: pa.Table) -> dict[str, pa.Table]:
    """Return the rows by month; the table is in order, so each month is a slice of it."""
    counts = Counter(f"{time:%Y-%m}" for time in table.column("open_time").to_pylist())
    tables, start = dict[str, pa.Table](), 0
    for month, count in counts.items():
        tables[month] = table.slice(start, count)
        start += count
    return tables


def _models_of(models: Iterable[str | None]) -> set[str]:
    return {model_id for model_id in models if model_id}
