"""Training: one fit on the newest klines, stored with its card; the first model becomes the champion."""

import logging
from datetime import datetime

from trader.core.errors import BadData, Conflict
from trader.core.indicators import WARM_UP
from trader.jobs.bot import Bot, Desk
from trader.jobs.refresh import history
from trader.jobs.training.load import stored_klines
from trader.ml.card import ModelCard
from trader.ml.training import TrainedModel, train_model

log = logging.getLogger(__name__)


def train(desk: Desk, *, last: datetime, why: str) -> TrainedModel:
    """Return a model trained on klines up to `last` (whose close is its newest label), stored but not promoted.

    Raises BadData when there is too little history.
    """
    bot = desk.bot
    klines = history(bot, desk.symbol, last=last, count=_klines_of(bot))
    model = train_model(klines, symbol=desk.symbol, recipe=bot.recipe, now=bot.clock.now(), versions=bot.versions)
    desk.models.save(model, who=bot.owner, why=why)
    log.info("%s: trained %s on %d rows (%s)", desk.symbol, model.card.model_id, model.card.rows, why)
    return model


def train_stored(desk: Desk, *, end: datetime | None, promote_anyway: bool) -> ModelCard:
    """Return the card of a model trained on stored klines closed by `end` (all when None); the first one is promoted.

    Raises BadData when too little is stored.
    """
    bot = desk.bot
    klines = stored_klines(desk, end=end, count=_klines_of(bot))
    model = train_model(klines, symbol=desk.symbol, recipe=bot.recipe, now=bot.clock.now(), versions=bot.versions)
    desk.models.save(model, who=bot.owner, why="asked for on the command line")
    if promote_anyway or desk.models.champion() is None:
        promote(desk, model.card, why="asked for on the command line" if promote_anyway else "the first model")
    return model.card


def _klines_of(bot: Bot) -> int:
    """Return how many klines one fit of the settings' recipe takes."""
    return bot.recipe.rows(bot.interval) + bot.recipe.horizon + WARM_UP - 1


def promote(desk: Desk, card: ModelCard, *, why: str) -> None:
    """Let a stored model decide from the next run on. Raises Conflict when another one was promoted meanwhile.

    Raises Pinned (a BadConfig) when a person has pinned the one that decides.
    """
    desk.models.promote(card.model_id, now=desk.bot.clock.now(), why=why, who=desk.bot.owner)


def champion_or_first(desk: Desk, *, last: datetime) -> TrainedModel | None:
    """Return the model that decides, training the first one if there is none; None when history is too short for it."""
    champion = desk.models.load_champion()
    if champion is not None:
        return champion
    try:
        model = train(desk, last=last, why="there was none")
    except BadData as error:
        log.warning("%s: no model yet: %s", desk.symbol, error)
        return None
    try:
        promote(desk, model.card, why="the first model")
    except Conflict:
        return desk.models.load_champion() or model
    return model
