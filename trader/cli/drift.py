"""The command that looks for drift: now, over what was served, or day by day over a past range of stored klines."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import AsJson, OneSymbol, app, settings_for
from trader.cli.output import parse_moment, plain, say, say_json
from trader.core.errors import BadConfig

if TYPE_CHECKING:
    from datetime import datetime

    from trader.config import Settings
    from trader.jobs.outlets import DriftRules
    from trader.ml.drift.report import DriftReport, Finding

Start = Annotated[str | None, typer.Option("--start", metavar="ISO", help="look at a past range instead, from here")]
End = Annotated[str | None, typer.Option("--end", metavar="ISO", help="its end, not included")]


@app.command()
def drift(symbol: OneSymbol, start: Start = None, end: End = None, as_json: AsJson = False) -> None:
    """Tell whether features, predictions and outcomes still look as in training, by the model that decides."""
    settings = settings_for([symbol])
    if (start is None) != (end is None):
        raise BadConfig("a past range takes both --start and --end")
    if start is not None and end is not None:
        _past(settings, symbol, start=parse_moment(start), end=parse_moment(end), as_json=as_json)
        return
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.jobs.drift import look
    from trader.store.control import check_stamp

    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    report = look(Desk(bot=bot, symbol=symbol), bot.clock.now(), rules=rules_of(settings))
    if as_json:
        say_json({**plain(report), "wants_training": report.wants_training})
    else:
        say(*describe_report(report, symbol=symbol))


def rules_of(settings: "Settings") -> "DriftRules":
    """Return how the settings have the look done."""
    from trader.jobs.outlets import DriftRules

    said = settings.drift
    return DriftRules(
        window_days=said.window_days,
        false_alarms_per_year=said.false_alarms_per_year,
        retrain=said.retrain,
        verified=said.verify_hours,
    )


def _past(settings: "Settings", symbol: str, *, start: "datetime", end: "datetime", as_json: bool) -> None:
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.jobs.drift import past_look

    if start >= end:
        raise BadConfig(f"--start {start:%Y-%m-%d} is not before --end {end:%Y-%m-%d}; swap them")
    found = past_look(Desk(bot=build_bot(settings), symbol=symbol), start=start, end=end, rules=rules_of(settings))
    if as_json:
        say_json(found)
        return
    seen = "; the model has seen a part of these hours" if found.in_sample else ""
    say(f"{symbol}: {found.looks} daily looks by {found.model_id}, {len(found.alarms)} alarms{seen}")
    say(*(f"{each.began:%Y-%m-%d}  {each.name:22}  for {each.looks} days" for each in found.alarms))


def describe_report(report: "DriftReport", *, symbol: str) -> list[str]:
    """Return a report as lines for people."""
    if report.model_id is None:
        return [f"{symbol}: {report.note}"]
    verdict = f"ALARM: {', '.join(report.alarms)}" if report.alarms else "no alarm"
    rate = f"{report.false_alarms_per_year:g} false alarms a year"
    served = f"{report.rows} rows of {report.window_days} days"
    lines = [
        f"{symbol}: {served} against the training of {report.model_id}: {verdict}",
        *([report.note] if report.note else [f"limits for {rate}"]),
    ]
    for each in report.features:
        mark = "  <- ALARM" if each.alarm else ""
        lines.append(
            f"  {each.name:16} PSI {each.psi:6.3f} (limit {each.limit_psi:.3f})   KS {each.ks:.3f}"
            f" (limit {each.limit_ks:.3f}){mark}"
        )
    named = (report.prediction, report.label_rate, report.relation, report.performance, report.importance)
    return lines + [_line(each) for each in (*named, *report.figures, report.skew) if each is not None]


def _line(finding: "Finding") -> str:
    value = "     -" if finding.value is None else f"{finding.value:6.3f}"
    limit = "" if finding.limit is None else f" (limit {finding.limit:.3f})"
    mark = "  <- ALARM" if finding.alarm else ""
    return f"  {finding.name:16} {value}{limit}  {finding.what}{mark}"
