"""What a person should know of one symbol, the most urgent first: how it is in a word, what is the matter, what to do.

Pure: a record, the switch and a time go in. LATE is judged by the bot's clock; a demo's stands just after the next
close, so that a demo is never late.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trader.core.decision import Reason
from trader.core.journal import RunRecord
from trader.core.klines import close_of, interval_ms
from trader.core.orders import NotSent
from trader.core.risk import Control, ControlMode

_RESUME = "`trader resume --why ...`"


class Health(StrEnum):
    """How a symbol is, in a word; the most urgent first."""

    OK = "OK"
    NEVER_RUN = "NEVER RUN"
    LATE = "LATE"
    FAILING = "FAILING"
    HALTED = "HALTED"
    NOT_TRADING = "NOT TRADING"
    NOT_DECIDING = "NOT DECIDING"
    REDUCING = "REDUCING"
    OFF_TARGET = "OFF TARGET"
    ATTENTION = "ATTENTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing that is not as it should be: in a word, in a sentence, and what to do about it."""

    health: Health
    what: str
    advice: str


def never_run(symbol: str, *, others: Sequence[str]) -> Concern:
    """Return what is the matter with a symbol that had no run; `others` had some in the same store."""
    if not others:
        return Concern(health=Health.NEVER_RUN, what="no run yet", advice="`trader run` does the first one")
    return Concern(
        health=Health.NEVER_RUN,
        what=f"no run yet of {symbol}; this store has runs of {', '.join(others)}",
        advice=f"check --symbol, bot.symbols and storage.url; `trader run` does the first one if {symbol} is meant",
    )


def concerns_of(record: RunRecord, *, control: Control, now: datetime, max_lateness: timedelta) -> tuple[Concern, ...]:
    """Return what is the matter after the newest run, the most urgent first; nothing when all is well."""
    found = [
        *_late(record, now=now, max_lateness=max_lateness),
        *_halted(record, control=control),
        *_not_trading(record),
        *_not_deciding(record),
        *_reducing(control),
        *_off_target(record),
    ]
    return tuple(found)


def _late(record: RunRecord, *, now: datetime, max_lateness: timedelta) -> Iterator[Concern]:
    """Yield that the bot is late: the hour after its newest run cannot be decided any more."""
    step = timedelta(milliseconds=interval_ms(record.key.interval))
    due = close_of(record.key.open_time + step, record.key.interval)
    if now <= due + max_lateness:
        return
    missed = (now - max_lateness - due) // step + 1
    yield Concern(
        health=Health.LATE,
        what=f"the next run was due at {due:%Y-%m-%d %H:%M} UTC, {span(now - due)} ago; klines missed: {missed}",
        advice="look whether the scheduler still runs, and at its log; `trader doctor` tries what a run needs",
    )


def _halted(record: RunRecord, *, control: Control) -> Iterator[Concern]:
    paper = None if record.state is None else record.state.paper
    is_heeded = paper is not None and control.sequence in (0, paper.control_sequence)
    if control.mode is ControlMode.HALT:
        when = "" if is_heeded else "; the next run acts on it"
        what = f"{since(control.at)}the operator ({control.who}) said halt: {control.why}{when}"
        yield Concern(health=Health.HALTED, what=what, advice=f"{_RESUME} to trade again")
    if paper is not None and paper.halt is not None:
        is_resumed = control.mode is ControlMode.RUN and not is_heeded
        advice = "wait for the next run: it resumes" if is_resumed else f"{_RESUME} once you know what happened"
        yield Concern(health=Health.HALTED, what=f"{since(paper.halt.at)}{paper.halt.why}", advice=advice)


def _not_trading(record: RunRecord) -> Iterator[Concern]:
    if record.unexplained:
        yield Concern(
            health=Health.NOT_TRADING,
            what=f"nothing is sent, the account is not explained by our own fills: {'; '.join(record.unexplained)}",
            advice=f"undo that, or say {_RESUME} to take the account as it is",
        )


def _not_deciding(record: RunRecord) -> Iterator[Concern]:
    reason = None if record.decision is None else record.decision.reason
    if reason in _FLAT:
        what, advice = _FLAT[reason]
        yield Concern(health=Health.NOT_DECIDING, what=f"flat: {what}", advice=advice)


_FLAT = {
    Reason.NO_MODEL: ("there is no model", "`trader train` one, or look into the run's log why the first one failed"),
    Reason.MODEL_EXPIRED: ("the model is too old", "`trader train` a new one"),
    Reason.WARM_UP: ("there are too few klines for the indicators", "`trader ingest` some history, or wait"),
    Reason.OUT_OF_RANGE: (
        "a feature is far outside of its training range",
        "if it lasts: `trader train` on newer klines, or look at risk.range_margin",
    ),
}


def _reducing(control: Control) -> Iterator[Concern]:
    if control.mode is ControlMode.REDUCE:
        what = f"{since(control.at)}the operator ({control.who}) said reduce: {control.why}"
        yield Concern(health=Health.REDUCING, what=what, advice=f"{_RESUME} to open positions again")


_FINE = {
    None,
    *(NotSent.NOTHING_TO_DO, NotSent.BELOW_STEP, NotSent.BELOW_MIN_QUANTITY, NotSent.BELOW_MIN_NOTIONAL),
    *(NotSent.ACCOUNT_CHANGED, NotSent.NOT_THIS_HOUR),
}
"""Nothing was left, what was left is dust, or it is said elsewhere."""


def _off_target(record: RunRecord) -> Iterator[Concern]:
    if record.gap == 0 or record.not_sent in _FINE:
        return
    left = f"{abs(record.gap).normalize():f}"
    yield Concern(
        health=Health.OFF_TARGET,
        what=f"the position is {left} away from its target, not sent because {record.not_sent}",
        advice="the next run tries again; if it lasts, `trader doctor` plans the orders against account and filters",
    )


def since(moment: datetime | None) -> str:
    """Return "since ...: " for people, nothing when it is not known."""
    return f"since {moment:%Y-%m-%d %H:%M} UTC: " if moment else ""


def span(length: timedelta) -> str:
    """Return a length of time for people."""
    seconds = length.total_seconds()
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"
