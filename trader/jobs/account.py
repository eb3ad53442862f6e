"""The account before anything is sent: whether it holds what our own fills explain, and is still the same one.

Binance resets its testnet about once a month, without notice: all orders are gone and balances are fresh. That is taken
for granted only on two signs, balances that our fills do not explain *and* an exchange that has never heard of our last
filled order. It begins a new epoch. With one sign alone nothing is sent in the assets concerned until a person has
looked (`trader resume` takes the account as it is). As long as nothing was filled, nothing of ours can be lost, and
balances are taken as they are. While the outcome of another symbol's order is unknown, it may explain anything: nothing
is concluded, and nothing sent.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from trader.core.account import Unexplained, current, find_unexplained, newest_opening, opening_of, renewed
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.journal import Allocation, BotState
from trader.core.klines import interval_ms, last_closed
from trader.core.orders import ZERO, SymbolRules
from trader.core.risk import Control, ControlMode
from trader.jobs.bot import Bot, Desk, states
from trader.store.control import CONTROL_KEY, read_control

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found: free balances by asset, the account's epoch, and what our fills do not explain, by asset.

    `new_epoch` says why an epoch begins now. `opening` is what the account held at the start of the epoch, corrected by
    what was taken as it is; `users` how many symbols share each asset. `control` is what the operator last said,
    `others` the states of the symbols that are not run now.
    """

    balances: Mapping[str, Decimal]
    control: Control
    epoch: int
    new_epoch: str | None = None
    unexplained: Mapping[str, Unexplained] = field(default_factory=dict)
    opening: Mapping[str, Decimal] = field(default_factory=dict)
    users: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, BotState] = field(default_factory=dict)

    def objections(self, rules: SymbolRules) -> tuple[str, ...]:
        """Return why nothing may be sent for a symbol, in words; empty when nothing speaks against it."""
        return tuple(
            str(self.unexplained[asset]) for asset in (rules.base_asset, rules.quote_asset) if asset in self.unexplained
        )


def look_at_account(bot: Bot, known: Mapping[str, BotState]) -> Account:
    """Return what the account is like, given the newest states of some symbols; those of all others are read.

    Raises BadData when the operator's switch is gone although it was set.
    """
    everyone = {**states(bot, without=known), **known}
    control = _control(bot, everyone)
    rules_of(bot, known)  # a simulated account is opened for a symbol when its rules are asked for
    balances = bot.exchange.balances()
    odd, unknown = _find_odd(bot, everyone, balances), []
    if odd:  # the copy of a symbol that is not run now may be behind its journal; an order shows in one of the two
        unknown = _unknown_orders(bot, {*bot.symbols, *everyone} - set(known))
        everyone = {**states(bot, without=known, anew=True), **known}
        odd = _find_odd(bot, everyone, balances)
    traded = current(everyone)
    epoch = max((state.epoch for state in everyone.values()), default=1)
    reset = _reset(bot, traded) if odd else None
    if reset is not None:
        why = f"{reset}; {'; '.join(map(str, odd))}"
        log.warning("epoch %d begins: %s", epoch + 1, why)
        others = {symbol: state for symbol, state in everyone.items() if symbol not in known}
        return Account(balances=balances, control=control, epoch=epoch + 1, new_epoch=why, others=others)
    accepted = [] if unknown else _accepted(odd, traded, control=control)
    unexplained = {each.asset: each for each in odd if each not in accepted}
    _tell(unexplained, unknown=unknown)
    taken = {each.asset: each.found - each.expected for each in accepted}
    return Account(
        balances=balances,
        control=control,
        epoch=epoch,
        unexplained=unexplained,
        opening={asset: amount + taken.get(asset, ZERO) for asset, amount in newest_opening(traded).items()},
        users=Counter(asset for state in traded.values() for asset in state.opening),
        others={symbol: state for symbol, state in everyone.items() if symbol not in known},
    )


def _control(bot: Bot, everyone: Mapping[str, BotState]) -> Control:
    control = read_control(bot.storage)
    if control.sequence == 0 and any(state.paper.control_sequence for state in everyone.values()):
        raise BadData(
            f"{bot.storage.locate(CONTROL_KEY)} is gone although the operator's switch was set; restore it, or say"
            " `trader halt`, `reduce` or `resume` again"
        )
    return control


def _tell(unexplained: Mapping[str, Unexplained], *, unknown: Sequence[str]) -> None:
    if not unexplained:
        return
    advice = "undo it, or say `trader resume` to take the account as it is"
    log.error(
        "nothing is sent in %s until this is explained: %s; %s",
        ", ".join(unexplained),
        "; ".join(map(str, unexplained.values())),
        f"{', '.join(unknown)} has an order of unknown outcome that may explain it" if unknown else advice,
    )


def _find_odd(bot: Bot, everyone: Mapping[str, BotState], balances: Mapping[str, Decimal]) -> tuple[Unexplained, ...]:
    traded = current(everyone)
    return find_unexplained(balances, states=traded, rules=rules_of(bot, traded))


