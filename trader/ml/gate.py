"""The gate: a challenger's recipe against the champion's, on hours that neither was chosen by.

Recipes are compared, not models: a champion that has been trading knows klines that a new search has not seen, or has
seen the hold-out itself. Both recipes are fitted to what was known when the hold-out began, each on its own look-back,
and trade it from flat by their own decision rules, net of costs. The champion stays unless the challenger has won.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from trader.core.accounting import Costs
from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig, BadData
from trader.core.evaluation.bootstrap import block_length, paired_lower_bound
from trader.core.evaluation.stream import Stream
from trader.core.klines import Klines
from trader.core.performance import evaluate
from trader.ml.history import build_history
from trader.ml.promotion import GateRules
from trader.ml.recipe import Recipe
from trader.ml.walkforward import Fold, FoldTask, fit_fold, trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What both sides trade under; `rule` is for recipes without a decision rule of their own."""

    rule: DecisionRule
    costs: Costs
    range_margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one recipe made of the hold-out: sums of hourly returns, and how often and how long it was in a position."""

    gross: float
    net: float
    round_trips: int
    exposed: float
    max_drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the challenger has won, why in words, and everything that the decision rests on.

    `first` and `last` are the open times of the first and last kline decided on. `difference` is challenger - champion
    net, `bound` what it exceeds with the rules' confidence; `block` is the mean length used. None where a side could
    not be fitted.
    """

    promoted: bool
    why: str
    champion: Side | None
    challenger: Side | None
    difference: float | None
    bound: float | None
    block: float | None
    rules: GateRules
    seed: int
    first: datetime
    last: datetime


def run_gate(
    klines: Klines,
    *,
    champion: Recipe,
    challenger: Recipe,
    start: datetime,
    end: datetime,
    terms: Terms,
    rules: GateRules,
    seed: int,
) -> Verdict:
    """Return the verdict over the hold-out start <= open time < end, from gap-filled klines that reach back before it.

    The last return ends with the close of the kline at `end`, or with the last close there is; nothing later is read.
    Raises BadData when there is nothing to decide in that range.
    """
    first, stop = klines.index_of(start), klines.index_of(end)
    known = klines[: stop + 1]
    stop = min(stop, len(known) - 1)
    if stop - first < 2:  # noqa: PLR2004 - nothing can be resampled from one hour
        raise BadData(f"the hold-out from {start:%Y-%m-%d %H:%M} UTC has no settled klines; ingest more history")
    streams: list[Stream | None] = []
    problems = []
    for side, recipe in (("champion", champion), ("challenger", challenger)):
        try:
            streams.append(decide_hold_out(known, recipe=recipe, fold=Fold(start=first, stop=stop), terms=terms))
        except (BadData, BadConfig) as error:  # an indicator that is gone is a BadConfig
            streams.append(None)
            problems.append(f"the {side}'s recipe cannot be fitted: {error}")
    if resolved(champion, terms.rule) == resolved(challenger, terms.rule):
        problems.append("it is the champion's own recipe")
    span = klines[first:stop]
    return _verdict(streams, problems=problems, rules=rules, seed=seed, first=span.first, last=span.last)


def resolved(recipe: Recipe, rule: DecisionRule) -> Recipe:
    """Return the recipe with the rule that it trades by."""
    return replace(recipe, params=dict(recipe.params), decision=recipe.decision or rule)


def decide_hold_out(klines: Klines, *, recipe: Recipe, fold: Fold, terms: Terms) -> Stream:
    """Return what a recipe fitted at the fold's start makes of its rows. Raises BadData when it cannot be fitted."""
    history = build_history(klines, names=recipe.features, horizon=recipe.horizon)
    found = fit_fold(history, FoldTask(fold=fold, recipe=recipe, range_margin=terms.range_margin))
    return trade(history, found, rule=recipe.decision or terms.rule, costs=terms.costs)


def judge(champion: Stream, challenger: Stream, *, rules: GateRules, seed: int) -> Verdict:
    """Return the verdict on two streams over the same hours. Raises BadData when they are not the same."""
    if not np.array_equal(champion.open_time, challenger.open_time):
        raise BadData("champion and challenger did not decide the same hours")
    return _verdict(
        [champion, challenger], problems=[], rules=rules, seed=seed, first=champion.first, last=champion.last
    )


def _verdict(
    streams: Sequence[Stream | None],
    *,
    problems: Sequence[str],
    rules: GateRules,
    seed: int,
    first: datetime,
    last: datetime,
) -> Verdict:
    champion, challenger = streams
    sides = [None if stream is None else _side(stream) for stream in streams]
    objections, difference, bound, block = list(problems), None, None, None
    if sides[1] is not None:
        objections += _too_idle(sides[1], rules)
    if champion is not None and challenger is not None:
        difference = float((challenger.net - champion.net).sum())
        block = block_length(challenger.net - champion.net) if rules.block is None else rules.block
        bound = paired_lower_bound(
            challenger.net,
            champion.net,
            seed=seed,
            confidence=rules.confidence,
            draws=rules.draws,
            block=block,
        )
        if not bound > rules.margin:
            objections.append(
                f"with {rules.confidence:.0%} confidence it earns {bound:+.4f} more than the champion (measured:"
                f" {difference:+.4f}); more than {rules.margin:+.4f} is needed"
            )
    won = f"with {rules.confidence:.0%} confidence it earns at least {bound or 0:+.4f} more than the champion"
    if sides[1] is not None and sides[1].net < 0:
        won += f", although it loses, too ({sides[1].net:+.4f} net)"
    return Verdict(
        promoted=not objections,
        why="; ".join(objections) or won,
        champion=sides[0],
        challenger=sides[1],
        difference=difference,
        bound=bound,
        block=block,
        rules=rules,
        seed=seed,
        first=first,
        last=last,
    )


def _side(stream: Stream) -> Side:
    found = evaluate(exposure=stream.exposure, gross=stream.gross, net=stream.net, interval=stream.interval)
    return Side(
        gross=found.gross,
        net=found.net,
        round_trips=found.round_trips,
        exposed=found.exposed,
        max_drawdown=found.max_drawdown,
    )


def _too_idle(side: Side, rules: GateRules) -> list[str]:
    """Return in words what a challenger traded too little: a recipe that never trades has shown nothing."""
    found = []
    if side.round_trips < rules.min_round_trips:
        found.append(f"{side.round_trips} round trips in the hold-out; {rules.min_round_trips} are needed")
    if side.exposed < rules.min_exposure:
        found.append(f"in a position {side.exposed:.1%} of the time; {rules.min_exposure:.1%} is needed")
    return found
