"""Commands that look after the store: the ledger made again from the journal."""

from datetime import datetime
from typing import Annotated, TypedDict

import typer

from trader.cli.commands import Symbols, app, settings_for
from trader.cli.output import say, say_json


class Rebuilt(TypedDict):
    """What was made again for one symbol: the newest completed run, and the runs of each month."""

    newest: datetime | None
    runs: dict[str, int]


ledger = typer.Typer(help="The table of completed runs, a copy of the journal.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")


@ledger.command()
def rebuild(
    symbol: Symbols = None, as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False
) -> None:
    """Make the ledger and the state again from the journal, whatever they hold now."""
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.store.control import check_stamp

    bot = build_bot(settings_for(symbol))
    check_stamp(bot.storage, mine=bot.stamp)
    made: dict[str, Rebuilt] = {}
    for each in bot.symbols:
        desk = Desk(bot=bot, symbol=each)
        made[each] = {"newest": desk.journal.rebuild_state(), "runs": desk.ledger.rebuild()}
    if as_json:
        say_json(made)
        return
    for each, found in made.items():
        newest, runs = found["newest"], found["runs"]
        until = f", the newest {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
        say(f"{each}: {sum(runs.values())} runs in {len(runs)} months{until}")
