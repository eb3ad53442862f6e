"""What `trader run` prints and logs of its symbols; loaded when the orders are out."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import typer

from trader.cli.logs import FIGURES
from trader.cli.output import say, say_json
from trader.core.decision import Reason
from trader.core.journal import RunRecord
from trader.jobs.run import Outcome
from trader.jobs.run_context import run_context
from trader.jobs.symbols import SymbolRun
from trader.report.text import describe_run, summary_of

log = logging.getLogger(__name__)

RUN_ENDED = "run ended"
_HALTS = (Reason.HALTED, Reason.CONTROL_HALT)


def log_answers(answers: Sequence[SymbolRun], *, versions: Mapping[str, str]) -> None:
    """Log one line a symbol that alarms count (infra/bot.yml): how its run ended, and by which version.

    `halted` and `missed` are those of the hour's record, null where there is none.
    """
    program = {"version": versions.get("trader", ""), "commit": versions.get("commit", "")}
    for answer in answers:
        record = answer.record
        decision = None if record is None else record.decision
        figures = {
            "symbol": answer.symbol,
            "outcome": str(answer.outcome),
            "halted": None if record is None else _is_halted(record),
            "missed": None if decision is None else decision.reason is Reason.MISSED,
            **program,
        }
        with run_context(None if record is None else record.key):
            log.info(RUN_ENDED, extra={FIGURES: figures})


def log_failure(symbols: Iterable[str], *, versions: Mapping[str, str]) -> None:
    """Log the same lines for a command that failed as a whole, whose symbols have no answers."""
    log_answers([SymbolRun(symbol=symbol, outcome=Outcome.FAILED) for symbol in symbols], versions=versions)


def _is_halted(record: RunRecord) -> bool:
    is_told = record.decision is not None and record.decision.reason in _HALTS
    return is_told or (record.state is not None and record.state.paper.halt is not None)


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
