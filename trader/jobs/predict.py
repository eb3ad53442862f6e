"""A prediction without a run: what the next run would see and decide, or what the model says to a given row.

The code is that of the run: `refresh`, `decide` and `core/strategy.advance`. What they would write has to be kept from
the store by whoever makes the bot: its storage only reads, its klines are not stored, its exchange gives nothing but
the market's rules.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from trader.core.decision import Reason, Sizing
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.indicators import FILTER_INDICATORS
from trader.core.journal import BotState, RunRecord, Status
from trader.core.klines import FloatArray, Klines, last_closed
from trader.core.risk import Control, find_block, outside_range
from trader.core.strategy import Observation, Rules, advance
from trader.jobs.bot import Desk
from trader.jobs.decide import decide
from trader.jobs.refresh import refresh
from trader.ml.training import TrainedModel
from trader.store.control import read_control
from trader.store.journal import Position
from trader.store.klines import KlineStore
from trader.store.predictions import Prediction, Subject

_LARGEST = float(np.finfo(np.float32).max)
"""The trees compare in single precision: beyond it a number is an infinity to them."""


class NoModel(Retryable):
    """Nothing was promoted yet: the first run of the symbol does that."""


class UnfitRow(BadConfig):
    """A given row is not one of the model's: names that it does not know, that are missing, or without a number."""

    def __init__(self, model_id: str, names: Mapping[str, Sequence[str]]) -> None:
        said = "; ".join(f"{what}: {', '.join(each)}" for what, each in names.items() if each)
        super().__init__(f"the row does not fit model {model_id} - {said}; give each of its features once, as a number")
        self.names = {what: list(each) for what, each in names.items() if each}


class UnstoredKlines(KlineStore):
    """The stored klines, to which nothing is added: what a run would store is seen and forgotten."""

    def append(self, symbol: str, klines: Klines) -> int:  # noqa: ARG002 - the store's signature
        """Store nothing."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a prediction starts from."""

    desk: Desk
    model: TrainedModel
    control: Control
    position: Position
    open_time: datetime

    @property
    def rules(self) -> Rules:
        return self.model.card.rules_under(self.desk.bot.rules)

    @property
    def is_decided(self) -> bool:
        newest = self.position.open_time
        return newest is not None and newest >= self.open_time

    @property
    def free(self) -> BotState:
        """The newest books as those of somebody who has no hour to settle: what is held, halts and the switch stay."""
        state = self.position.state
        return replace(state, paper=replace(state.paper, open_time=None))


def predict_latest(desk: Desk) -> Prediction:
    """Return what a run would see and decide on the newest closed kline now, from the newest books.

    The hours since the last run are settled as a run would settle them. Where the kline is decided already there is
    nothing to settle, and the rule starts from what is held since. Raises NoModel, and what `refresh` and `decide` do.
    """
    asked = _ask(desk)
    since = asked.position.state.paper.open_time
    window = refresh(desk.bot, desk.symbol, open_time=asked.open_time, since=None if asked.is_decided else since)
    state = asked.free if asked.is_decided else asked.position.state
    record = decide(desk, _claimed(asked), window=window, state=state, control=asked.control)
    inputs, decision = record.inputs, record.decision
    if inputs is None or decision is None or inputs.model_id is None or inputs.model_last is None:
        raise Retryable(f"{desk.symbol}: the champion was changed at this moment; ask again")
    return replace(
        _about(asked, subject=Subject.LATEST, features=inputs.features, p_up=inputs.p_up),
        model_id=inputs.model_id,
        model_last=inputs.model_last,
        exposure=decision.target,
        reason=decision.reason,
        volatility=inputs.volatility,
        volume_ratio=inputs.volume_ratio,
        price=inputs.price,
        klines=inputs.klines,
        window_start=inputs.window_start,
        klines_digest=inputs.klines_digest,
    )


