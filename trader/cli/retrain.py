"""`trader train --if-due`: the trainings that the newest runs left due, for a scheduler that calls it after them."""

from typing import TYPE_CHECKING

import typer

from trader.cli.after_run import as_plain, describe, retrain, tell_training
from trader.cli.commands import settings_for
from trader.cli.exit import worst
from trader.cli.output import say, say_json
from trader.config import Mode, Settings
from trader.core.errors import TraderError
from trader.core.policy import Timing

if TYPE_CHECKING:
    from trader.jobs.bot import Bot
    from trader.jobs.retrain import Retraining

_BUG = 1


def train_if_due(symbols: list[str] | None, *, unless_external: bool, as_json: bool) -> int:
    """Train each symbol whose newest run left that due; return the exit code, 0 also when nothing is to be done now."""
    from trader.bootstrap import build_bot
    from trader.store.control import check_stamp

    settings = settings_for(symbols)
    found: list[Retraining] = []
    errors: list[Exception] = []
    if not unless_external or settings.retrain.timing is Timing.AFTER_ORDER:
        settings = settings.model_copy(
            update={"retrain": settings.retrain.model_copy(update={"timing": Timing.AFTER_ORDER})}
        )
        has_key = bool(settings.exchange.api_key.get_secret_value())
        bot = build_bot(settings, live=settings.bot.mode is not Mode.TESTNET or has_key)  # its time is the market's
        if check_stamp(bot.storage, mine=bot.stamp):
            found, errors = _train_each(bot, settings=settings)
    if as_json:
        say_json({"trainings": [as_plain(each) for each in found]})
    else:
        say(*filter(None, map(describe, found)) if any(map(describe, found)) else ("no training is due",))
    errors += [each.error for each in found if each.error is not None]
    if any(not isinstance(error, TraderError) for error in errors):
        return _BUG
    return worst([error for error in errors if isinstance(error, TraderError)])


def _train_each(bot: "Bot", *, settings: Settings) -> "tuple[list[Retraining], list[Exception]]":
    """Do what each symbol's newest run left due; a record that cannot be read keeps no other symbol from training."""
    from trader.jobs.bot import Desk
    from trader.jobs.status import status

    found: list[Retraining] = []
    errors: list[Exception] = []
    for symbol in bot.symbols:
        try:
            record = status(Desk(bot=bot, symbol=symbol)).record
        except TraderError as error:
            typer.echo(f"error: {error}", err=True)
            errors.append(error)
        else:
            if record is not None:
                found.append(retrain(bot, record, settings=settings))
                tell_training(Desk(bot=bot, symbol=symbol), found[-1], settings=settings)
    return found, errors
