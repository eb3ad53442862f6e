"""One run under examination: everything in it that is not what it should be, each with its cause."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trader.core.decision import Reason
from trader.core.errors import BadConfig, BadData
from trader.core.journal import BotState, RunRecord
from trader.core.klines import Klines, interval_ms
from trader.jobs.verification.contradictions import contradictions
from trader.jobs.verification.differences import Cause, Difference, Mismatch, compare
from trader.jobs.verification.rederive import Evidence, input_mismatches, is_settled_from_stored, step_mismatches
from trader.store.months import month_of, month_range

_PROGRAM = ("trader", "commit")
"""What names our own code among the versions; the others name what it runs on."""

_SHORT = 12
_FOLLOWS = "perhaps only because the record before it was altered"


class Stored(StrEnum):
    """What has become of the klines of a run."""

    INTACT = "intact"
    REVISED = "revised"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What runs are judged against: today's versions, the months of klines that are stored, and the newest run."""

    versions: Mapping[str, str]
    months: frozenset[str]
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with a run, and what the next one has to know: whether its books and its klines can be believed."""

    differences: tuple[Difference, ...] = ()
    is_altered: bool = False
    klines: Stored = Stored.INTACT


def judge(
    record: RunRecord,
    evidence: Evidence | None,
    *,
    before: BotState | None,
    earlier: Verdict,
    today: Today,
    again: Sequence[Mismatch] = (),
) -> Verdict:
    """Return what is wrong with a completed run.

    `evidence` is None for one without inputs, `before` when nobody knows the books it began with. `earlier` is the
    verdict on the run before it, `again` what was found by looking at other runs.
    """
    own = [*again, *_tried(lambda: contradictions(record, before=before), what="record")]
    if evidence is None:
        differences = _caused(own, Cause.RECORD, record, today)
        return Verdict(differences=differences, is_altered=bool(own), klines=earlier.klines)
    usual, prediction = _cause_of_result(record, today), list(_of_prediction(evidence))
    if dict(record.versions) == dict(today.versions):  # the same model, library and features give the same answer
        own, prediction = [*own, *prediction], []
    cause, stored = Cause.RECORD if own else usual, _stored(evidence, today)
    of_inputs = list(input_mismatches(evidence))
    of_klines = list(_of_klines(evidence, of_inputs, stored=stored, is_known=earlier.klines is stored, today=today))
    if own and stored is Stored.REVISED and not of_inputs:  # the klines give what they gave: the digest was altered
        of_klines = [each.blamed_on(Cause.RECORD) for each in of_klines]
    found = [
        *of_klines,
        *_caused(of_inputs if stored is Stored.INTACT else (), cause, record, today),
        *_caused(prediction, cause, record, today),
        *_of_books(evidence, stored=stored, cause=Cause.RECORD if earlier.is_altered else cause, today=today),
        *_caused(own, Cause.RECORD, record, today),
    ]
    first = {each.what: each for each in reversed(found)}
    why = _FOLLOWS if earlier.is_altered and "seal" not in first else ""
    differences = tuple(each.because(why) for each in found if first[each.what] is each)
    return Verdict(differences=differences, is_altered=bool(own), klines=stored)


def _of_books(evidence: Evidence, *, stored: Stored, cause: Cause, today: Today) -> Iterator[Difference]:
    """Yield where the strategy answers differently; with closes that nobody vouches for the klines may be why."""
    before, is_unsure = evidence.before, is_settled_from_stored(evidence)
    if before is None or (is_unsure and stored is Stored.MISSING):
        return
    found = _tried(lambda: step_mismatches(evidence, before), what="state.paper")
    is_moved = is_unsure and any(each.what.startswith("settled") for each in found)
    yield from _caused(
        found, Cause.REVISION if is_moved and cause is not Cause.RECORD else cause, evidence.record, today
    )


def _tried(look: Callable[[], Iterator[Mismatch]], *, what: str) -> list[Mismatch]:
    """Return what a check yields; values that it cannot even calculate with are found, too."""
    try:
        return list(look())
    except (BadData, BadConfig) as error:
        return [Mismatch(what=what, recorded="what cannot be checked", derived=str(error))]
    except ArithmeticError:
        return [Mismatch(what=what, recorded="what cannot be calculated with", derived="numbers in their range")]


def _caused(found: Sequence[Mismatch], cause: Cause, record: RunRecord, today: Today) -> tuple[Difference, ...]:
    moved = _moved_versions(record, today) if cause in (Cause.ENVIRONMENT, Cause.CODE) else ""
    differences = (each.caused_by(cause, open_time=record.key.open_time) for each in found)
    return tuple(each.because(moved) for each in differences)


def _moved_versions(record: RunRecord, today: Today) -> str:
    names = dict.fromkeys([*record.versions, *today.versions])
    pairs = {name: (record.versions.get(name) or "unknown", today.versions.get(name) or "unknown") for name in names}
    return ", ".join(f"{name} was {then}, is {now}" for name, (then, now) in pairs.items() if then != now)


def _cause_of_result(record: RunRecord, today: Today) -> Cause:
    """Return why equal inputs would give another result: the environment, if it is another one, or the code."""
    then, now = (_environment(each) for each in (record.versions, today.versions))
    return Cause.CODE if then == now else Cause.ENVIRONMENT


def _environment(versions: Mapping[str, str]) -> dict[str, str]:
    return {name: version for name, version in versions.items() if name not in _PROGRAM}


def _of_prediction(evidence: Evidence) -> Iterator[Mismatch]:
    """Yield the probability if it is not what the model says to the recorded features."""
    if evidence.p_recorded is not None:
        yield from compare(evidence.inputs.p_up, evidence.p_recorded, what="inputs.p_up")


def _stored(evidence: Evidence, today: Today) -> Stored:
    if evidence.is_intact:
        return Stored.INTACT
    window, decision = evidence.window, evidence.record.decision
    if window is None or _absent_months(window, today):
        return Stored.MISSING
    was_real = decision is not None and decision.reason is not Reason.FILLED_KLINE
    return Stored.MISSING if was_real and window.filled[-1] else Stored.REVISED


def _absent_months(window: Klines, today: Today) -> list[str]:
    return [month for month in month_range(month_of(window.first), month_of(window.last)) if month not in today.months]


def _of_klines(
    evidence: Evidence, of_inputs: Sequence[Mismatch], *, stored: Stored, is_known: bool, today: Today
) -> Iterator[Difference]:
    """Yield what has become of the run's klines; where that `is_known` from the run before, only if it shows."""
    inputs, window, open_time = evidence.inputs, evidence.window, evidence.record.key.open_time
    shown = [each.what.rpartition(".")[2] for each in of_inputs]
    if stored is Stored.INTACT or (is_known and (stored is Stored.MISSING or not shown)):
        return
    if stored is Stored.MISSING and _is_awaited(evidence, today):
        return
    then = f"{inputs.klines_digest[:_SHORT]}, close {inputs.price!r}"
    if stored is Stored.MISSING or window is None:
        absent = ", ".join(_absent_months(window, today)) if window is not None else ""
        what = f"those of {absent}" if absent else f"some up to {open_time:%Y-%m-%d %H:%M} UTC"
        mismatch = Mismatch(what="inputs.klines_digest", recorded=then, derived=f"{what} are not stored")
        advice = f"`trader ingest` the months up to {month_of(open_time)}, or let the next run fetch them"
        yield mismatch.caused_by(Cause.DATA, open_time=open_time, advice=advice)
        return
    now = f"{evidence.digest[:_SHORT]}, close {float(window.close[-1])!r}{' (filled)' if window.filled[-1] else ''}"
    differing = f"; {', '.join(shown)} come out differently" if shown else "; nothing in this run depends on it"
    where = _revised_months(evidence, window, is_known=is_known)
    mismatch = Mismatch(what="inputs.klines_digest", recorded=then, derived=f"{now}; revised in {where}{differing}")
    yield mismatch.caused_by(Cause.REVISION, open_time=open_time)


def _is_awaited(evidence: Evidence, today: Today) -> bool:
    """Tell whether only the newest run's own kline is missing: where its process was killed, the next run stores it."""
    open_time, window = evidence.record.key.open_time, evidence.window
    if open_time != today.newest or window is None:
        return False
    return bool(window.filled[-1]) and set(_absent_months(window, today)) <= {month_of(open_time)}


def _revised_months(evidence: Evidence, window: Klines, *, is_known: bool) -> str:
    """Return the month of the revised kline: the newest one where the run before still has its klines."""
    key, was = evidence.record.key, evidence.before.paper.open_time if evidence.before else None
    step = timedelta(milliseconds=interval_ms(key.interval))
    if not is_known and was is not None and was + step == key.open_time:
        return month_of(key.open_time)
    return " or ".join(dict.fromkeys((month_of(window.first), month_of(window.last))))
