"""`trader run --catch-up`: what fills the store of a bot that has no model yet, before its run."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from trader.bootstrap import build_training, open_archive, recipe_of
from trader.cli.output import Bar, say
from trader.config import Mode, Settings
from trader.jobs.bot import Bot
from trader.jobs.catch_up import catch_up

if TYPE_CHECKING:
    from trader.jobs.ingest import IngestReport


def catching_up(settings: Settings, *, as_json: bool) -> Callable[[Bot], None] | None:
    """Return what `run_symbols` does first; None in the demo, whose market has everything at once."""
    if settings.bot.mode is Mode.DEMO:
        return None

    def tell(report: "IngestReport") -> None:
        if not as_json:
            say(f"{report.symbol}: {report.real} klines of {len(report.months)} months in {report.seconds:.1f} s")

    def wanted() -> int:
        setup = build_training(settings, progress=Bar(silent=True))
        return setup.klines(settings.bot.interval, champion=recipe_of(settings))

    return partial(
        catch_up,
        open_archive=lambda: open_archive(settings.market.archive),
        klines=wanted,
        progress=Bar(silent=as_json),
        tell=tell,
    )
