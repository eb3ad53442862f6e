"""The command that makes every journalled run again and says whether it comes out as it was recorded."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import AsJson, OneSymbol, app, settings_for
from trader.cli.exit import exit_code
from trader.cli.output import Bar, parse_moment, plain, say, say_json
from trader.core.errors import BadConfig, BadData

if TYPE_CHECKING:
    from trader.jobs.bot import Bot
    from trader.jobs.verification.differences import Difference
    from trader.jobs.verification.verify import Verification

_SHOWN = 20
_REPLAY = "replay"

From = Annotated[str | None, typer.Option("--from", metavar="ISO", help="first kline; default: the first run")]
To = Annotated[str | None, typer.Option("--to", metavar="ISO", help="last kline, included; default: the newest run")]


@app.command()
def verify(symbol: OneSymbol, from_: From = None, to: To = None, as_json: AsJson = False) -> None:
    """Make every journalled run again from what it recorded, and name each difference; ends with 4 if there is one."""
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.jobs.verification.verify import verify as verify_runs

    start, end = (None if text is None else parse_moment(text) for text in (from_, to))
    if start is not None and end is not None and start > end:
        raise BadConfig(f"--from {from_} is after --to {to}; swap them")
    bot = build_bot(settings_for([symbol]))
    _check_store(bot)
    found = verify_runs(Desk(bot=bot, symbol=symbol), start=start, end=end, progress=Bar(silent=as_json))
    if as_json:
        say_json({**plain(found), "clean": found.is_clean})
    else:
        _tell(found)
    if not found.is_clean:
        raise typer.Exit(exit_code(BadData()))


def _check_store(bot: "Bot") -> None:
    """Raise BadConfig when the store is another bot's; that of a replay may be looked at as if it were live."""
    from trader.store.control import check_stamp, read_stamp

    stamp = read_stamp(bot.storage)
    is_replay = stamp is not None and stamp.mode == _REPLAY
    check_stamp(bot.storage, mine=replace(bot.stamp, mode=_REPLAY) if is_replay else bot.stamp)


def _tell(found: "Verification") -> None:
    say(summary_line(found))
    advice = ""
    for each in found.differences[:_SHOWN]:
        say(*describe_difference(each)[: 1 if each.advice == advice else 2])
        advice = each.advice
    rest = len(found.differences) - _SHOWN
    if rest > 0:
        say(f"... and {rest} more; --json has all of them")


def summary_line(found: "Verification") -> str:
    """Return what was checked and found, in one line."""
    parts = [
        f"{found.runs} runs from {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC",
        f"{found.bitwise_equal} of {found.probabilities} probabilities bitwise equal",
        f"{found.missed} hours missed ({found.gaps} absences)",
        f"{found.filled} filled",
        f"{found.orders} orders",
        *(f"{count} {name}" for name, count in _remarks(found).items() if count),
    ]
    verdict = ", ".join(f"{count} {cause}" for cause, count in found.causes.items()) or "none"
    return f"{found.symbol} {found.interval}: {', '.join(parts)}; differences: {verdict}"


def _remarks(found: "Verification") -> dict[str, int]:
    return {
        "unfinished": found.unfinished,
        "on klines revised since": found.revised,
        "not checked in full": found.unchecked,
    }


def describe_difference(difference: "Difference") -> list[str]:
    """Return a difference in two lines: what it is, and what to do."""
    field = f"{difference.what} is {difference.recorded}, should be {difference.derived}"
    return [f"{difference.open_time:%Y-%m-%d %H:%M}  {difference.cause}: {field}", f"{'':18}{difference.advice}"]
