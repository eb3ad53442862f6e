"""What a run is marked with on the curves: everything that has changed since the run before."""

from collections.abc import Iterator

from trader.core.klines import from_ms
from trader.core.risk import ControlMode
from trader.report.summary.model import Mark, MarkKind, Now
from trader.report.summary.rows import Run

BY_OPERATOR = "the operator said halt"


def marks_of(run: Run, *, before: Now | None, now: Now, unrecorded: int) -> Iterator[Mark]:
    """Yield the marks of a run, which took the bot from `before` (None: it is the first one) to `now`.

    `unrecorded` is the number of klines before it that the ledger knows nothing of.
    """
    at = from_ms(run.open_time)
    for kind, text in _changes(run, before=before, now=now, unrecorded=unrecorded):
        yield Mark(at=at, kind=kind, text=text)


def _changes(run: Run, *, before: Now | None, now: Now, unrecorded: int) -> Iterator[tuple[MarkKind, str]]:
    if unrecorded:
        yield MarkKind.ABSENCE, f"the ledger has nothing of {unrecorded} klines before this one"
    if run.missed:
        yield MarkKind.ABSENCE, f"{run.missed} missed" if run.missed > 1 else "missed"
    was_halted = before is not None and before.halt is not None
    if now.halt is not None and not was_halted:
        yield MarkKind.HALT, now.halt
    elif run.limit_reached:
        yield MarkKind.LIMIT, "a loss limit was reached"
    if now.halt is None and was_halted:
        yield MarkKind.RESUME, "trading goes on"
    if before is None:
        return
    if now.training != before.training:
        yield MarkKind.TRAINING, f"training {now.training_outcome}: {run.trained_model or 'no model'}"
    if now.model_id != before.model_id and before.model_id is not None:
        yield MarkKind.PROMOTION, f"{now.model_id} decides"
    if run.new_epoch is not None or now.epoch != before.epoch:
        yield MarkKind.EPOCH, run.new_epoch or f"epoch {now.epoch} begins"


def halt_of(run: Run, *, control: str) -> str | None:
    """Return why trading is suspended after a run, None when it is not."""
    if run.halted:
        return run.halt or "halted"
    return BY_OPERATOR if control == ControlMode.HALT.value else None
