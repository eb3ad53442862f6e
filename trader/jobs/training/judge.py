"""Judging what a search has found: its walk-forward, its model's behaviour, and the gate on the hold-out."""

from collections.abc import Callable
from dataclasses import dataclass

from trader.core.decision import DecisionRule
from trader.core.evaluation.report import Evaluation, evaluate_stream
from trader.core.indicators import WARM_UP
from trader.core.klines import Klines, from_ms
from trader.jobs.bot import Desk
from trader.jobs.training.search import Found
from trader.jobs.training.setup import Spans, TrainingSetup
from trader.ml.checks import Check, check_model, failed, tick_of
from trader.ml.gate import Terms, Verdict, decide_hold_out, run_gate
from trader.ml.importance import Importance
from trader.ml.promotion import CheckLimits
from trader.ml.recipe import Recipe
from trader.ml.training import TrainedModel, train_model
from trader.ml.trials import overfitting_of, trials_info
from trader.ml.walkforward import Fold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What speaks for and against a challenger; everything is None or empty when the search found none.

    `challenger` is the model that was judged, fitted to what was known when the hold-out began.
    """

    effective: float | None = None
    in_sample: Evaluation | None = None
    hold_out: Evaluation | None = None
    importance: Importance | None = None
    challenger: TrainedModel | None = None
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None

    @property
    def is_sound(self) -> bool:
        """Whether there is a challenger and its model behaves."""
        return self.challenger is not None and not failed(self.checks)

    @property
    def complaints(self) -> str:
        """What is wrong with the model's behaviour, in words."""
        return in_words(self.checks)


def judge(
    desk: Desk,
    klines: Klines,
    *,
    spans: Spans,
    found: Found,
    champion: Recipe,
    setup: TrainingSetup,
    heartbeat: Callable[[], None],
) -> Judged:
    """Return the judgement on what a search has found. The hold-out is read by the gate and the evaluation on it."""
    recipe = found.recipe
    if recipe is None or found.stream is None:
        return Judged()
    bot, rules = desk.bot, desk.bot.rules
    trials = trials_info(found.study)
    in_sample = evaluate_stream(
        found.stream, costs=rules.costs, seed=setup.seed, trials=trials, overfitting=overfitting_of(found.study)
    )
    heartbeat()
    before = klines[: spans.hold_out + 1]
    challenger = train_model(
        before, symbol=desk.symbol, recipe=recipe, now=bot.clock.now(), versions=bot.versions, study=found.study_id
    )
    checks = check_newest(challenger, before, rule=rules.decision, limits=setup.checks)
    heartbeat()
    terms = Terms(rule=rules.decision, costs=rules.costs, range_margin=rules.risk.range_margin)
    verdict = run_gate(
        klines,
        champion=champion,
        challenger=recipe,
        start=from_ms(klines.open_time[spans.hold_out]),
        end=from_ms(klines.open_time[spans.end]),
        terms=terms,
        rules=setup.gate,
        seed=setup.seed,
    )
    stream = decide_hold_out(klines, recipe=recipe, fold=Fold(start=spans.hold_out, stop=spans.end), terms=terms)
    return Judged(
        effective=None if trials is None else trials.effective,
        in_sample=in_sample,
        hold_out=evaluate_stream(stream, costs=rules.costs, seed=setup.seed),
        importance=found.importance,
        challenger=challenger,
        checks=checks,
        verdict=verdict,
    )


CHECKED_KLINES = WARM_UP + 2000


def check_newest(model: TrainedModel, klines: Klines, *, rule: DecisionRule, limits: CheckLimits) -> tuple[Check, ...]:
    """Return every behavioural check of a model on the newest klines."""
    newest = klines[-CHECKED_KLINES:]
    return check_model(model, newest, rule=rule, tick=tick_of(newest), limits=limits)


def in_words(checks: tuple[Check, ...]) -> str:
    """Return what did not pass, in words; empty when everything did."""
    return "; ".join(f"{check.name}: {check.words}" for check in failed(checks))
