"""What was served: the rows of the ledger that had a model's columns, with what came of them."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from trader.core.klines import BoolArray, FloatArray, IntArray, from_ms, interval_ms
from trader.core.labels import directions
from trader.jobs.bot import Desk
from trader.ml.card import ModelCard
from trader.ml.drift.sample import Rows


def served_rows(desk: Desk, card: ModelCard, *, since: datetime) -> Rows:
    """Return the rows after `since` that had the model's columns, from the ledger, with what came of them.

    p(up) is NaN where another model decided. What a decision earned is what was settled until the next one.
    """
    table = desk.ledger.after(since)
    given = [dict(pairs) for pairs in table.column("features").to_pylist()]
    chosen = np.array([all(name in row for name in card.features) for row in given], dtype=np.bool_)
    times = table.column("open_time").cast(pa.int64()).to_numpy()[chosen]
    own = np.array([model_id == card.model_id for model_id in table.column("model_id").to_pylist()])[chosen]
    p_up = table.column("p_up").to_numpy().astype(np.float64)[chosen]
    features = [[row[name] for name in card.features] for row, is_row in zip(given, chosen, strict=True) if is_row]
    return Rows(
        open_time=times,
        features=np.array(features, dtype=np.float64).reshape(-1, len(card.features)),
        p_up=np.where(own, p_up, np.nan) if len(times) else p_up,
        labels=_labels(desk, times, horizon=card.horizon),
        gross=_until_next(table.column("settled_gross").to_numpy().astype(np.float64), chosen),
        net=_until_next(table.column("settled_net").to_numpy().astype(np.float64), chosen),
    )


def _labels(desk: Desk, times: IntArray, *, horizon: int) -> FloatArray:
    """Return what came of the klines that open at these times (ms); NaN where it is not known."""
    bot = desk.bot
    if not len(times):
        return np.empty(0)
    step = timedelta(milliseconds=interval_ms(bot.interval))
    first, last = from_ms(times[0]), from_ms(times[-1])
    klines = bot.klines.load(desk.symbol, bot.interval, start=first, end=last + (horizon + 1) * step)
    if not len(klines):
        return np.full(len(times), np.nan)
    labels = directions(klines, horizon=horizon)
    place = np.minimum(np.searchsorted(klines.open_time, times), len(klines) - 1)
    return np.where(klines.open_time[place] == times, labels[place], np.nan)


def _until_next(settled: FloatArray, chosen: BoolArray) -> FloatArray:
    """Return what was settled after each chosen row and until the next one, or until the end."""
    running = np.cumsum(np.nan_to_num(settled))
    at = running[chosen]
    return np.diff(at, append=running[-1]) if len(at) else at
