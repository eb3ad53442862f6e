"""The dashboard made again from ledger, registry and studies, for who asks for it; runs keep it up by themselves.

What stands beside the summary (problems, the newest look for drift) is read from the publication, which is not written:
a run may be about to.
"""

from collections.abc import Mapping
from dataclasses import replace

from trader.jobs import dashboard
from trader.jobs.bot import Bot, Desk
from trader.jobs.model_note import note_of
from trader.jobs.outlets import Outlets
from trader.jobs.publish import beside
from trader.jobs.told import Told
from trader.version import running


def rebuild_dashboard(bot: Bot, *, outlets: Outlets, assets: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write every file of the dashboard anew, the page last; return the symbols that had runs to show.

    Raises Retryable when the storage does not answer, and BadData when what everything is made from is damaged.
    """
    shown = tuple(symbol for symbol in bot.symbols if _rebuild(Desk(bot=bot, symbol=symbol), outlets))
    if shown:
        dashboard.write_index(bot, assets=assets, version=str(running()), anew=True)
    return shown


def _rebuild(desk: Desk, outlets: Outlets) -> bool:
    """Make one symbol's files again, and tell whether it had a run."""
    if desk.journal.newest() is None:
        return False
    told = Told(desk=desk, at=desk.bot.clock.now())
    told.read()
    told.publication = replace(told.publication, model=note_of(desk))
    dashboard.rebuild(desk, horizons=told.publication.horizons, beside=beside(told, outlets))
    return True
