"""The command that shows the dashboard in a browser on this machine, or makes its files again."""

import signal
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import app
from trader.cli.output import say
from trader.config import Settings, load_settings
from trader.core.errors import BadConfig

if TYPE_CHECKING:
    from trader.jobs.bot import Bot


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on this machine; 0 takes a free one")] = 8050,
    open_: Annotated[bool, typer.Option("--open", help="open a browser")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="make its files again from the ledger, and end")] = False,
) -> None:
    """Serve the store's dashboard to browsers on this machine, until Ctrl-C."""
    from trader.bootstrap import build_bot
    from trader.jobs.dashboard.places import PAGE, locate
    from trader.store.control import check_stamp

    settings = load_settings()
    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    if rebuild:
        _rebuild(bot, settings)
    elif bot.storage.get(PAGE) is None:
        raise BadConfig(
            f"there is no dashboard at {locate(bot.storage)} yet; the next run writes it unless dashboard.enabled is"
            " false, and `trader dashboard --rebuild` does so now"
        )
    else:
        _serve(bot, port=port, should_open=open_)


def _rebuild(bot: "Bot", settings: Settings) -> None:
    from trader.bootstrap.outlets import build_outlets
    from trader.jobs.dashboard.places import locate
    from trader.jobs.rebuild_dashboard import rebuild_dashboard
    from trader.report.dashboard.site import assets

    shown = rebuild_dashboard(bot, outlets=build_outlets(settings), assets=assets())
    if not shown:
        raise BadConfig(f"no run of {', '.join(bot.symbols)} can be shown yet; `trader run` makes one")
    say(f"{locate(bot.storage)}  ({', '.join(shown)})")


def _serve(bot: "Bot", *, port: int, should_open: bool) -> None:
    """Serve until the process is told to end."""
    from trader.jobs.dashboard.places import locate
    from trader.jobs.serve_dashboard import DashboardServer

    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with DashboardServer(bot.storage, port=port) as server:
        say(f"{server.url}  ({locate(bot.storage)}); Ctrl-C ends it")
        sys.stdout.flush()
        if should_open and not webbrowser.open(server.url):
            typer.echo("warning: no browser could be opened; open the address yourself", err=True)
        told.wait()
