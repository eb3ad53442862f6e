"""What the account should hold, from our own fills alone; balances only check it.

    expected(asset) = opening(asset) + what our fills of this epoch brought or took, over all symbols

A difference beyond the dust is unexplained: somebody deposited, withdrew or traded, or the account was reset. Which of
them it is, is not decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.accounting import ExecutionBook
from trader.core.journal import BotState
from trader.core.orders import ZERO, SymbolRules, as_decimal

_QUOTE_DUST = Decimal("0.01")
"""As a share of the smallest order, and in quote units where there is no such limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """An asset whose free balance is not what our own fills explain; amounts in its own units."""

    asset: str
    expected: Decimal
    found: Decimal

    def __str__(self) -> str:
        return (
            f"{self.asset}: the account has {_plain(self.found)} free, our own fills explain {_plain(self.expected)}"
            f" (a difference of {_plain(self.found - self.expected)})"
        )


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def current(states: Mapping[str, BotState]) -> dict[str, BotState]:
    """Return the symbols that have an allocation in the newest epoch; the others have to open one first."""
    epoch = max((state.epoch for state in states.values()), default=1)
    return {symbol: state for symbol, state in states.items() if state.epoch == epoch and state.allocation is not None}


def find_unexplained(
    balances: Mapping[str, Decimal], *, states: Mapping[str, BotState], rules: Mapping[str, SymbolRules]
) -> tuple[Unexplained, ...]:
    """Return the assets whose balance is not explained, among those of the symbols in `states` (all of one epoch).

    Dust is one lot step of base units, and a hundredth of the smallest order in quote units. A symbol without rules
    (the exchange does not have it any more) counts with its fills all the same.
    """
    expected = newest_opening(states)
    dust = dict.fromkeys(expected, ZERO)
    for symbol, state in states.items():
        for asset, amount in _flows(state).items():
            if asset in expected:
                expected[asset] += amount
        for asset, amount in (_dust(rules[symbol]) if symbol in rules else {}).items():
            dust[asset] = max(dust.get(asset, ZERO), amount)
    return tuple(
        Unexplained(asset=asset, expected=amount, found=balances.get(asset, ZERO))
        for asset, amount in sorted(expected.items())
        if abs(balances.get(asset, ZERO) - amount) > dust[asset]
    )


def opening_of(
    balances: Mapping[str, Decimal], *, states: Mapping[str, BotState], own: SymbolRules
) -> dict[str, Decimal]:
    """Return what the account held of a symbol's base and quote asset before any fill of this epoch (in `states`)."""
    opening = {asset: balances.get(asset, ZERO) for asset in (own.base_asset, own.quote_asset)}
    for state in states.values():
        for asset, amount in _flows(state).items():
            if asset in opening:
                opening[asset] -= amount
    return opening


def newest_opening(states: Mapping[str, BotState]) -> dict[str, Decimal]:
    """Return what the account held at the start of the epoch, as the newest run saw it: it may have been corrected."""
    opening: dict[str, Decimal] = {}
    for state in sorted(states.values(), key=lambda state: (str(state.paper.open_time), state.paper.control_sequence)):
        opening |= state.opening
    return opening


def renewed(state: BotState, *, epoch: int) -> BotState:
    """Return the state at the start of a new epoch: nothing is held, and the allocation has to be opened again.

    What the lost position was worth at the last close stays in the execution book's equity.
    """
    lost = state.execution
    carried = lost.equity(as_decimal(state.paper.close))
    execution = ExecutionBook(target=lost.target, fees=lost.fees, carried=carried)
    return replace(state, epoch=epoch, allocation=None, opening={}, last_filled=None, execution=execution)


def _flows(state: BotState) -> dict[str, Decimal]:
    """Return what a symbol's fills brought (took: negative) of each asset; its opening names base and quote."""
    book = state.execution
    base, quote = state.opening
    flows = {base: book.position, quote: book.cash}
    for asset, fees in book.other_fees.items():
        flows[asset] = flows.get(asset, ZERO) - fees
    return flows


def _dust(rules: SymbolRules) -> dict[str, Decimal]:
    return {rules.base_asset: rules.step, rules.quote_asset: _QUOTE_DUST * (rules.min_notional or 1)}
