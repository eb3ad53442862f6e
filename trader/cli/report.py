"""The command that gives a person the whole dashboard as files, made from the ledger as it is now."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from trader.cli.commands import app
from trader.cli.output import say, write_file
from trader.config import load_settings
from trader.core.errors import BadConfig


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="open it in a browser")] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for a copy; default: none of a local store, else ./trader-report")
    ] = None,
) -> None:
    """Make the dashboard anew from the ledger, and say where its page is."""
    from trader.bootstrap import build_bot
    from trader.bootstrap.outlets import build_outlets, local_folder
    from trader.jobs.dashboard.places import FOLDER, PAGE
    from trader.jobs.rebuild_dashboard import rebuild_dashboard
    from trader.report.dashboard.site import assets
    from trader.store.control import check_stamp

    settings = load_settings()
    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    if not rebuild_dashboard(bot, outlets=build_outlets(settings), assets=assets()):
        raise BadConfig(f"no run of {', '.join(bot.symbols)} can be shown yet; `trader run` makes one")
    place = local_folder(settings)
    page = None if place is None else place / PAGE
    if out is not None or page is None:
        folder = out or Path("trader-report")
        for key in bot.storage.keys(FOLDER):
            stored = bot.storage.get(key)
            if stored is not None:
                write_file(folder / key.removeprefix(FOLDER), stored.data)
        page = folder / PAGE.removeprefix(FOLDER)
    say(str(page.absolute()))
    if open_ and not webbrowser.open(page.absolute().as_uri()):
        typer.echo("warning: no browser could be opened; open the file yourself", err=True)
