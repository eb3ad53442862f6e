"""The daily look for drift: what was served lately against what the model that decides was trained on.

It reads the ledger and the klines and writes below `drift/` only; no decision rests on it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from trader.core.errors import BadConfig, BadData
from trader.core.klines import Klines, interval_ms
from trader.jobs.bot import Desk
from trader.jobs.outlets import DriftRules
from trader.jobs.replay import load_range
from trader.jobs.served import served_rows
from trader.jobs.verification.differences import Cause
from trader.jobs.verification.verify import verify
from trader.ml.card import ModelCard
from trader.ml.drift.examine import examine
from trader.ml.drift.limits import Budget
from trader.ml.drift.looks import look_daily
from trader.ml.drift.past import PastAlarm, past_alarms, past_rows
from trader.ml.drift.paths import FEWEST_DAYS
from trader.ml.drift.reference import Before, Reference, make_reference
from trader.ml.drift.report import SKEW, DriftReport, Finding
from trader.store.drift import DriftStore
from trader.store.models import ModelStore
from trader.store.studies import StudyStore

log = logging.getLogger(__name__)
_LONGEST_ABSENCE = timedelta(days=40)
"""How far back the record before the newest decisions is looked for, before the whole journal is listed."""
_ENOUGH = 0.9
"""The share of the rows of its training that a model's reference needs at least."""


def look(desk: Desk, now: datetime, *, rules: DriftRules) -> DriftReport:
    """Look, write the report down, and return it. The first look at a model makes its reference, which takes seconds.

    What cannot be compared is said in the report's note; without a model nothing is written. Raises Retryable when the
    storage does not answer.
    """
    head = desk.models.champion()
    card = head.card if head is not None else None
    if head is not None and head.model_id is not None and (card is None or card.model_id != head.model_id):
        card = desk.models.card(head.model_id)
    report = _compared(desk, card, now=now, rules=rules)
    if rules.verified:
        skew = skew_of(desk, hours=rules.verified)
        report = replace(report, skew=skew, alarms=(*report.alarms, *([SKEW] if skew.alarm else [])))
    if card is not None:
        store_of(desk).add(report)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLook:
    """Daily looks over stored klines by the model that decides now; `in_sample` when it has seen some of them."""

    symbol: str
    model_id: str
    start: datetime
    end: datetime
    looks: int
    in_sample: bool
    alarms: tuple[PastAlarm, ...]


def past_look(desk: Desk, *, start: datetime, end: datetime, rules: DriftRules) -> PastLook:
    """Look daily at what the model that decides would have been served between two times; only its reference is kept.

    Raises BadConfig when no model decides, BadData when klines are missing.
    """
    bot = desk.bot
    model = desk.models.load_champion()
    if model is None:
        raise BadConfig(
            f"{desk.symbol} {bot.interval}: no model decides yet; run `trader train --symbol {desk.symbol}`"
        )
    reference = reference_of(desk, model.card, rules=rules)
    klines = load_range(bot.klines, symbol=desk.symbol, interval=bot.interval, start=start, end=end)
    rows = past_rows(klines, model=model, rules=bot.rules, start=start)
    if rows.days < FEWEST_DAYS:
        raise BadData(f"{start:%Y-%m-%d} to {end:%Y-%m-%d} is too short to look at; take {FEWEST_DAYS} days or more")
    looks = look_daily(reference, rows)
    return PastLook(
        symbol=desk.symbol,
        model_id=model.card.model_id,
        start=start,
        end=end,
        looks=len(looks),
        in_sample=model.card.is_in_sample(start),
        alarms=past_alarms(reference, looks),
    )


def store_of(desk: Desk) -> DriftStore:
    """Return where the drift of a symbol is kept."""
    return DriftStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)


def _compared(desk: Desk, card: ModelCard | None, *, now: datetime, rules: DriftRules) -> DriftReport:
    nothing = DriftReport(
        checked_at=now,
        model_id=card.model_id if card else None,
        rows=0,
        window_days=rules.window_days,
        false_alarms_per_year=rules.false_alarms_per_year,
    )
    if card is None:
        return replace(nothing, note="no model decides yet")
    try:
        reference = reference_of(desk, card, rules=rules)
        rows = served_rows(desk, card, since=now - timedelta(days=rules.window_days))
    except BadData as error:
        return replace(nothing, note=str(error))
    return examine(reference, rows, now=now)


