"""The plainest training there is: the recipe once more, on the newest klines, and the new model decides."""

from collections.abc import Callable

from trader.core.errors import Retryable
from trader.core.klines import last_closed
from trader.core.training import FinishedTraining, TrainingOutcome
from trader.jobs.bot import Desk
from trader.jobs.train import train
from trader.store.head import Word
from trader.store.registry import Pinned


def fit_again(
    desk: Desk, *, why: str, deadline_seconds: float | None, heartbeat: Callable[[], None]
) -> FinishedTraining:
    """Fit the recipe on klines closed by now and promote it, against the champion that there was at the beginning.

    Raises Conflict when another one was promoted meanwhile, BadData with too little history. A pinned champion stays,
    and the new model waits for a person's word.
    """
    bot, registry = desk.bot, desk.models.registry
    if deadline_seconds is not None and deadline_seconds <= 0:
        raise Retryable(f"{desk.symbol}: no time is left for a training in this hour")
    expected = registry.read()
    model = train(desk, last=last_closed(bot.clock.now(), bot.interval), why=why)
    heartbeat()
    word = Word(at=bot.clock.now(), who=bot.owner, why=why)
    try:
        head = registry.promote(model.card, expected=expected, word=word, ends_training=True)
    except Pinned:
        return registry.note_training(model.card.model_id, outcome=TrainingOutcome.CHALLENGER, word=word)
    if head.finished is None:
        raise Retryable(f"{desk.symbol}: the registry took no note of the training; try again")
    return head.finished
