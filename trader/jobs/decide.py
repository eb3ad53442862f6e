"""The decision of a run: inputs, settlement and target, with the books after it. Nothing is sent or stored here.

What is gathered here is handed to `core/strategy.advance`, which does not know that this is live.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trader.core.decision import Reason
from trader.core.errors import BadData
from trader.core.indicators import FILTER_INDICATORS, WARM_UP, compute_indicators
from trader.core.journal import BotState, Inputs, RunRecord, Status
from trader.core.klines import Klines, digest, from_ms
from trader.core.risk import Control, find_block, outside_range
from trader.core.strategy import Observation, advance
from trader.jobs.bot import Desk
from trader.jobs.execute import retarget
from trader.jobs.refresh import Window
from trader.jobs.train import champion_or_first
from trader.ml.training import TrainedModel


def decide(desk: Desk, record: RunRecord, *, window: Window, state: BotState, control: Control) -> RunRecord:
    """Return the record with inputs, settlement, decision and the books after it; nothing is sent or stored yet."""
    bot, klines = desk.bot, window.klines
    if not len(klines):
        raise BadData(
            f"{desk.symbol} {bot.interval}: there are no closed klines, neither stored nor on the market; ingest some"
            " history or check the symbol"
        )
    standing = desk.models.standing()
    model = standing.model or champion_or_first(desk, last=klines.last)
    inputs, blocked = _look(desk, window, model=model, control=control)
    inputs = replace(inputs, trained=standing.finished)
    observation = Observation(
        open_time=klines.last,
        close=inputs.price,
        p_up=inputs.p_up,
        volatility=inputs.volatility or 0.0,
        volume_ratio=inputs.volume_ratio or 0.0,
        blocked=blocked,
        control=control,
        model_id=inputs.model_id,
        model_last=inputs.model_last,
        trained=inputs.trained,
    )
    rules = model.card.rules_under(bot.rules) if model else bot.rules
    step = advance(state.paper, closes=_closes_after(klines, state.paper.open_time), now=observation, rules=rules)
    return replace(
        record,
        status=Status.DECIDED,
        versions=bot.versions,
        rules=rules,
        notional=bot.notional,
        inputs=inputs,
        settled=step.settled,
        marks=step.marks,
        decision=step.decision,
        trigger=step.trigger,
        state=retarget(desk, replace(state, paper=step.book)),
    )


def _look(desk: Desk, window: Window, *, model: TrainedModel | None, control: Control) -> tuple[Inputs, Reason | None]:
    """Return what the decision rests on, and why it may not be made, if so."""
    klines = window.klines[-WARM_UP:]
    is_warm, is_filled = len(klines) == WARM_UP, bool(klines.filled[-1])
    filters = compute_indicators(klines, FILTER_INDICATORS)[-1] if is_warm else None
    rows = compute_indicators(klines, model.card.features)[-1:] if is_warm and model and not is_filled else None
    p_up = float(model.classifier.probabilities(rows)[0]) if model and rows is not None else None
    blocked = find_block(
        is_late=window.is_late,
        is_filled=is_filled,
        is_warm=is_warm,
        is_outside=rows is not None
        and model is not None
        and bool(
            outside_range(
                rows, low=model.card.feature_low, high=model.card.feature_high, margin=desk.bot.rules.risk.range_margin
            )[0]
        ),
        model_last=model.card.last if model else None,
        open_time=klines.last,
        limits=desk.bot.rules.risk,
    )
    inputs = Inputs(
        model_id=model.card.model_id if model else None,
        klines=len(klines),
        klines_digest=digest(klines),
        window_start=klines.first,
        price=float(klines.close[-1]),
        features=dict(zip(model.card.features, map(float, rows[0]), strict=True)) if model and rows is not None else {},
        volatility=None if filters is None else float(filters[0]),
        volume_ratio=None if filters is None else float(filters[1]),
        p_up=p_up,
        control=control,
        model_last=model.card.last if model else None,
    )
    return inputs, blocked


def _closes_after(klines: Klines, open_time: datetime | None) -> list[tuple[datetime, float]]:
    """Return the closes of the hours that are not settled yet. Raises BadData when the klines do not reach back."""
    if open_time is None:
        return []
    if klines.first > open_time:
        raise BadData(
            f"klines begin at {klines.first:%Y-%m-%d %H:%M} UTC, after the last run ({open_time:%Y-%m-%d %H:%M} UTC);"
            " ingest the hours between"
        )
    new = klines[klines.index_of(open_time + timedelta(milliseconds=1)) :]
    return [(from_ms(time), float(close)) for time, close in zip(new.open_time, new.close, strict=True)]