def was_reset(bot: Bot) -> bool:
    """Tell whether the account was reset since the newest runs: an order that it does not know was not refused."""
    return look_at_account(bot, {}).new_epoch is not None


def take_part(desk: Desk, state: BotState, account: Account) -> BotState:
    """Return the state in the account's epoch, with an allocation: renewed, rebased or opened where that is due."""
    if state.epoch < account.epoch:
        state = renewed(state, epoch=account.epoch)
    if state.allocation is None:
        return _opened(desk, state)
    return _rebased(state, account)


def _rebased(state: BotState, account: Account) -> BotState:
    """Return the state with what came or went of the account taken as it is, and its share of it.

    Also what another symbol's run has taken before, when this one's was cut off.
    """
    changes = {asset: account.opening.get(asset, amount) - amount for asset, amount in state.opening.items()}
    if not any(changes.values()) or state.allocation is None:
        return state
    base, quote = (change / account.users[asset] for asset, change in changes.items())
    held = state.allocation
    return replace(
        state,
        opening={asset: amount + changes[asset] for asset, amount in state.opening.items()},
        allocation=Allocation(base=max(held.base + base, ZERO), quote=max(held.quote + quote, ZERO)),
    )


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
    """Return why the account is a new one, if it is: the exchange does not know our last filled order."""
    filled = [state.last_filled for state in traded.values() if state.last_filled is not None]
    if not filled:
        return None
    last = max(filled, key=lambda intent: intent.signed_at)
    if bot.exchange.settle(last) is not None:
        return None
    return f"the exchange does not know our last filled order {last.client_order_id} any more"


def _unknown_orders(bot: Bot, symbols: Collection[str]) -> list[str]:
    """Return the runs of some symbols, this hour's included, with an order of which nobody knows what became."""
    end = last_closed(bot.clock.now(), bot.interval) + timedelta(milliseconds=interval_ms(bot.interval))
    positions = (Desk(bot=bot, symbol=symbol).journal.latest(before=end) for symbol in sorted(symbols))
    unfinished = (stored.record for position in positions for stored in position.unfinished)
    return [str(record.key) for record in unfinished if any(leg.is_open for leg in record.legs)]


def _accepted(odd: tuple[Unexplained, ...], traded: Mapping[str, BotState], *, control: Control) -> list[Unexplained]:
    """Return what is taken as it is: everything before the first fill, later what `resume` was said after.

    What was said counts once: not for a change that is found after a run of any symbol concerned has heeded it.
    """
    if all(state.last_filled is None for state in traded.values()):
        return list(odd)
    if control.mode is not ControlMode.RUN or control.sequence == 0:
        return []
    heeded = [state.opening for state in traded.values() if state.paper.control_sequence == control.sequence]
    return [each for each in odd if not any(each.asset in opening for opening in heeded)]


def _opened(desk: Desk, state: BotState) -> BotState:
    """Return the state with what this symbol may use of the account, and what the account held before.

    Of each of its assets: what no other symbol has a claim on, shared equally among those that have none yet. A claim
    is an allocation with all that was bought and sold on it, so nobody is given what another one's sale brought in.
    Raises Retryable while the outcome of another symbol's order is unknown: it may be in the balances already.
    """
    bot = desk.bot
    own = bot.exchange.rules(desk.symbol)
    everyone = states(bot, without=[desk.symbol], anew=True)
    balances = bot.exchange.balances()
    unknown = _unknown_orders(bot, {*bot.symbols, *everyone} - {desk.symbol})
    if unknown or states(bot, without=[desk.symbol], anew=True) != everyone:
        raise Retryable(
            f"{desk.symbol} has no share of the account yet, and cannot be given one while orders of other symbols are"
            f" under way ({', '.join(unknown) or 'one has just been filled'}); the next scheduled run tries again"
        )
    others = {symbol: each for symbol, each in everyone.items() if each.epoch == state.epoch}
    traded = {symbol: each for symbol, each in others.items() if each.allocation is not None}
    free = dict(balances)
    for each in traded.values():
        for asset, claim in zip(each.opening, _claims_of(each), strict=False):  # its opening names base and quote
            free[asset] = free.get(asset, ZERO) - claim
    waiting = {symbol: state for symbol in bot.symbols if symbol not in traded}
    users = [asset for its in rules_of(bot, waiting).values() for asset in (its.base_asset, its.quote_asset)]
    base, quote = (
        max(free.get(asset, ZERO), ZERO) / max(users.count(asset), 1) for asset in (own.base_asset, own.quote_asset)
    )
    return replace(
        state,
        allocation=Allocation(base=base, quote=quote),
        opening=opening_of(balances, states=traded, own=own),
    )


def _claims_of(state: BotState) -> tuple[Decimal, ...]:
    if state.allocation is None:
        return ()
    return state.allocation.base + state.execution.position, state.allocation.quote + state.execution.cash