def predict_row(desk: Desk, features: Mapping[str, float]) -> Prediction:
    """Return what the champion says to a row of features by name, and the exposure from what is held now.

    The market is not asked. Raises NoModel, and UnfitRow for a row that is not one of the model's.
    """
    asked = _ask(desk)
    row = _row(asked.model, features)
    p_up = float(asked.model.classifier.probabilities(row)[0])
    volatility, volume_ratio, assumed = _filters(features, rules=asked.rules)
    now = Observation(
        open_time=asked.open_time,
        close=asked.position.state.paper.close,
        p_up=p_up,
        volatility=volatility,
        volume_ratio=volume_ratio,
        blocked=_block(asked, row),
        control=asked.control,
        model_id=asked.model.card.model_id,
        model_last=asked.model.card.last,
    )
    decision = advance(asked.free.paper, closes=(), now=now, rules=asked.rules).decision
    return replace(
        _about(asked, subject=Subject.ROW, features={name: float(features[name]) for name in features}, p_up=p_up),
        exposure=decision.target,
        reason=decision.reason,
        volatility=volatility,
        volume_ratio=volume_ratio,
        assumed=(f"the exposure held is the paper book's, {asked.position.state.paper.exposure:g}", *assumed),
    )


def _ask(desk: Desk) -> _Asked:
    bot = desk.bot
    open_time = last_closed(bot.clock.now(), bot.interval)
    position, control = desk.journal.latest(before=open_time), read_control(bot.storage)
    if control.sequence == 0 and position.state.paper.control_sequence:
        raise BadData("the operator's switch (control.json) is gone; say it anew with `trader halt` or `trader resume`")
    model = desk.models.load_champion()
    if model is None:
        raise NoModel(f"{desk.symbol} {bot.interval} has no champion yet; `trader run` makes the first one")
    return _Asked(desk=desk, model=model, control=control, position=position, open_time=open_time)


def _claimed(asked: _Asked) -> RunRecord:
    """Return the record that a run of this kline would begin with; it is never stored."""
    desk = asked.desk
    return RunRecord(
        key=desk.journal.key(asked.open_time),
        mode=desk.bot.mode,
        origin=desk.bot.origin,
        status=Status.CLAIMED,
        owner=desk.bot.owner,
        started_at=desk.bot.clock.now(),
    )


def _about(asked: _Asked, *, subject: Subject, features: Mapping[str, float], p_up: float | None) -> Prediction:
    """Return a prediction that holds what is held; the decision is filled in by the caller."""
    bot, paper = asked.desk.bot, asked.position.state.paper
    return Prediction(
        subject=subject,
        bot_id=bot.bot_id,
        mode=bot.mode,
        symbol=asked.desk.symbol,
        interval=bot.interval,
        open_time=asked.open_time,
        is_decided=asked.is_decided,
        model_id=asked.model.card.model_id,
        model_last=asked.model.card.last,
        p_up=p_up,
        exposure=paper.exposure,
        reason=Reason.HELD,
        held=paper.exposure,
        held_since=asked.position.open_time,
        features=features,
    )


def _row(model: TrainedModel, features: Mapping[str, float]) -> FloatArray:
    """Return the row in the model's order. Raises UnfitRow."""
    names = model.card.features
    wrong = {
        "unknown": [name for name in features if name not in names],
        "missing": [name for name in names if name not in features],
        "not a number": [name for name, value in features.items() if not _is_number(value)],
    }
    if any(wrong.values()):
        raise UnfitRow(model.card.model_id, wrong)
    return np.array([[features[name] for name in names]], dtype=np.float64)


def _is_number(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= _LARGEST


def _filters(features: Mapping[str, float], *, rules: Rules) -> tuple[float, float, tuple[str, ...]]:
    """Return the filter indicators, and in words which of them had to be assumed because the row does not have them."""
    rule = rules.decision
    usual = rule.target_volatility if rule.sizing is Sizing.VOLATILITY else 0.0
    values = dict(zip(FILTER_INDICATORS, (max(rule.min_volatility, usual), rule.min_volume_ratio), strict=True))
    assumed = tuple(
        f"{name} is not in the row and taken as {value:g}, which passes the entry filter"
        for name, value in values.items()
        if name not in features
    )
    volatility, volume_ratio = (float(features.get(name, value)) for name, value in values.items())
    return volatility, volume_ratio, assumed


def _block(asked: _Asked, row: FloatArray) -> Reason | None:
    card, limits = asked.model.card, asked.desk.bot.rules.risk
    is_outside = outside_range(row, low=card.feature_low, high=card.feature_high, margin=limits.range_margin)
    return find_block(
        is_late=False,
        is_filled=False,
        is_warm=True,
        is_outside=bool(is_outside[0]),
        model_last=card.last,
        open_time=asked.open_time,
        limits=limits,
    )
