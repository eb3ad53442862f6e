"""The command that tries out whether notices arrive."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import AsJson, app
from trader.cli.exit import exit_code
from trader.cli.output import say, say_json
from trader.config import load_settings
from trader.core.errors import BadConfig, Retryable

if TYPE_CHECKING:
    from trader.adapters.notices import Delivery

_START_SECONDS = 5.0
"""What a slow machine needs before anything can be sent; nothing waits for this command."""


@app.command()
def notify(
    test: Annotated[bool, typer.Option("--test", help="send one test notice to each of notify.urls")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a test notice to every service of notify.urls, and say what became of it."""
    if not test:
        raise BadConfig("say `trader notify --test`: it sends one test notice to each of notify.urls")
    found = _send()
    if as_json:
        say_json({"services": found})
    else:
        say(*(f"{each.where}: {each.error or 'told'}" for each in found))
    if any(each.error for each in found):
        raise typer.Exit(exit_code(Retryable()))


def _send() -> "tuple[Delivery, ...]":
    """Send the notice. Raises BadConfig when there is no URL, or one that cannot be used: then nothing is sent."""
    from trader.adapters.clocks import WallClock
    from trader.adapters.notices import AppriseNotifier, check_urls
    from trader.core.notices import Level, Notice, Topic

    settings = load_settings()
    urls = [url.get_secret_value() for url in settings.notify.urls]
    if not urls:
        raise BadConfig("notify.urls is empty; set TRADER__NOTIFY__URLS (docs/notifications.md has examples)")
    wrong = check_urls(urls)
    if wrong:
        raise BadConfig("; ".join(wrong))
    notice = Notice(
        topic=Topic.RUN_DONE,
        level=Level.INFO,
        symbol="",
        at=WallClock().now(),
        what="This is a test: notices of the bot arrive here.",
    )
    notifier = AppriseNotifier(urls, bot_id=settings.bot.id)
    return notifier.deliver([notice], seconds=settings.notify.timeout_seconds + _START_SECONDS)
