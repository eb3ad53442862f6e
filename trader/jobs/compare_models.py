"""Two models side by side: their cards, and how often they would have decided differently on the newest klines."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from trader.core.errors import BadData, TraderError
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, interval_ms
from trader.core.risk import OnHalt
from trader.core.strategy import Rules
from trader.jobs.bot import Desk
from trader.ml.backtest import Backtest, backtest
from trader.ml.card import ModelCard
from trader.ml.training import TrainedModel

DECISIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """How two models decide the same klines, each by its own rule; the shares are of `klines`.

    `differ` is the share with another exposure, `opposite` with one of the other sign.
    """

    klines: int
    first: datetime
    last: datetime
    differ: float
    opposite: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two cards, and how the models decide; `decisions` is None where that cannot be had, and `why_not` says why."""

    one: ModelCard
    other: ModelCard
    decisions: Decisions | None
    why_not: str


def compare_models(desk: Desk, one: str, other: str) -> Comparison:
    """Return two models compared. Raises BadConfig for an unknown one, BadData for a damaged card."""
    cards = desk.models.card(one), desk.models.card(other)
    decisions, why_not = None, ""
    try:
        decisions = _decisions(desk, desk.models.load(one), desk.models.load(other))
    except TraderError as error:
        why_not = str(error)
    return Comparison(one=cards[0], other=cards[1], decisions=decisions, why_not=why_not)


def _decisions(desk: Desk, one: TrainedModel, other: TrainedModel) -> Decisions:
    klines = _newest(desk)
    first, second = (_backtest(klines, model=model, rules=desk.bot.rules) for model in (one, other))
    return Decisions(
        klines=len(first.exposure),
        first=klines[WARM_UP:].first,
        last=klines.last,
        differ=float(np.mean(first.exposure != second.exposure)),
        opposite=float(np.mean(first.exposure * second.exposure < 0)),
    )


def _newest(desk: Desk) -> Klines:
    """Return the newest stored klines: a warm-up and what is decided on. Raises BadData when there are too few."""
    store, interval = desk.bot.klines, desk.bot.interval
    months = store.months(desk.symbol, interval)
    part = store.read(desk.symbol, interval, months[-1]) if months else None
    klines = store.window(desk.symbol, interval, last=part.klines.last, count=WARM_UP + DECISIONS) if part else None
    if klines is None or len(klines) <= WARM_UP:
        stored = 0 if klines is None else len(klines)
        raise BadData(
            f"{desk.symbol} {interval}: {stored} klines are stored, decisions need more than {WARM_UP}; ingest some"
        )
    return klines


def _backtest(klines: Klines, *, model: TrainedModel, rules: Rules) -> Backtest:
    """Decide with a model by its own rule; a loss limit that is reached stops nothing, or it would hide the rest."""
    own = replace(
        rules,
        decision=model.card.decision or rules.decision,
        risk=replace(rules.risk, on_halt=OnHalt.MARK),
    )
    step = timedelta(milliseconds=interval_ms(klines.interval))
    return backtest(klines, model=model, rules=own, start=klines[WARM_UP:].first, end=klines.last + step)
