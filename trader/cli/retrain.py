"""`trader train --if-due`: the trainings that the newest runs left due, for a scheduler that calls it after them."""

from typing import TYPE_CHECKING

from trader.cli.after_run import as_plain, describe, retrain
from trader.cli.commands import settings_for
from trader.cli.exit import worst
from trader.cli.output import say, say_json
from trader.config import Mode
from trader.core.errors import TraderError
from trader.core.policy import Timing

if TYPE_CHECKING:
    from trader.jobs.retrain import Retraining

_BUG = 1


def train_if_due(symbols: list[str] | None, *, unless_external: bool, as_json: bool) -> int:
    """Train each symbol whose newest run left that due; return the exit code, 0 also when nothing is to be done now."""
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.jobs.status import status
    from trader.store.control import check_stamp

    settings = settings_for(symbols)
    found: list[Retraining] = []
    if not unless_external or settings.retrain.timing is Timing.AFTER_ORDER:
        settings = settings.model_copy(
            update={"retrain": settings.retrain.model_copy(update={"timing": Timing.AFTER_ORDER})}
        )
        has_key = bool(settings.exchange.api_key.get_secret_value())
        bot = build_bot(settings, live=settings.bot.mode is not Mode.TESTNET or has_key)  # its time is the market's
        is_ours = check_stamp(bot.storage, mine=bot.stamp)
        records = [status(Desk(bot=bot, symbol=symbol)).record for symbol in bot.symbols] if is_ours else []
        found = [retrain(bot, record, settings=settings) for record in records if record is not None]
    if as_json:
        say_json({"trainings": [as_plain(each) for each in found]})
    else:
        say(*filter(None, map(describe, found)) if any(map(describe, found)) else ("no training is due",))
    errors = [each.error for each in found if each.error is not None]
    if any(not isinstance(error, TraderError) for error in errors):
        return _BUG
    return worst([error for error in errors if isinstance(error, TraderError)])
