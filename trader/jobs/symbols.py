"""The run of every symbol of a bot: one process, one account, one look at it before anything is sent.

All symbols are begun before the first one is finished, so that the outcome of every order that was sent before is known
when the balances are looked at. A failing symbol does not keep the others from their run.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trader.core.errors import Conflict, TraderError
from trader.core.journal import BotState, RunRecord
from trader.jobs.account import Account, look_at_account
from trader.jobs.bot import Bot, Desk
from trader.jobs.claim import InProgress, give_back
from trader.jobs.run import Begun, Outcome, RunResult, begin, finish
from trader.store.control import check_stamp, claim_store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRun:
    """One symbol's part of a command: its outcome, the record if there is one, and the error if it failed.

    `desk` is the one that did it, which has in hand what it read; `others` are the states, as it found them, of the
    symbols that were not run.
    """

    symbol: str
    outcome: Outcome
    record: RunRecord | None = None
    error: TraderError | None = None
    desk: Desk | None = None
    others: Mapping[str, BotState] = field(default_factory=dict)


def run_symbols(bot: Bot, *, prepare: Callable[[Bot], None] | None = None) -> list[SymbolRun]:
    """Do the run of every symbol; a failing one does not keep the others from theirs.

    `prepare` is done once the store is known to be this bot's, before anything is claimed. Whoever claims the first
    symbol claims them all: a process that finds one in progress leaves the rest alone, too. Raises BadConfig when the
    store belongs to another bot or mode, or when it is new and a symbol is unknown.
    """
    if not check_stamp(bot.storage, mine=bot.stamp):
        for symbol in bot.symbols:  # a misspelt symbol must not be what a new store begins with
            bot.market.rules(symbol)
        claim_store(bot.storage, mine=bot.stamp)
    if prepare is not None:
        prepare(bot)
    begun: dict[str, Begun] = {}
    try:
        answers = _begin_symbols(bot, begun)
    except BaseException:  # Ctrl-C, or a bug in a later symbol
        _give_back(begun.values())
        raise
    answers |= _finish_symbols(bot, begun)
    return [answers.get(symbol, SymbolRun(symbol=symbol, outcome=Outcome.IN_PROGRESS)) for symbol in bot.symbols]


def _begin_symbols(bot: Bot, begun: dict[str, Begun]) -> dict[str, SymbolRun]:
    """Begin the run of every symbol, into `begun`; return the answers of those that are over already."""
    answers: dict[str, SymbolRun] = {}
    gone: set[str] = set()
    for symbol in bot.symbols:
        answer = _begin_symbol(Desk(bot=bot, symbol=symbol), gone=gone)
        if isinstance(answer, Begun):
            begun[symbol] = answer
        else:
            answers[symbol] = answer
            if answer.outcome is Outcome.IN_PROGRESS:
                break
    return answers


def left_behind(runs: Iterable[SymbolRun], *, symbols: Collection[str]) -> list[tuple[str, Decimal]]:
    """Return the symbols that this bot once traded, is not told to trade now, and still held when it ran."""
    others = {symbol: state for run in runs for symbol, state in run.others.items() if symbol not in symbols}
    return [(symbol, state.execution.position) for symbol, state in others.items() if state.execution.target != 0]


def _begin_symbol(desk: Desk, *, gone: set[str]) -> Begun | SymbolRun:
    try:
        answer = begin(desk, gone=gone)
    except TraderError as error:
        return _failed(desk.symbol, error)
    return answer if isinstance(answer, Begun) else _answer(desk, answer)


def _finish_symbols(bot: Bot, begun: dict[str, Begun]) -> dict[str, SymbolRun]:
    answers: dict[str, SymbolRun] = {}
    if not begun:
        return answers
    try:
        account = look_at_account(bot, {symbol: each.state for symbol, each in begun.items()})
        for symbol, each in begun.items():
            answers[symbol] = _finish_symbol(each, account=account)
    except TraderError as error:
        answers = {symbol: _failed(symbol, error) for symbol in begun}
        _give_back(begun.values())
    except BaseException:
        _give_back(begun.values())
        raise
    return answers


def _finish_symbol(begun: Begun, *, account: Account) -> SymbolRun:
    try:
        return replace(_answer(begun.desk, finish(begun, account=account)), others=account.others)
    except TraderError as error:
        return _failed(begun.desk.symbol, error)


def _give_back(begun: Iterable[Begun]) -> None:
    for each in begun:
        give_back(each.desk, each.record.key.open_time)


def _answer(desk: Desk, result: RunResult) -> SymbolRun:
    return SymbolRun(symbol=desk.symbol, outcome=result.outcome, record=result.record, desk=desk)


def _failed(symbol: str, error: TraderError) -> SymbolRun:
    if isinstance(error, InProgress | Conflict):  # somebody else has written the record that was ours: it is theirs now
        log.warning("%s: left to another process: %s", symbol, error)
        return SymbolRun(symbol=symbol, outcome=Outcome.IN_PROGRESS)
    return SymbolRun(symbol=symbol, outcome=Outcome.FAILED, error=error)
