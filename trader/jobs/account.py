"""The account before anything is sent: whether it holds what our own fills explain, and is still the same one.

Binance resets its testnet about once a month, without notice: all orders are gone and balances are fresh. That is taken
for granted only on two signs, balances that our fills do not explain *and* an exchange that has never heard of our last
filled order. It begins a new epoch. With one sign alone nothing is sent in the assets concerned until a person has
looked (`trader resume` takes the account as it is).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trader.core.account import Unexplained, current, find_unexplained, opening_of, renewed
from trader.core.errors import BadConfig
from trader.core.journal import Allocation, BotState
from trader.core.orders import ZERO, SymbolRules
from trader.core.risk import ControlMode
from trader.jobs.bot import Bot, Desk, states
from trader.store.control import read_control

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found: free balances by asset, the account's epoch, and what our fills do not explain, by asset.

    `new_epoch` says why an epoch begins now; `accepted` are assets whose balance a person has told us to take as it is.
    """

    balances: Mapping[str, Decimal]
    epoch: int
    new_epoch: str | None = None
    unexplained: Mapping[str, Unexplained] = field(default_factory=dict)
    accepted: Mapping[str, Unexplained] = field(default_factory=dict)

    def objections(self, rules: SymbolRules) -> tuple[str, ...]:
        """Return why nothing may be sent for a symbol, in words; empty when nothing speaks against it."""
        return tuple(
            str(self.unexplained[asset]) for asset in (rules.base_asset, rules.quote_asset) if asset in self.unexplained
        )


def look_at_account(bot: Bot, known: Mapping[str, BotState]) -> Account:
    """Return what the account is like, given the newest states of some symbols; those of all others are read."""
    everyone = {**states(bot, without=known), **known}
    rules_of(bot, known)  # a simulated account is opened for a symbol when its rules are asked for
    balances = bot.exchange.balances()
    odd = _find_odd(bot, everyone, balances)
    if odd:  # the copy of a symbol that is not run any more may be behind its journal
        everyone = {**states(bot, without=known, anew=True), **known}
        odd = _find_odd(bot, everyone, balances)
    traded = current(everyone)
    epoch = max((state.epoch for state in everyone.values()), default=1)
    if not odd:
        return Account(balances=balances, epoch=epoch)
    reset = _reset(bot, traded)
    said = "; ".join(map(str, odd))
    if reset is not None:
        log.warning("%s (%s): epoch %d begins", reset, said, epoch + 1)
        return Account(balances=balances, epoch=epoch + 1, new_epoch=f"{reset}; {said}")
    accepted = _accepted(bot, odd, traded)
    unexplained = {each.asset: each for each in odd if each.asset not in accepted}
    if unexplained:
        log.error(
            "nothing is sent in %s until this is explained: %s. Undo it, or say `trader resume` to take the account as"
            " it is",
            ", ".join(unexplained),
            "; ".join(map(str, unexplained.values())),
        )
    return Account(balances=balances, epoch=epoch, unexplained=unexplained, accepted=accepted)


def _find_odd(bot: Bot, everyone: Mapping[str, BotState], balances: Mapping[str, Decimal]) -> tuple[Unexplained, ...]:
    traded = current(everyone)
    rules = rules_of(bot, traded)
    return find_unexplained(balances, states={symbol: traded[symbol] for symbol in rules}, rules=rules)


def was_reset(bot: Bot) -> bool:
    """Tell whether the account was reset since the newest runs: an order that it does not know was not refused."""
    return look_at_account(bot, {}).new_epoch is not None


def take_part(desk: Desk, state: BotState, account: Account) -> BotState:
    """Return the state in the account's epoch, with an allocation: renewed, rebased or opened where that is due."""
    if state.epoch < account.epoch:
        state = renewed(state, epoch=account.epoch)
    if state.allocation is None:
        return _opened(desk, state)
    moved = {asset: account.accepted[asset] for asset in state.opening if asset in account.accepted}
    opening = {asset: amount + _shift(moved.get(asset)) for asset, amount in state.opening.items()}
    return replace(state, opening=opening) if moved else state


def rules_of(bot: Bot, symbols: Mapping[str, BotState]) -> dict[str, SymbolRules]:
    """Return the rules of each symbol that the exchange (still) has."""
    found = {}
    for symbol in symbols:
        try:
            found[symbol] = bot.exchange.rules(symbol)
        except BadConfig as error:  # its own run says so; it must not keep the others from theirs
            log.warning("%s is left out of the account: %s", symbol, error)
    return found


def _reset(bot: Bot, traded: Mapping[str, BotState]) -> str | None:
    """Return why the account is a new one, if it is: it does not know our last filled order, or there was none."""
    filled = [state.last_filled for state in traded.values() if state.last_filled is not None]
    if not filled:
        return "the account changed before the first order of its epoch was filled"
    last = max(filled, key=lambda intent: intent.signed_at)
    if bot.exchange.settle(last) is not None:
        return None
    return f"the exchange does not know our last filled order {last.client_order_id} any more"


def _accepted(bot: Bot, odd: tuple[Unexplained, ...], traded: Mapping[str, BotState]) -> dict[str, Unexplained]:
    """Return what a person has taken as it is: `resume` was said after the newest run that looked."""
    control = read_control(bot.storage)
    if control.mode is not ControlMode.RUN or control.sequence == 0:
        return {}
    unaware = [state for state in traded.values() if state.paper.control_sequence != control.sequence]
    return {each.asset: each for each in odd if any(each.asset in state.opening for state in unaware)}


def _shift(change: Unexplained | None) -> Decimal:
    return ZERO if change is None else change.found - change.expected


def _opened(desk: Desk, state: BotState) -> BotState:
    """Return the state with what this symbol may use of the account, and what the account held before.

    Of each of its assets: what no other symbol has a claim on, shared equally among those that have none yet. A claim
    is an allocation with all that was bought and sold on it, so nobody is given what another one's sale brought in.
    """
    bot = desk.bot
    own = bot.exchange.rules(desk.symbol)
    balances = bot.exchange.balances()
    others = {symbol: each for symbol, each in states(bot, without=[desk.symbol]).items() if each.epoch == state.epoch}
    traded = {symbol: each for symbol, each in others.items() if each.allocation is not None}
    rules = rules_of(bot, traded)
    free = dict(balances)
    for symbol, its in rules.items():
        for asset, claim in zip((its.base_asset, its.quote_asset), _claims_of(traded[symbol]), strict=False):
            free[asset] = free.get(asset, ZERO) - claim
    waiting = {symbol: state for symbol in bot.symbols if symbol not in traded}
    users = [asset for its in rules_of(bot, waiting).values() for asset in (its.base_asset, its.quote_asset)]
    base, quote = (
        max(free.get(asset, ZERO), ZERO) / max(users.count(asset), 1) for asset in (own.base_asset, own.quote_asset)
    )
    return replace(
        state,
        allocation=Allocation(base=base, quote=quote),
        opening=opening_of(balances, states={symbol: traded[symbol] for symbol in rules}, own=own, rules=rules),
    )


def _claims_of(state: BotState) -> tuple[Decimal, ...]:
    if state.allocation is None:
        return ()
    return state.allocation.base + state.execution.position, state.allocation.quote + state.execution.cash
