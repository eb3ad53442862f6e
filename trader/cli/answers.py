"""What `trader run` prints of its symbols; loaded when the orders are out."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import typer

from trader.cli.output import say, say_json
from trader.jobs.symbols import SymbolRun
from trader.report.text import describe_run, summary_of


def show_answers(answers: Sequence[SymbolRun], *, left: Iterable[tuple[str, Decimal]], as_json: bool) -> None:
    """Print what became of every symbol, and what is held of symbols that are not traded any more."""
    if as_json:
        say_json({"runs": [_as_json(answer) for answer in answers]})
    for held, position in left:
        typer.echo(
            f"warning: {held} is not traded any more, but {position} of it are held; add it to bot.symbols", err=True
        )
    for answer in answers:
        if not as_json:
            say(f"{answer.symbol}: {answer.outcome}")
            if answer.record is not None:
                say(*describe_run(answer.record), "")
        if answer.error is not None:
            typer.echo(f"error: {answer.error}", err=True)


def _as_json(answer: SymbolRun) -> dict[str, object]:
    """Return one symbol's outcome for programs."""
    found = summary_of(answer.record) if answer.record is not None else {}
    return {
        "symbol": answer.symbol,
        "outcome": answer.outcome,
        "error": str(answer.error) if answer.error is not None else None,
        **found,
    }
