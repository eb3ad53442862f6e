"""The report of a training in a few lines of plain text: what was tried, what it is worth, and what came of it."""

from textwrap import wrap

from trader.core.evaluation.report import Evaluation
from trader.core.performance import evidence
from trader.core.training import TrainingOutcome
from trader.ml.gate import Side, Verdict
from trader.ml.recipe import EnsembleKind, Recipe
from trader.ml.report import StudySummary, TrainingReport

WIDTH = 100
_INDENT = " " * 10
_OUTCOMES = {
    TrainingOutcome.PROMOTED: "PROMOTED: the new model decides from the next run on",
    TrainingOutcome.REJECTED: "REJECTED: nobody else decides than before",
    TrainingOutcome.CHALLENGER: "CHALLENGER: the new model waits for a person's word, `trader models promote`",
    TrainingOutcome.FAILED: "FAILED: nobody else decides than before",
}


def describe_training(report: TrainingReport) -> list[str]:
    """Return a training from its search to its outcome, in lines of at most 100 columns (an id is never broken)."""
    lines = [f"training  {report.symbol} {report.interval}, {report.why}", *_study(report.study)]
    if report.recipe is not None:
        lines.append(f"recipe    {describe_recipe(report.recipe)}")
    if report.in_sample is not None:
        lines += _evaluation("searched", report.in_sample, note="the best of all trials: flattering")
        lines += _luck(report.in_sample, report.study)
    if report.hold_out is not None:
        lines += _evaluation("hold-out", report.hold_out, note="the search knew nothing of these hours")
    lines += [f"check     FAILED {check.name}: {check.words}" for check in report.checks if not check.passed]
    if report.checks and all(check.passed for check in report.checks):
        lines.append(f"checks    the model behaves: all {len(report.checks)} passed")
    if report.verdict is not None:
        lines += _gate(report.verdict)
    lines.append(f"result    {_OUTCOMES[report.outcome]}")
    lines.append(f"{_INDENT}{report.result}")
    lines.append(f"model     {report.model_id or 'none'}")
    if report.champion and report.outcome is not TrainingOutcome.PROMOTED:
        lines.append(f"champion  {report.champion}, as before")
    return [part for line in lines for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return wrap(
        line, WIDTH, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )


def describe_recipe(recipe: Recipe) -> str:
    """Return a recipe in one line."""
    parts = [f"{recipe.rounds} trees", *(f"{name} {value:.4g}" for name, value in recipe.params.items())]
    parts.append(f"look-back {recipe.look_back_days} days")
    if recipe.horizon != 1:
        parts.append(f"label over {recipe.horizon} klines")
    if recipe.ensemble.size > 1:
        differ = "seeds" if recipe.ensemble.kind is EnsembleKind.SEEDS else "look-backs"
        parts.append(f"mean of {recipe.ensemble.size} {differ}")
    rule = recipe.decision
    if rule is not None:
        parts.append(f"band {rule.band:g}, exit {rule.exit}")
        if rule.min_volatility:
            parts.append(f"volatility >= {rule.min_volatility:g}")
        if rule.min_volume_ratio:
            parts.append(f"volume ratio >= {rule.min_volume_ratio:g}")
    return ", ".join(parts)


def _study(study: StudySummary) -> list[str]:
    again = "the same again on another machine" if study.is_reproducible else "NOT reproducible"
    dropped = [f"{count} {how}" for count, how in ((study.pruned, "pruned"), (study.failed, "failed")) if count]
    among = f" ({', '.join(dropped)})" if dropped else ""
    tried = f"{study.trials} trials{among} in {study.seconds:.0f} s"
    return [
        f"study     {study.study_id}: {tried}; {study.why_stopped}, {again}",
        f"{_INDENT}scored on {study.first:%Y-%m-%d} to {study.last:%Y-%m-%d}",
    ]


def _evaluation(name: str, found: Evaluation, *, note: str) -> list[str]:
    metrics, interval = found.metrics, found.uncertainty.net
    warning = f" ({found.evidence})" if found.evidence else ""
    coins, sides = found.no_skill.coins, found.no_skill.sides
    luck = f"{coins.at_least_as_good:.0%} of coins that trade as often, {sides.at_least_as_good:.0%} at the same hours"
    span = f"{interval.level:.0%} interval {interval.low:+.2%} to {interval.high:+.2%} net"
    return [
        f"{name:<10}{metrics.net:+.2%} net, {metrics.gross:+.2%} gross ({found.costs}); {note}",
        f"{_INDENT}{metrics.klines} klines, {metrics.round_trips} round trips{warning}",
        f"{_INDENT}{span}; buy and hold {found.no_skill.hold:+.2%}",
        f"{_INDENT}{luck}, did as well",
    ]


def _luck(found: Evaluation, study: StudySummary) -> list[str]:
    deflated, overfitting = found.luck.deflated, found.overfitting
    parts = []
    if deflated is not None and deflated.probability is not None and deflated.raw_probability is not None:
        parts.append(
            f"deflated Sharpe ratio {deflated.probability:.2f} for {deflated.trials.effective:.0f} independent trials,"
            f" {deflated.raw_probability:.2f} for all {deflated.trials.raw} (0.95 would be skill)"
        )
    if overfitting is not None:
        left_out = study.trials - overfitting.trials
        beside = f" ({left_out} pruned, failed or without evidence not among them)" if left_out else ""
        parts.append(f"probability of overfitting {overfitting.pbo:.0%} over {overfitting.trials} trials{beside}")
    return [f"luck      {'; '.join(parts)}"] if parts else []


def _gate(verdict: Verdict) -> list[str]:
    sides = (("the recipe to beat", verdict.champion), ("challenger", verdict.challenger))
    return [
        f"gate      both recipes fitted before the hold-out, {verdict.first:%Y-%m-%d} to {verdict.last:%Y-%m-%d}",
        *(f"{_INDENT}{name}: {_side(side)}" for name, side in sides if side is not None),
        f"{_INDENT}{'passed' if verdict.promoted else 'NOT passed'}: {verdict.why}",
    ]


def _side(side: Side) -> str:
    note, earned = evidence(side.round_trips), f"{side.net:+.2%} net, {side.gross:+.2%} gross"
    return f"{earned}, {side.round_trips} round trips{f' ({note})' if note else ''}, drawdown {side.max_drawdown:.2%}"