def reference_of(desk: Desk, card: ModelCard, *, rules: DriftRules) -> Reference:
    """Return what a model is compared with, made now if it is not kept for these settings.

    Raises BadData when the klines that it was trained on are not stored any more.
    """
    store = store_of(desk)
    budget = Budget(window=rules.window_days, false_alarms_per_year=rules.false_alarms_per_year)
    kept = store.reference(card.model_id)
    if kept is not None and kept.is_for(budget):
        return kept
    klines = _trained_on(desk, card)
    models = ModelStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    made = make_reference(
        klines,
        card=card,
        gains=_gains(models, card.model_id) or {},
        budget=budget,
        before=_before(desk, card, models=models),
    )
    store.keep(made)
    return made


def _trained_on(desk: Desk, card: ModelCard) -> Klines:
    bot = desk.bot
    step = timedelta(milliseconds=interval_ms(bot.interval))
    klines = bot.klines.load(desk.symbol, bot.interval, start=card.first, end=card.last + step)
    expected = (card.last - card.first) // step + 1
    if np.count_nonzero(~klines.filled) < _ENOUGH * expected:
        raise BadData(
            f"only {np.count_nonzero(~klines.filled)} of the {expected} klines that {card.model_id} was trained on are"
            f" stored; run `trader ingest --symbol {desk.symbol} --start {card.first:%Y-%m} --end {card.last:%Y-%m}`"
        )
    return klines


def _before(desk: Desk, card: ModelCard, *, models: ModelStore) -> Before:
    previous = models.registry.predecessor() or ""
    report = None
    if card.study:
        studies = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
        try:
            report = studies.report(card.study)
        except (BadConfig, BadData) as error:
            log.warning("%s: no hold-out to compare with: %s", card.model_id, error)
    held_out = report.hold_out.metrics if report and report.hold_out and report.model_id == card.model_id else None
    return Before(
        model_id=previous,
        gains=_gains(models, previous) if previous else None,
        hold_out=held_out.net / held_out.klines if held_out and held_out.klines else None,
    )


def _gains(models: ModelStore, model_id: str) -> Mapping[str, float] | None:
    """Return a model's gain by column, None when its trees are not there any more."""
    try:
        model = models.load(model_id)
    except (BadConfig, BadData) as error:
        log.warning("importance of %s is not known: %s", model_id, error)
        return None
    return dict(zip(model.card.features, map(float, model.classifier.gains()), strict=True))


def skew_of(desk: Desk, *, hours: int) -> Finding:
    """Make the newest decisions again from what they recorded, and tell how often something else comes out.

    Klines that were revised since, and copies that lag behind, are no skew: the decisions stand.
    """
    newest = desk.journal.newest()
    if newest is None:
        return Finding(name=SKEW, value=None, what="there are no runs yet")
    step = timedelta(milliseconds=interval_ms(desk.bot.interval))
    start = newest - (hours - 1) * step
    times = desk.journal.open_times(after=start - _LONGEST_ABSENCE, before=newest + step)
    try:
        found = verify(
            desk,
            start=start,
            end=newest,
            progress=_Silent(),
            times=times if times and times[0] < start else None,
            with_copies=False,
        )
    except (BadConfig, BadData) as error:
        return Finding(name=SKEW, value=None, what=str(error))
    skewed = [each for each in found.differences if each.cause in _SKEWED]
    causes = ", ".join(f"{count} {cause}" for cause, count in found.causes.items()) or "no difference"
    advice = f"; {skewed[0].open_time:%Y-%m-%d %H:%M} {skewed[0].what}: {skewed[0].advice}" if skewed else ""
    return Finding(
        name=SKEW,
        value=float(len(skewed)),
        limit=0.0,
        alarm=bool(skewed),
        what=f"{found.runs} decisions made again: {causes}{advice}",
    )


_SKEWED = (Cause.CODE, Cause.ENVIRONMENT, Cause.RECORD)


class _Silent:
    """A progress that nobody watches."""

    def start(self, what: str, total: int) -> None:
        """Say nothing."""

    def step(self, count: int = 1) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""
