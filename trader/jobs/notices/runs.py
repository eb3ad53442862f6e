"""Notices about runs: what the newest rows of the ledger say that a person should know, and why a run failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from trader.core.errors import BadConfig, BadData, Rejected, Retryable, TraderError
from trader.core.klines import close_of, interval_ms
from trader.core.notices import Level, Notice, Topic
from trader.core.orders import NotSent
from trader.core.risk import ControlMode
from trader.jobs.notices.wording import count, moment, notice
from trader.report.text import percent

Row = Mapping[str, Any]

_DUST = {NotSent.BELOW_STEP, NotSent.BELOW_MIN_QUANTITY, NotSent.BELOW_MIN_NOTIONAL}
_USED_UP = "the symbol's share of the account is used up: lower sizing.notional, or reset the test account"
_GAP_ADVICE = {
    NotSent.NO_BASE: _USED_UP,
    NotSent.NO_QUOTE: _USED_UP,
    NotSent.NOT_TRADING: "the exchange does not trade it now: wait, or take it out of bot.symbols",
    NotSent.REFUSED: "`trader status` has the exchange's words, `trader doctor` tries key and account",
}


class Known(Protocol):
    """What is known of the run before: that of the summary (`Now`) will do."""

    @property
    def halt(self) -> str | None:
        """Why trading was suspended."""

    @property
    def control(self) -> str | None:
        """What the operator had said."""

    @property
    def off_target(self) -> bool:
        """Whether the position was not the target."""

    @property
    def not_sent(self) -> str | None:
        """Why no order was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """Where a symbol stands after a row."""

    halt: str | None = None
    control: str | None = None
    is_short_of_target: bool = False


def of_runs(rows: Sequence[Row], *, symbol: str, interval: str, before: Known | None) -> tuple[Notice, ...]:
    """Return the notices of some new rows of the ledger, oldest first, after the run `before` (None: there was none).

    A row is as `store/ledger_rows.row_of` makes it. What lasts (a halt) is told when it begins; what has to be mended
    (an account that cannot be explained, a position that is not the target) in every run, for `due` to thin out.
    """
    stand = _Stand() if before is None else _stand_of(before)
    notices: list[Notice] = []
    for row in rows:
        after = _after(stand, row)
        at = close_of(row["open_time"], interval)
        said = [_missed(row, interval=interval), *_suspended(stand, after), *_account(row), _gap(stand, after, row)]
        notices += [
            notice(topic, level, symbol=symbol, at=at, what=what, advice=advice)
            for topic, level, what, advice in filter(None, said)
        ]
        stand = after
    if rows:
        at = close_of(rows[-1]["open_time"], interval)
        notices.append(notice(Topic.RUN_DONE, Level.SUCCESS, symbol=symbol, at=at, what=_done(rows[-1])))
    return tuple(notices)


def of_failure(symbol: str, error: Exception, *, at: datetime) -> Notice:
    """Return the notice of a run that failed; one whose world was not ready is tried again without anybody's help."""
    level = Level.WARNING if isinstance(error, Retryable) else Level.ERROR
    words = str(error) if isinstance(error, TraderError) else f"{type(error).__name__}: {error}"
    advice = next((text for kind, text in _FAILED if isinstance(error, kind)), "this is a bug; please report the log")
    what = f"the run failed: {words}"
    return notice(
        Topic.RUN_FAILED, level, symbol=symbol, at=at, what=what, advice=advice.format(symbol=symbol or "SYMBOL")
    )


_FAILED: tuple[tuple[type[TraderError], str], ...] = (
    (Retryable, "the next try may succeed; if this goes on, `trader doctor` says what is not ready"),
    (Rejected, "`trader doctor` tries key and account; `trader status --symbol {symbol}` shows the position"),
    (BadConfig, "change what it names, then `trader doctor`"),
    (BadData, "nothing was decided on it; `trader verify --symbol {symbol}` finds what is wrong in the store"),
)

_Said = tuple[Topic, Level, str, str]


def _stand_of(known: Known) -> _Stand:
    short = known.off_target and known.not_sent not in _DUST
    return _Stand(halt=known.halt, control=known.control, is_short_of_target=short)


def _after(stand: _Stand, row: Row) -> _Stand:
    """Return the stand after a row. In an absence nobody looked at switch and position: they are as before."""
    halt = row.get("halt")
    if row.get("control") is None:
        return replace(stand, halt=halt)
    short = bool(row.get("off_target")) and row.get("not_sent") not in _DUST
    return _Stand(halt=halt, control=row["control"], is_short_of_target=short)


def _missed(row: Row, *, interval: str) -> _Said | None:
    if not row["missed"]:
        return None
    first = row["open_time"] - (row["missed"] - 1) * timedelta(milliseconds=interval_ms(interval))
    to = f" to {moment(row['open_time'])}" if row["missed"] > 1 else ""
    what = f"{count(row['missed'], 'kline')} of {interval} missed, {moment(first)}{to}; the position was held"
    return Topic.MISSED, Level.WARNING, what, "see why the runs did not come in time (scheduler, log); `trader doctor`"


def _suspended(before: _Stand, after: _Stand) -> list[_Said]:
    said: list[_Said] = []
    if after.halt and after.halt != before.halt:
        advice = '`trader status` shows the books; when you have understood it: `trader resume --why "..."`'
        said.append(
            (Topic.HALTED, Level.ERROR, f"trading is halted, flat until a person resumes it: {after.halt}", advice)
        )
    if after.control == ControlMode.HALT and before.control != ControlMode.HALT:
        what = "the operator said halt: flat from now on"
        said.append((Topic.HALTED, Level.INFO, what, '`trader resume --why "..."` trades again'))
    return said


def _account(row: Row) -> list[_Said]:
    said: list[_Said] = []
    if row.get("new_epoch"):
        what = f"the exchange's account was begun anew (epoch {row['epoch']}): {row['new_epoch']}"
        advice = "nothing, after the testnet's monthly reset; otherwise look at the account, then `trader status`"
        said.append((Topic.EPOCH, Level.WARNING, what, advice))
    if row.get("unexplained"):
        what = f"no order is sent, the account holds what no fill of ours explains: {row['unexplained']}"
        advice = 'undo it, or take the account as it is: `trader resume --why "..."`'
        said.append((Topic.UNEXPLAINED, Level.ERROR, what, advice))
    return said


def _gap(before: _Stand, after: _Stand, row: Row) -> _Said | None:
    """Return what is wrong with the position once it was so twice; the next run mends what one has left."""
    if row.get("unexplained") or not (before.is_short_of_target and after.is_short_of_target and row.get("off_target")):
        return None
    because = f" ({row['not_sent']})" if row.get("not_sent") else ""
    what = f"the position is {row['position']:g} instead of {row['target']:g} for more than one run{because}"
    advice = next((text for kind, text in _GAP_ADVICE.items() if kind == row.get("not_sent")), "`trader doctor`")
    return Topic.EXECUTION_GAP, Level.WARNING, what, advice


def _done(row: Row) -> str:
    parts = [f"kline {moment(row['open_time'])}: {row['reason']}"]
    if row.get("exposure") is not None:
        parts.append(f"exposure {row['exposure']:+.2f}")
    if row.get("p_up") is not None:
        parts.append(f"p(up) {row['p_up']:.4f}")
    if row.get("close") is not None:
        parts.append(f"close {row['close']:g}")
    if row.get("executed"):
        parts.append(f"{row['side']} {row['executed']:g}")
    if row.get("paper_net") is not None:
        parts.append(f"net {percent(row['paper_net'])} so far")
    return ", ".join(parts)
