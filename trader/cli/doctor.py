"""The command that looks whether everything is in place, and says what to do where it is not."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from trader.cli.commands import AsJson, Symbols, app, settings_for
from trader.cli.exit import worst
from trader.cli.output import say, say_json
from trader.core.errors import BadConfig

if TYPE_CHECKING:
    from trader.jobs.doctor import Check

_VERDICT, _NAME = 8, 22
"""Columns of the text."""


@app.command()
def doctor(symbol: Symbols = None, as_json: AsJson = False) -> None:
    """Check everything that a run needs, and who is told of it, without trading or telling; says what to do."""
    checks = _examined(symbol)
    if as_json:
        say_json({"checks": [_as_json(check) for check in checks]})
    else:
        for check in checks:
            say(*describe_check(check))
    raise typer.Exit(worst([check.error for check in checks if check.error is not None]))


def _examined(symbol: list[str] | None) -> "list[Check]":
    from trader.bootstrap import build_setup, versions
    from trader.bootstrap.checks import build_checks
    from trader.jobs.doctor import examine, failed

    try:
        settings = settings_for(symbol)
    except BadConfig as error:
        return [failed("settings", error)]
    setup = replace(
        build_setup(settings),
        max_lateness=timedelta(minutes=settings.risk.max_lateness_minutes),
        beside=build_checks(settings),
        versions=versions(),
        has_dashboard=settings.dashboard.enabled,
    )
    return examine(setup)


def describe_check(check: "Check") -> list[str]:
    """Return a check as lines: what was found, and below it what to do."""
    margin = " " * (_VERDICT + _NAME)
    first, *more = check.found.splitlines()
    lines = [f"{check.verdict:{_VERDICT}}{check.name:{_NAME}}{first}", *(margin + line for line in more)]
    return [*lines, f"{margin}-> {check.advice}"] if check.advice else lines


def _as_json(check: "Check") -> dict[str, str]:
    return {"name": check.name, "verdict": check.verdict, "found": check.found, "advice": check.advice}
